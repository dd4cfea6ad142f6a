import { auditInWorker } from '../../../src/client/delegate.js'
import { createGraySync, isGraySyncError } from '../../../src/index.js'
import type { AuditOptions, AuditReport } from '../../../src/model/source.js'
import { browserPlatform } from '../../../src/platform/platform.js'
import { sides, sources } from './sides.js'

const ROWS = 3_000

type Told = Pick<AuditReport, 'complete' | 'tables'> & { divergences: string[] }

/** What a script outside says to the page. */
export interface WorkerLab {
  /** Two stores that differ in four rows, of which one is on its way. */
  fill(): Promise<void>
  inPage(): Promise<Told>
  inWorker(): Promise<Told>
  /** An audit in the worker that is given up once it tells that it goes on. */
  giveUp(): Promise<Told>
  /** Its code and message, where the worker is ended in the middle of an audit. */
  kill(): Promise<string>
  /** The same where there is no script for the worker. */
  loadNothing(): Promise<string>
}

declare global {
  interface Window {
    workerLab: WorkerLab
  }
}

const [left, right] = sources
const platform = browserPlatform()
const rules = { tables: { cards: { ignore: ['nowhere'] } } }
const gray = createGraySync({
  app: { name: 'audit-worker', version: '1' },
  // What it takes stays on its way.
  engines: { legacy: { version: '1', start: () => ({ push() {} }), data: left } },
  compare: rules,
  startTimeoutMs: 60_000,
})

const idOf = (at: number) => `card-${String(at).padStart(4, '0')}`
const openWorker = () => new Worker('/worker.js', { type: 'module' })

async function fill(): Promise<void> {
  for (const db of sides) {
    await db.delete({ disableAutoOpen: false })
    const cards = Array.from({ length: ROWS }, (_, at) => ({ id: idOf(at), text: `text ${at}` }))
    await db.table('cards').bulkAdd(cards)
  }
  const cards = sides[1].table('cards')
  await cards.bulkPut([0, 7].map((at) => ({ id: idOf(at), text: 'spoilt' })))
  await cards.delete(idOf(1_500))
  await cards.add({ id: 'extra', text: '' })
  await gray.start()
  await gray.enqueue({ entity: 'cards', entityId: idOf(7), kind: 'put' })
}

async function audit(options: AuditOptions): Promise<Told> {
  const { complete, tables, divergences } = await gray.audit({ against: right, ...options })
  return {
    complete,
    tables,
    divergences: divergences.map(({ key, kind, paths }) => `${key} ${kind} ${paths}`),
  }
}

/** Whether it rejects, and with what. */
async function fail(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing failed',
    (cause) => (isGraySyncError(cause) ? `${cause.code} ${cause.message}` : String(cause)),
  )
}

/** The half minute that a page waits for a word goes by in three seconds. */
function lose(worker: Worker): Promise<AuditReport> {
  return auditInWorker({
    platform: { ...platform, setTimer: (run, ms) => platform.setTimer(run, ms / 10) },
    worker,
    left: left.name,
    right: right.name,
    rules,
    readFlight: async () => new Set(),
    onProgress: () => worker.terminate(),
  })
}

async function use<T>(work: (worker: Worker) => Promise<T>): Promise<T> {
  const worker = openWorker()
  try {
    return await work(worker)
  } finally {
    worker.terminate()
  }
}

window.workerLab = {
  fill,
  inPage: () => audit({}),
  inWorker: () => use((worker) => audit({ worker })),
  giveUp: () => {
    const stop = new AbortController()
    return use((worker) => audit({ worker, signal: stop.signal, onProgress: () => stop.abort() }))
  },
  kill: () => use((worker) => fail(lose(worker))),
  loadNothing: () => fail(audit({ worker: new Worker('/nothing.js', { type: 'module' }) })),
}
