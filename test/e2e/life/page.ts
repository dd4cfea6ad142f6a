import { createGraySync, type GraySync } from '../../../src/index.js'
import type { Sink } from '../../../src/model/record.js'
import { createFakeEngine, type RowOperation } from '../../../src/testing.js'

/** A page of an app as a test steers it: `nostop` gives engines that can't be stopped. */
export interface LifePage {
  gray: GraySync<RowOperation>
  /** When this tab began to lead, epoch ms; `null` while it does not. */
  ledAt: number | null
  write(id: string): Promise<string>
  /** What the engine that was started last hears when it sends. */
  send(): Promise<string>
}

declare global {
  interface Window {
    life: LifePage
    /** Engines that were started in this page, by every copy of the SDK in it. */
    starts: number
  }
}

const query = new URLSearchParams(location.search)
const engines = {
  legacy: createFakeEngine(['cards']),
  refactored: createFakeEngine(['cards'], '2'),
}
window.starts ??= 0
for (const engine of Object.values(engines)) {
  const { start } = engine
  engine.start = async (ctx) => {
    window.starts++
    const running = (await start(ctx)) ?? {}
    if (!query.has('nostop') || !running.push) return running
    return { push: running.push }
  }
}

const sink: Sink = {
  async send({ records }) {
    const body = JSON.stringify(records.map(({ uid }) => uid))
    const sent = await fetch('/records', { method: 'POST', body }).catch(() => null)
    return sent?.ok ? { status: 'accepted' } : { status: 'retry' }
  },
}

const rollout = await (await fetch('/rollout')).json()
const gray = createGraySync<RowOperation>({
  app: { name: 'life', version: '1' },
  engines,
  rollout,
  sink,
})
const life: LifePage = {
  gray,
  ledAt: null,
  write: async (id) =>
    (await gray.enqueue({ entity: 'cards', entityId: id, kind: 'put', row: {} })).opId,
  send: () =>
    Promise.resolve(engines.legacy.starts.at(-1)?.fetch('/sync', { method: 'POST' })).then(
      (answer) => String(answer?.status),
      (cause) => String(cause.code ?? cause.name),
    ),
}
gray.subscribe(() => {
  const snapshot = gray.getSnapshot()
  const leads = snapshot.phase === 'running' && snapshot.role === 'writer'
  life.ledAt = leads ? (life.ledAt ?? Date.now()) : null
})
if (query.has('worker')) {
  await navigator.serviceWorker.register('/worker.js', { type: 'module' })
  await navigator.serviceWorker.ready
}
await gray.start()
window.life = life
