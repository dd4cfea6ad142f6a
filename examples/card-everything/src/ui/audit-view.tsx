import type { AuditReport } from 'graysync'
import { httpSource } from 'graysync/sources'
import { useState } from 'react'
import { TABLES } from '../data/model.js'
import { gray } from '../gray.js'
import { useStrings } from './language.js'

type State =
  | { kind: 'idle' }
  | { kind: 'busy'; done: number }
  | { kind: 'done'; report: AuditReport }
  | { kind: 'failed'; message: string }

/** Compares the rows on this device with the server's, and shows counts and field names. */
export function AuditView({ user }: { user: string | null }) {
  const strings = useStrings()
  const [state, setState] = useState<State>({ kind: 'idle' })
  const compare = async (userId: string) => {
    setState({ kind: 'busy', done: 0 })
    try {
      const report = await gray.audit({
        against: httpSource({
          url: '/api/source',
          tables: TABLES,
          digest: true,
          headers: { authorization: `Bearer ${userId}` },
        }),
        onProgress: ({ done }) => setState({ kind: 'busy', done }),
      })
      setState({ kind: 'done', report })
    } catch (cause) {
      setState({ kind: 'failed', message: cause instanceof Error ? cause.message : String(cause) })
    }
  }
  return (
    <>
      <button
        type="button"
        data-testid="compare"
        disabled={state.kind === 'busy' || user === null}
        onClick={() => user && void compare(user)}
      >
        {strings.compareServer}
      </button>
      <div role="status" data-testid="audit" data-state={state.kind}>
        {state.kind === 'busy' && <p>{strings.comparing(state.done)}</p>}
        {state.kind === 'failed' && <p>{strings.auditFailed(state.message)}</p>}
        {state.kind === 'done' && <Report report={state.report} />}
      </div>
    </>
  )
}

function Report({ report }: { report: AuditReport }) {
  const strings = useStrings()
  const fields = new Set(
    report.divergences.flatMap((own) => own.paths.map((path) => `${own.table}.${path}`)),
  )
  const verdict = report.clean
    ? strings.sameData
    : report.complete
      ? strings.differentData
      : strings.unfinishedAudit
  return (
    <>
      <p data-testid="audit-verdict" data-clean={report.clean}>
        {verdict}
      </p>
      <table>
        <thead>
          <tr>
            {strings.auditColumns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {report.tables.map((own) => (
            <tr key={own.table} data-testid={`audit-${own.table}`}>
              <th scope="row">{own.table}</th>
              <td>{own.compared}</td>
              <td>{own.missing}</td>
              <td>{own.extra}</td>
              <td>{own.changed}</td>
              <td>{own.inFlight + own.inconclusive}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {fields.size > 0 && (
        <p>
          {strings.fields}: <code>{[...fields].join(', ')}</code>
        </p>
      )}
    </>
  )
}
