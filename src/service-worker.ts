import { createDelivery } from './flows/deliver.js'
import {
  type Attendant,
  CENSUS,
  isMessage,
  OUTBOX_SYNC,
  parsePresent,
  ROLL_CALL,
} from './lib/roll-call.js'
import type { Consent, Sink } from './model/record.js'
import { askThrough } from './platform/port.js'
import { workerPlatform } from './platform/worker.js'
import { connectControl, readFact } from './store/control.js'
import { openDatabase } from './store/database.js'
import { createOutbox } from './store/outbox.js'
import { LANES } from './store/outbox-log.js'

const ANSWER_MS = 500

interface WindowClient {
  readonly url: string
  postMessage(message: unknown, transfer: Transferable[]): void
}

/** What is used of a service worker's global scope. */
export interface WorkerScope {
  readonly registration: { readonly scope: string }
  readonly clients: {
    matchAll(o: { type: 'window'; includeUncontrolled: boolean }): Promise<readonly WindowClient[]>
  }
  addEventListener(type: string, listener: (event: Event) => void): void
}

/** What a service worker's events have beside those of a page. */
interface WorkerEvent extends Event {
  readonly data?: unknown
  readonly ports?: readonly MessagePort[]
  readonly tag?: string
  waitUntil(work: Promise<unknown>): void
}

/**
 * Adds graysync's part to the app's own service worker; nothing needs it. It answers which windows of the app run graysync,
 * so that a handover waits for those that don't, and sends what waits in the outbox once there is a network again, where a
 * `sink` is given and the browser has background sync. Call it while the worker is evaluated.
 *
 * @example
 * serveGraySync(self, { sink: otlpSink({ url: '/v1/logs' }) })
 */
export function serveGraySync(scope: WorkerScope, o: { sink?: Sink } = {}): void {
  const { sink } = o
  scope.addEventListener('message', (event) => {
    const { data, ports, waitUntil } = event as WorkerEvent
    const [port] = ports ?? []
    if (!port || !isMessage(data, CENSUS)) return
    waitUntil.call(
      event,
      takeRoll(scope).then((census) => port.postMessage(census)),
    )
  })
  if (!sink) return
  scope.addEventListener('sync', (event) => {
    const { tag, waitUntil } = event as WorkerEvent
    if (tag === OUTBOX_SYNC) waitUntil.call(event, emptyOutbox(sink))
  })
}

/** Every window of the app, also one that no worker controls. */
async function takeRoll({ clients, registration }: WorkerScope): Promise<Attendant[]> {
  const windows = await clients.matchAll({ type: 'window', includeUncontrolled: true })
  const own = windows.filter(({ url }) => url.startsWith(registration.scope))
  return Promise.all(
    own.map(async (window) => {
      const answer = await askThrough((port) => window.postMessage(ROLL_CALL, [port]), ANSWER_MS)
      return { url: new URL(window.url).pathname, build: parsePresent(answer) }
    }),
  )
}

/** Rejects where something is left, so that the browser tries again later. */
async function emptyOutbox(sink: Sink): Promise<void> {
  const platform = workerPlatform()
  const lifetime = new AbortController()
  const { signal } = lifetime
  const control = connectControl(platform)
  const database = await openDatabase(platform)
  try {
    const consent = (await readFact<Consent>(control, 'consent')) ?? 'pending'
    const onError = () => {}
    const outbox = createOutbox({ platform, database, consent, onError, signal })
    const delivery = createDelivery({ platform, outbox, sink, onDelivered() {}, onError, signal })
    await delivery.drain()
    if (await outbox.nextErasure()) throw new Error('upstream has not erased yet what it is to')
    for (const lane of LANES) {
      if (await outbox.next(lane)) throw new Error(`the outbox still holds records (${lane})`)
    }
  } finally {
    lifetime.abort()
    control.close()
    database.close()
  }
}
