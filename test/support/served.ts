import { IDBFactory } from 'fake-indexeddb'
import type { Events, GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
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
import { sign, type TestKeys } from './rollout.js'

export type Client = GraySync<RowOperation>

/** A profile whose upstream serves what was published last. */
export interface Served {
  world: World
  engines: { legacy: FakeEngine; refactored: FakeEngine }
  publish(change: Partial<Rollout>): Promise<void>
  open(more?: Partial<GraySyncOptions<RowOperation>>, tab?: Tab): Client
}

const URL = 'https://upstream.test/rollouts/sync-engine'

export function createServed(keys: TestKeys, o: WorldOptions = {}): Served {
  const world = createWorld({ indexedDB: new IDBFactory(), ...o })
  const engines = {
    legacy: createFakeEngine(['cards']),
    refactored: createFakeEngine(['cards'], '2'),
  }
  return {
    world,
    engines,
    async publish(change) {
      const envelope = await sign(keys, change)
      world.answer(() => new Response(envelope, { headers: { etag: `"${change.version}"` } }))
    },
    open: (more = {}, tab = world.tab()) =>
      createTestClient<RowOperation>(
        {
          app: { name: 'test', version: '1' },
          engines,
          rollout: { url: URL, keys: [keys.public] },
          ...more,
        },
        tab,
      ),
  }
}

export function awaitEvent<K extends keyof Events>(gray: Client, type: K): Promise<Events[K]> {
  return new Promise((resolve) => {
    const off = gray.on(type, (event) => {
      off()
      resolve(event)
    })
  })
}

/** One whole session that takes the published rollout over: the next start decides by it. */
export async function visit(
  served: Served,
  more: Partial<GraySyncOptions<RowOperation>> = {},
): Promise<void> {
  const gray = served.open(more)
  const noticed = awaitEvent(gray, 'rolloutChanged')
  await gray.start()
  await noticed
  await gray.close()
}
