import type { AuditReport, Repair, RepairOutcome } from 'graysync'
import { useState } from 'react'
import type { Row, Table } from '../data/model.js'
import { toLegacy, toRefactored } from '../data/shape.js'
import { gray, server } from '../gray.js'
import { useStrings } from './language.js'

type State =
  | { kind: 'idle' }
  | { kind: 'busy'; done: number }
  | { kind: 'done'; report: AuditReport; repair: Repair | null; outcome: RepairOutcome | null }
  | { kind: 'failed'; message: string }

/** Plans how the rows on this device become the server's. */
function plan(report: AuditReport, userId: string): Promise<Repair> {
  const isLegacy = gray.getSnapshot().running === 'legacy'
  return gray.repair({
    against: server,
    winner: 'right',
    of: report,
    convert: (table, row) =>
      isLegacy
        ? toLegacy(table as Table, row as Row)
        : toRefactored(table as Table, row as Row, userId),
  })
}

/** Compares the rows on this device with the server's, and shows counts and field names. */
export function AuditView({ user }: { user: string | null }) {
  const strings = useStrings()
  const [state, setState] = useState<State>({ kind: 'idle' })
  const fail = (cause: unknown) =>
    setState({ kind: 'failed', message: cause instanceof Error ? cause.message : String(cause) })
  const compare = async (userId: string) => {
    setState({ kind: 'busy', done: 0 })
    try {
      const report = await gray.audit({
        against: server,
        onProgress: ({ done }) => setState({ kind: 'busy', done }),
      })
      const repair = report.divergences.length > 0 ? await plan(report, userId) : null
      setState({ kind: 'done', report, repair, outcome: null })
    } catch (cause) {
      fail(cause)
    }
  }
  const mend = async (done: State & { kind: 'done' }, work: () => Promise<RepairOutcome>) => {
    try {
      setState({ ...done, outcome: await work() })
    } catch (cause) {
      fail(cause)
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
      <div className="report" role="status" data-testid="audit" data-state={state.kind}>
        {state.kind === 'busy' && <p>{strings.comparing(state.done)}</p>}
        {state.kind === 'failed' && <p>{strings.auditFailed(state.message)}</p>}
        {state.kind === 'done' && <Report report={state.report} />}
        {state.kind === 'done' && state.repair && (
          <Mending
            repair={state.repair}
            outcome={state.outcome}
            onWork={(work) => void mend(state, work)}
          />
        )}
      </div>
    </>
  )
}

/** What a repair would do, and the buttons that do it and take it back. */
function Mending(o: {
  repair: Repair
  outcome: RepairOutcome | null
  onWork(work: () => Promise<RepairOutcome>): void
}) {
  const strings = useStrings()
  const { plan, apply, undo } = o.repair
  const count = (wanted: string) => plan.steps.filter(({ action }) => action === wanted).length
  return (
    <>
      <p data-testid="repair-plan">
        {strings.repairPlan(count('put'), count('change'), count('delete'))}
      </p>
      <div className="choices">
        <button type="button" data-testid="repair" onClick={() => o.onWork(apply)}>
          {strings.repairNow}
        </button>
        <button
          type="button"
          data-testid="repair-undo"
          disabled={o.outcome === null}
          onClick={() => o.onWork(undo)}
        >
          {strings.repairUndo}
        </button>
      </div>
      {o.outcome && (
        <p data-testid="repair-outcome">
          {strings.repaired(o.outcome.done, o.outcome.outdated, o.outcome.differing)}
        </p>
      )}
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
