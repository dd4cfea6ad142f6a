import { trackFlight } from './consistency/flight.js'
import { audit } from './flows/audit.js'
import { isMessage } from './lib/roll-call.js'
import type { AuditWord, Errand, FlightAnswer } from './model/errand.js'
import { GraySyncError, isGraySyncError } from './model/errors.js'
import type { Source } from './model/source.js'
import { askThrough } from './platform/port.js'
import { workerPlatform } from './platform/worker.js'

export type { Source, SourceRow } from './model/source.js'

const BEAT_MS = 1_000
/** A page that is busy for longer is asked again by the next read. */
const ANSWER_MS = 30_000

/** Where requests arrive. */
type Requests = Pick<MessagePort, 'addEventListener'> & Partial<Pick<MessagePort, 'start'>>

/**
 * Serves the full audits of a page inside a worker: what the page gives as `worker` to `gray.audit` reads and compares
 * here. Sources are found by their names, which have to be those of the page. Call it at once, without waiting for a
 * database: sources open theirs when they are read. Any number of audits run beside each other. Throws OPTION where two
 * sources have one name.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { serveAudits } from 'graysync/audit-worker'
 * import { dexieSource } from 'graysync/dexie'
 * import { httpSource } from 'graysync/sources'
 *
 * const db = new Dexie('cards')
 * db.version(1).stores({ cards: 'id' })
 * serveAudits([
 *   dexieSource(db),
 *   httpSource({ name: 'server', url: '/api/source', tables: ['cards'] }),
 * ])
 * ```
 * @param requests Where audits are asked for: the port of a connection, in a shared worker. Default: the worker itself.
 */
export function serveAudits(sources: readonly Source[], requests: Requests = globalThis): void {
  const byName = new Map(sources.map((source) => [source.name, source]))
  if (byName.size < sources.length) {
    const names = sources.map(({ name }) => name).join(', ')
    throw new GraySyncError('OPTION', `sources: a name of its own is needed for each, got ${names}`)
  }
  requests.addEventListener('message', ({ data, ports: [port] }) => {
    if (port && isErrand(data)) void serve(byName, data, port)
  })
  requests.start?.()
}

function isErrand(message: unknown): message is Errand {
  return isMessage(message, { graysync: 'audit' } satisfies Pick<Errand, 'graysync'>)
}

/** The page closes the port once it has the answer. */
async function serve(
  sources: ReadonlyMap<string, Source>,
  errand: Errand,
  port: MessagePort,
): Promise<void> {
  const say = (word: AuditWord, transfer: Transferable[] = []) => port.postMessage(word, transfer)
  const platform = workerPlatform()
  const ended = new AbortController()
  // The only message on this port.
  port.onmessage = () => ended.abort()
  const beating = setInterval(() => say({ is: 'beat' }), BEAT_MS)
  try {
    const { left, right, rules, tables, settleMs, tells } = errand
    const [a, b] = [left, right].map((name) => find(sources, name)) as [Source, Source]
    const flight = await trackFlight(() => askFlight(say))
    const report = await audit({
      platform,
      left: flight.watch(a),
      right: flight.watch(b),
      rules,
      inFlight: flight.has,
      signal: ended.signal,
      ...(tables && { tables }),
      ...(settleMs !== undefined && { settleMs }),
      ...(tells && { onProgress: (progress) => say({ is: 'progress', progress }) }),
    })
    say({ is: 'report', report })
  } catch (cause) {
    say({ is: 'error', ...describe(cause) })
  } finally {
    clearInterval(beating)
  }
}

function find(sources: ReadonlyMap<string, Source>, name: string): Source {
  const source = sources.get(name)
  if (source) return source
  const names = [...sources.keys()].map((one) => `"${one}"`).join(', ') || 'none'
  throw new GraySyncError('AUDIT', `the worker has no source "${name}"; it has ${names}`)
}

async function askFlight(
  say: (word: AuditWord, transfer: Transferable[]) => void,
): Promise<ReadonlySet<string>> {
  const answer = (await askThrough(
    (port) => say({ is: 'flight' }, [port]),
    ANSWER_MS,
  )) as FlightAnswer | null
  if (answer && 'rows' in answer) return answer.rows
  throw new GraySyncError('AUDIT', answer?.failure ?? 'the page does not say what is on its way')
}

function describe(cause: unknown): Pick<GraySyncError, 'code' | 'message'> {
  if (isGraySyncError(cause)) return { code: cause.code, message: cause.message }
  return { code: 'AUDIT', message: cause instanceof Error ? cause.message : String(cause) }
}
