import { IDBFactory } from 'fake-indexeddb'
import type { GraySync, GraySyncOptions } from '../../src/model/handle.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
  type Tab,
  type World,
  type WorldOptions,
} from '../../src/testing.js'

/** A profile without a rollout: it runs legacy. */
export interface Profile {
  world: World
  engines: { legacy: FakeEngine; refactored: FakeEngine }
  open(more?: Partial<GraySyncOptions<RowOperation>>, tab?: Tab): GraySync<RowOperation>
}

export function createProfile(o: WorldOptions = {}): Profile {
  const world = createWorld({ indexedDB: new IDBFactory(), ...o })
  const engines = {
    legacy: createFakeEngine(['cards']),
    refactored: createFakeEngine(['cards'], '2'),
  }
  return {
    world,
    engines,
    open: (more = {}, tab = world.tab()) =>
      createTestClient<RowOperation>(
        { app: { name: 'test', version: '1' }, engines, ...more },
        tab,
      ),
  }
}

export const put = (entityId: string, text = ''): RowOperation => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  row: { text },
})

/** Changes what a fake engine does with an operation that it is handed. */
export function replacePush(
  engine: FakeEngine,
  push: (op: RowOperation & { opId: string }, go: () => Promise<void>) => Promise<void>,
): void {
  const { start } = engine
  engine.start = async (ctx) => {
    const running = await start(ctx)
    if (!running?.push) throw new Error('the fake engine takes operations')
    const take = running.push
    return { ...running, push: (op, o) => push(op, async () => take(op, o)) }
  }
}

/** Holds a handover to this engine as it begins to fill its store. */
export function holdClear({ store }: FakeEngine): { begun: Promise<void>; goOn(): void } {
  if (!store) throw new Error('the fake engine has a store')
  const { clear } = store
  const held = { begin: () => {}, goOn: () => {} }
  const begun = new Promise<void>((resolve) => {
    held.begin = resolve
  })
  const gate = new Promise<void>((resolve) => {
    held.goOn = resolve
  })
  store.clear = async () => {
    held.begin()
    await gate
    await clear()
  }
  return { begun, goOn: () => held.goOn() }
}

/** Lets everything that waits for no clock come to rest. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Lets time pass second by second, in each of which everything comes to rest. */
export async function pass({ world }: Profile, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    world.advance(Math.min(left, 1_000))
    await rest()
  }
}

export const queued = (engine: FakeEngine): string[] => engine.disk.queue.map((row) => row.opId)

/** Lets the clock run until it is done. */
export async function inTime<T>({ world }: Profile, work: Promise<T>): Promise<T> {
  let isDone = false
  const end = () => {
    isDone = true
  }
  work.then(end, end)
  while (!isDone) {
    await rest()
    world.advance(100)
  }
  return work
}
