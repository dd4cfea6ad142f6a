import { IDBFactory } from 'fake-indexeddb'
import { beforeAll, describe, expect, it } from 'vitest'
import { bucketOf } from '../../src/decision/bucket.js'
import type { GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Sink, TelemetryRecord } from '../../src/model/record.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type RowOperation,
  type World,
} from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { rest } from '../support/session.js'

let keys: TestKeys

beforeAll(async () => {
  keys = await makeKeys()
})

interface Told {
  world: World
  records: TelemetryRecord[]
  gray: GraySync<RowOperation>
  /** Lets time go by until a record of this name has arrived. */
  hear(name: string): Promise<TelemetryRecord>
}

function open(o: Partial<GraySyncOptions<RowOperation>> = {}, world = makeWorld()): Told {
  const records: TelemetryRecord[] = []
  const sink: Sink = {
    async send(batch) {
      records.push(...batch.records)
      return { status: 'accepted' }
    },
  }
  const engines = { legacy: createFakeEngine(['cards']) }
  const app = { name: 'test', version: '5.7.0' }
  const gray = createTestClient<RowOperation>(
    { app, engines, sink, consent: 'granted', ...o },
    world.tab(),
  )
  return {
    world,
    records,
    gray,
    async hear(name) {
      for (let turn = 0; turn < 2_000; turn++) {
        const heard = records.find((record) => record.name === name)
        if (heard) return heard
        world.advance(500)
        await new Promise((resolve) => setTimeout(resolve))
      }
      throw new Error(`nothing of ${name} among ${records.map((record) => record.name)}`)
    },
  }
}

const makeWorld = () => createWorld({ indexedDB: new IDBFactory() })
const put = (entityId: string): RowOperation => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  row: { text: 'x' },
})

describe('what a handle tells', () => {
  it('counts operations by what they do, and features by what the host calls them', async () => {
    const { gray, hear } = open()
    await gray.start()
    await gray.enqueue(put('a'))
    await gray.enqueue(put('b'))
    gray.use('search')
    expect((await hear('graysync.use')).attributes).toMatchObject({
      'graysync.use.cards.put': 2,
      'graysync.use.search': 1,
    })
    await gray.close()
  })

  it('reports a feature without a name, and counts nothing', async () => {
    const { gray, hear } = open()
    const complaint = new Promise((resolve) => gray.on('error', resolve))
    await gray.start()
    gray.use('')
    expect(await complaint).toMatchObject({
      code: 'OPTION',
      message: 'use: feature must be a text, got ""',
    })
    expect((await hear('exception')).attributes).toMatchObject({ 'graysync.code': 'OPTION' })
    await gray.close()
  })

  it('says once what it runs on, with the version of the app', async () => {
    const { gray, hear, records } = open()
    await gray.start()
    expect(await hear('graysync.machine')).toMatchObject({
      lane: 'exposure',
      attributes: {
        'service.version': '5.7.0',
        'graysync.machine.indexeddb': true,
        'graysync.machine.locks': true,
      },
    })
    await hear('graysync.resource.sample')
    expect(records.filter(({ name }) => name === 'graysync.machine')).toHaveLength(1)
    await gray.close()
  })

  it('numbers the records of a session without a gap, beside a clock that never falls', async () => {
    const { gray, hear, records } = open()
    await gray.start()
    await gray.enqueue(put('a'))
    await hear('graysync.resource.sample')
    const told = records.map(({ attributes }) => attributes)
    const seqs = told.map((attributes) => Number(attributes['graysync.seq'])).sort((a, b) => a - b)
    expect(seqs).toEqual(seqs.map((_, index) => index))
    expect(new Set(told.map((attributes) => attributes['session.id'])).size).toBe(1)
    const inOrder = [...told].sort((a, b) => Number(a['graysync.seq']) - Number(b['graysync.seq']))
    const uptimes = inOrder.map((attributes) => Number(attributes['graysync.uptime.ms']))
    expect(uptimes).toEqual([...uptimes].sort((a, b) => a - b))
    await gray.close()
  })
})

describe('a sampled fleet', () => {
  async function tell(share: number): Promise<{ told: Told; installation: string }> {
    const world = makeWorld()
    const envelope = await sign(keys, { version: 1, telemetry: { sample: share } })
    const rollout = { keys: [keys.public], bootstrap: envelope }
    const told = open({ rollout }, world)
    await told.gray.start()
    await told.gray.enqueue(put('a'))
    const machine = await told.hear('graysync.machine')
    return { told, installation: String(machine.attributes['app.installation.id']) }
  }

  it('of share 0 tells exposures and errors, says the share, and keeps its metrics', async () => {
    const { told } = await tell(0)
    const exposure = await told.hear('feature_flag.evaluation')
    expect(exposure.attributes).toMatchObject({ 'graysync.sample': 0 })
    told.gray.use('')
    await told.hear('exception')
    for (let minute = 0; minute < 3; minute++) {
      told.world.advance(60_000)
      await rest()
    }
    expect(told.records.filter(({ lane }) => lane === 'metric')).toEqual([])
    await told.gray.close()
  })

  it('takes a device with all its metrics or none, by its hash', async () => {
    for (const above of [true, false]) {
      // The installation is drawn at random, so the share is put on either side of its bucket.
      const first = await tell(100_000)
      const bucket = bucketOf('salt/telemetry', first.installation)
      const share = Math.floor((bucket * 100_000) / 2 ** 32) + (above ? 1 : 0)
      const envelope = await sign(keys, { version: 2, telemetry: { sample: share } })
      await first.told.gray.close()
      const rollout = { keys: [keys.public], bootstrap: envelope }
      const next = open({ rollout }, first.told.world)
      await next.gray.start()
      await next.gray.enqueue(put('b'))
      const { attributes } = await next.hear('graysync.machine')
      for (let minute = 0; minute < 3; minute++) {
        next.world.advance(60_000)
        await rest()
      }
      const metrics = next.records.filter(
        (record) =>
          record.lane === 'metric' && record.attributes['session.id'] === attributes['session.id'],
      )
      expect(metrics.length > 0).toBe(above)
      await next.gray.close()
    }
  })
})
