import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Lane, TelemetryRecord } from '../../src/model/record.js'
import type { Chunk } from '../../src/store/database.js'
import { FREE, listDrops } from '../../src/store/outbox-log.js'
import { addAll, type Desk, forgetDatabase, makeRecords, openDesk, until } from '../support/desk.js'
import { createDevice } from '../support/device.js'

const DAY_MS = 24 * 3_600_000
const desks: Desk[] = []

beforeEach(forgetDatabase)
afterEach(() => {
  vi.restoreAllMocks()
  for (const desk of desks.splice(0)) desk.close()
})

async function open(o: Parameters<typeof openDesk>[0] = {}): Promise<Desk> {
  const desk = await openDesk(o)
  desks.push(desk)
  return desk
}

async function chunks(desk: Desk): Promise<Chunk[]> {
  return desk.database ? desk.database.getAll('chunks') : []
}

async function drops(desk: Desk): Promise<Record<string, number>> {
  const note = await desk.database?.get('outbox', 'drops')
  return note?.key === 'drops' ? { ...note.counts } : {}
}

async function readAll(desk: Desk, lane: Lane): Promise<TelemetryRecord[]> {
  const all: TelemetryRecord[] = []
  for (let batch = await desk.outbox.next(lane); batch; batch = await desk.outbox.next(lane)) {
    all.push(...batch.records)
    await desk.outbox.settle(batch, {})
  }
  return all
}

function makeChunk(id: string, o: Partial<Chunk>): Chunk {
  const json = JSON.stringify(makeRecords(1))
  return { id, v: 1, lane: 'metric', count: 1, bytes: 100, since: Date.now(), json, ...o }
}

describe('a record', () => {
  it('is on disk soon after it was added, without anybody asking', async () => {
    const desk = await open()
    const uids = addAll(desk.outbox, makeRecords(1))
    await until(async () => (await chunks(desk)).length === 1)
    expect((await readAll(desk, 'metric')).map((record) => record.uid)).toEqual(uids)
  })

  it('shares one row with forty-nine others, of its own lane', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(60))
    addAll(desk.outbox, makeRecords(3, 'exposure'))
    await desk.outbox.flush()
    const counts = (await chunks(desk)).map(({ lane, count }) => [lane, count])
    expect(counts.sort()).toEqual([
      ['exposure', 3],
      ['metric', 10],
      ['metric', 50],
    ])
  })

  it('that is large shares its row with few', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(6, 'metric', 10_000))
    await desk.outbox.flush()
    expect((await chunks(desk)).map(({ count }) => count).sort()).toEqual([2, 4])
  })

  it('of a thousand is not waited with', async () => {
    const desk = await open({ device: createDevice({ speed: 0.001 }) })
    addAll(desk.outbox, makeRecords(999))
    expect(await chunks(desk)).toEqual([])
    addAll(desk.outbox, makeRecords(1))
    await until(async () => (await chunks(desk)).length === 20)
  })

  it('comes back as it was, in order', async () => {
    const desk = await open()
    const attributes = { 'naïve 漢字': [1, { a: null }] }
    const [first, second] = makeRecords(2)
    if (first) desk.outbox.add({ ...first, attributes })
    if (second) desk.outbox.add(second)
    await desk.outbox.flush()
    const read = await readAll(desk, 'metric')
    expect(read.map((record) => record.uid)).toEqual([first?.uid, second?.uid])
    expect(read[0]?.attributes).toEqual({ 'naïve 漢字': [1, { a: null }] })
  })

  it('that no JSON can hold, or that is huge, is counted and hurts nobody', async () => {
    const desk = await open()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const [broken] = makeRecords(1)
    if (broken) desk.outbox.add({ ...broken, attributes: circle })
    addAll(desk.outbox, makeRecords(1, 'exposure', 70_000))
    await until(async () => Object.keys(await drops(desk)).length === 2)
    expect(await drops(desk)).toEqual({ 'metric:unreadable': 1, 'exposure:tooLarge': 1 })
  })

  it('survives the end of its tab, and the next one reads it', async () => {
    const first = await open()
    const uids = addAll(first.outbox, makeRecords(30))
    first.close()
    const second = await open()
    expect((await readAll(second, 'metric')).map((record) => record.uid)).toEqual(uids)
  })

  it('added after the end is not taken', async () => {
    const desk = await openDesk({ withoutDatabase: true })
    desk.close()
    addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    expect(await desk.outbox.next('metric')).toBeNull()
  })
})

describe('feedback', () => {
  const entry = (size = 0) => makeRecords(1, 'feedback', size)[0] as TelemetryRecord

  it('is on disk when its promise resolves, by a strict transaction', async () => {
    const transaction = vi.spyOn(IDBDatabase.prototype, 'transaction')
    const desk = await open()
    await expect(desk.outbox.addDurably(entry())).resolves.toEqual({ durable: true })
    expect(await chunks(desk)).toHaveLength(1)
    const modes = transaction.mock.calls.filter(([, mode]) => mode === 'readwrite')
    expect(modes[0]?.[2]).toEqual({ durability: 'strict' })
  })

  it('submitted twice takes one place', async () => {
    const desk = await open()
    const record = entry()
    await desk.outbox.addDurably(record)
    await desk.outbox.addDurably({ ...record, body: 'more' })
    expect((await readAll(desk, 'feedback')).map((held) => held.body)).toEqual(['more'])
  })

  it('is refused when its own reserve is full, and says so', async () => {
    const desk = await open()
    const blob = new Blob(['x'.repeat(15 * 1024 * 1024)])
    await desk.outbox.addDurably(entry(), blob)
    await expect(desk.outbox.addDurably(entry(), blob)).rejects.toMatchObject({ code: 'QUOTA' })
    await expect(desk.outbox.addDurably(entry())).resolves.toEqual({ durable: true })
  })

  it('is accepted without a database, and does not claim to be durable', async () => {
    const desk = await open({ withoutDatabase: true })
    await expect(desk.outbox.addDurably(entry())).resolves.toEqual({ durable: false })
    expect((await desk.outbox.next('feedback'))?.records).toHaveLength(1)
  })

  it('after the end rejects', async () => {
    const desk = await openDesk()
    desk.close()
    await expect(desk.outbox.addDurably(entry())).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('consent', () => {
  it('pending writes nothing to the disk, and granted writes what waited', async () => {
    const desk = await open({ consent: 'pending' })
    const uids = addAll(desk.outbox, makeRecords(120))
    await desk.outbox.flush()
    expect(await chunks(desk)).toEqual([])
    expect(await desk.outbox.next('metric')).toBeNull()
    await desk.outbox.setConsent('granted')
    expect(await chunks(desk)).not.toEqual([])
    expect((await readAll(desk, 'metric')).map((record) => record.uid)).toEqual(uids)
  })

  it('pending is bounded, and what was given up is told once it may be', async () => {
    const desk = await open({ consent: 'pending' })
    for (let i = 0; i < 120; i++) {
      addAll(desk.outbox, makeRecords(1, 'metric', 20_000))
      addAll(desk.outbox, makeRecords(1, 'error'))
    }
    await desk.outbox.flush()
    await desk.outbox.setConsent('granted')
    const bytes = (await chunks(desk)).reduce((sum, chunk) => sum + chunk.bytes, 0)
    expect(bytes).toBeLessThan(1.1 * 1024 * 1024)
    const told: unknown[] = []
    await desk.outbox.tellDrops((drop) => {
      told.push(drop)
      return makeRecords(1)[0] as TelemetryRecord
    })
    expect(told).toEqual([{ lane: 'metric', reason: 'room', count: expect.any(Number) }])
    expect(await readAll(desk, 'error')).toHaveLength(121)
  })

  it('denied deletes all telemetry and keeps feedback', async () => {
    const desk = await open()
    await desk.outbox.addDurably(makeRecords(1, 'feedback')[0] as TelemetryRecord)
    addAll(desk.outbox, makeRecords(70))
    await desk.outbox.flush()
    addAll(desk.outbox, makeRecords(10, 'error'))
    await desk.outbox.setConsent('denied')
    addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    expect((await chunks(desk)).map((chunk) => chunk.lane)).toEqual(['feedback'])
    expect(desk.outbox.lastBreath().map((batch) => batch.lane)).toEqual(['feedback'])
    await desk.outbox.setConsent('granted')
    expect(await readAll(desk, 'metric')).toEqual([])
  })

  it('denied and granted again brings nothing back from between or before', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    await desk.outbox.setConsent('denied')
    addAll(desk.outbox, makeRecords(10))
    await desk.outbox.setConsent('granted')
    expect(desk.outbox.lastBreath()).toEqual([])
    expect(await readAll(desk, 'metric')).toEqual([])
  })

  it('denied wins over a write that is under way', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(60))
    await Promise.all([desk.outbox.flush(), desk.outbox.setConsent('denied')])
    expect(await chunks(desk)).toEqual([])
  })

  it('denied since the last time deletes what a crash left behind', async () => {
    const first = await open()
    addAll(first.outbox, makeRecords(60))
    await first.outbox.flush()
    const second = await open({ consent: 'denied' })
    await until(async () => (await chunks(second)).length === 0)
  })

  it('denied keeps a sender from putting back what it had in its hands', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    const batch = await desk.outbox.next('metric')
    await desk.outbox.setConsent('denied')
    if (batch) await desk.outbox.settle(batch, { rest: batch.records.slice(30) })
    expect(await chunks(desk)).toEqual([])
  })

  it('does not matter to purge, which deletes everything', async () => {
    const desk = await open()
    await desk.outbox.addDurably(makeRecords(1, 'feedback')[0] as TelemetryRecord, new Blob(['x']))
    addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    await desk.outbox.purge(null)
    expect(await chunks(desk)).toEqual([])
    expect(await desk.database?.count('blobs')).toBe(0)
  })
})

describe('bounds', () => {
  const MB = 1024 * 1024

  it('give up the oldest of the lowest lane first, and count what they give up', async () => {
    const desk = await open()
    const now = Date.now()
    const rows = [
      makeChunk('metric old', { bytes: 2 * MB, since: now - 3_000, count: 7 }),
      makeChunk('metric new', { bytes: MB, since: now - 1_000 }),
      makeChunk('exposure', { lane: 'exposure', bytes: 2 * MB, since: now - 5_000 }),
      makeChunk('error', { lane: 'error', bytes: MB, since: now - 9_000 }),
      makeChunk('feedback', { lane: 'feedback', bytes: 6 * MB, since: now - 9_000 }),
    ]
    for (const row of rows) await desk.database?.put('chunks', row)
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    await until(async () => Object.keys(await drops(desk)).length > 0)
    expect(await drops(desk)).toEqual({ 'metric:room': 7 })
    expect((await chunks(desk)).map((chunk) => chunk.id)).toEqual(
      expect.arrayContaining(['error', 'exposure', 'feedback', 'metric new']),
    )
  })

  it('leave the host nineteen parts of twenty of what is free', async () => {
    const desk = await open({ device: createDevice({ quota: 10 * MB }) })
    for (let i = 0; i < 8; i++) {
      await desk.database?.put(
        'chunks',
        makeChunk(`row ${i}`, { bytes: 0.1 * MB, since: i + Date.now() }),
      )
    }
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    await until(async () => Object.keys(await drops(desk)).length > 0)
    expect(await drops(desk)).toEqual({ 'metric:room': 4 })
  })

  it('hold nothing up where the browser never says how much room there is', async () => {
    const { tab } = createDevice({ speed: 100 })
    const hanging = () => {
      const { platform, live } = tab()
      return { live, platform: { ...platform, estimate: () => new Promise<never>(() => {}) } }
    }
    const desk = await open({ device: { tab: hanging } })
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    expect(await chunks(desk)).toHaveLength(2)
  })

  it('end telemetry after 14 days and feedback after 30', async () => {
    const desk = await open()
    const aged = (lane: Lane, days: number) =>
      makeChunk(`${lane} ${days}`, { lane, since: Date.now() - days * DAY_MS })
    for (const days of [13, 15, 31]) {
      for (const lane of ['error', 'feedback'] as const) {
        await desk.database?.put('chunks', aged(lane, days))
      }
    }
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    await until(async () => (await drops(desk))['feedback:age'] !== undefined)
    expect(await drops(desk)).toEqual({ 'error:age': 2, 'feedback:age': 1 })
    expect(await desk.outbox.entries()).toMatchObject([{ id: 'feedback 31', state: 'unsent' }])
  })

  it('keep counting across tabs and reloads until upstream is told', async () => {
    const first = await open()
    await first.outbox.settle(
      { lane: 'metric', ids: [], records: [] },
      { drops: listDrops({ 'metric:room': 2 }) },
    )
    first.close()
    const second = await open()
    await second.outbox.settle(
      { lane: 'metric', ids: [], records: [] },
      { drops: listDrops({ 'metric:room': 3 }) },
    )
    expect(await drops(second)).toEqual({ 'metric:room': 5 })
    const told: unknown[] = []
    const make = (drop: unknown) => {
      told.push(drop)
      return makeRecords(1, 'error')[0] as TelemetryRecord
    }
    await second.outbox.tellDrops(make)
    await second.outbox.tellDrops(make)
    expect(told).toEqual([{ lane: 'metric', reason: 'room', count: 5 }])
    expect(await readAll(second, 'error')).toHaveLength(1)
  })
})

describe('a disk that fails', () => {
  /** Lets the next writes fail as a browser does: the transaction aborts with its cause. */
  const failPuts = (causes: readonly string[], store = 'chunks') => {
    const left = [...causes]
    const put = IDBObjectStore.prototype.put
    return vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      ...value: Parameters<IDBObjectStore['put']>
    ) {
      const name = this.name === store ? left.shift() : undefined
      if (name) throw new DOMException('full', name)
      return put.apply(this, value)
    })
  }
  const FULL = ['QuotaExceededError', 'QuotaExceededError', 'QuotaExceededError']

  it('for want of room gives up a quarter of the telemetry, and then takes the record', async () => {
    const desk = await open()
    for (let i = 0; i < 8; i++) {
      await desk.database?.put('chunks', makeChunk(`row ${i}`, { since: Date.now() + i }))
    }
    failPuts(['QuotaExceededError'])
    const uids = addAll(desk.outbox, makeRecords(50, 'error'))
    await desk.outbox.flush()
    expect(await drops(desk)).toEqual({ 'metric:quota': 2 })
    expect((await readAll(desk, 'error')).map((record) => record.uid)).toEqual(uids)
    expect(desk.errors).toEqual([])
  })

  it('for want of room again keeps the records in memory and says so once', async () => {
    const desk = await open()
    failPuts([...FULL, ...FULL])
    const uids = addAll(desk.outbox, makeRecords(100))
    await desk.outbox.flush()
    expect(desk.errors.map((error) => error.code)).toEqual(['QUOTA'])
    expect((await readAll(desk, 'metric')).map((record) => record.uid)).toEqual(uids)
  })

  it('for want of room, and then once by another name, is not given up', async () => {
    const desk = await open()
    const before = addAll(desk.outbox, makeRecords(1, 'feedback'))
    await desk.outbox.flush()
    failPuts(['QuotaExceededError', 'InvalidStateError', 'InvalidStateError'])
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    expect(desk.errors.map((error) => error.code)).toEqual(['QUOTA'])
    expect((await readAll(desk, 'feedback')).map((record) => record.uid)).toEqual(before)
  })

  it('may leave a request without an answer: its transaction has one', async () => {
    const desk = await open()
    const put = IDBObjectStore.prototype.put
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      ...value: Parameters<IDBObjectStore['put']>
    ) {
      const request = put.apply(this, value)
      vi.spyOn(request, 'dispatchEvent').mockReturnValue(true)
      const tx = this.transaction as IDBTransaction & { _abort(name: string): void }
      queueMicrotask(() => tx._abort('QuotaExceededError'))
      return request
    })
    const uids = addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    expect(desk.errors.map((error) => error.code)).toEqual(['QUOTA'])
    expect((await readAll(desk, 'metric')).map((record) => record.uid)).toEqual(uids)
  })

  it('for want of room still lets go what upstream has, and memory keeps the count of what was refused', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(2))
    await desk.outbox.flush()
    const batch = await desk.outbox.next('metric')
    failPuts(FULL, 'outbox')
    const drops = listDrops({ 'metric:poison': 1 })
    if (batch) await desk.outbox.settle(batch, { drops })
    expect(await chunks(desk)).toEqual([])
    const told: unknown[] = []
    await desk.outbox.tellDrops((drop) => {
      told.push(drop)
      return makeRecords(1, 'error')[0] as TelemetryRecord
    })
    expect(told).toEqual(drops)
  })

  it('for want of room keeps a batch whose rest it does not take', async () => {
    const desk = await open()
    const uids = addAll(desk.outbox, makeRecords(2, 'feedback'))
    await desk.outbox.flush()
    const batch = await desk.outbox.next('feedback')
    failPuts(FULL)
    if (batch) await desk.outbox.settle(batch, { rest: batch.records.slice(1) })
    expect((await readAll(desk, 'feedback')).map((record) => record.uid)).toEqual(uids)
  })

  it('for want of room makes nobody forget how long upstream wants to be left alone', async () => {
    const desk = await open()
    await desk.outbox.setSchedule(FREE)
    const asked = { ...FREE, notBefore: Date.now() + 60_000, told: true, failures: 1 }
    failPuts(FULL, 'outbox')
    await desk.outbox.setSchedule(asked)
    expect(await desk.outbox.schedule()).toEqual(asked)
    await desk.outbox.setSchedule(FREE)
    expect(await desk.outbox.schedule()).toEqual(FREE)
  })

  it('once works the second time', async () => {
    const desk = await open()
    failPuts(['InvalidStateError'])
    addAll(desk.outbox, makeRecords(50))
    await desk.outbox.flush()
    expect(await chunks(desk)).toHaveLength(1)
    expect(desk.errors).toEqual([])
  })

  it('for good is left, and what waits is kept in memory', async () => {
    const desk = await open()
    desk.database?.close()
    const uids = addAll(desk.outbox, makeRecords(60))
    await desk.outbox.flush()
    expect(desk.errors.map((error) => error.code)).toEqual(['STORE'])
    expect((await readAll(desk, 'metric')).map((record) => record.uid)).toEqual(uids)
  })
})

describe('a chunk', () => {
  it('that cannot be read is counted and does not stop the others', async () => {
    const desk = await open()
    const now = Date.now()
    await desk.database?.put(
      'chunks',
      makeChunk('torn', { json: '[{"uid":', count: 9, since: now - 9 }),
    )
    await desk.database?.put('chunks', makeChunk('odd', { json: '[1]', since: now - 5 }))
    await desk.database?.put('chunks', makeChunk('fine', { since: now }))
    expect(await readAll(desk, 'metric')).toHaveLength(1)
    expect(await drops(desk)).toEqual({ 'metric:unreadable': 10 })
  })

  it('of a newer build is left to that build', async () => {
    const desk = await open()
    await desk.database?.put('chunks', { ...makeChunk('newer', {}), v: 2 as 1 })
    expect(await readAll(desk, 'metric')).toEqual([])
    expect((await chunks(desk)).map((chunk) => chunk.id)).toEqual(['newer'])
  })
})

describe('a last breath', () => {
  it('holds the newest records, the urgent first, within what a closing page may send', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(400, 'metric', 500))
    const urgent = addAll(desk.outbox, makeRecords(5, 'error'))
    const batches = desk.outbox.lastBreath()
    const records = batches.flatMap((batch) => batch.records)
    expect(records.slice(0, 5).map((record) => record.uid)).toEqual(urgent)
    expect(JSON.stringify(records).length).toBeLessThan(42_000)
    expect(records.length).toBeGreaterThan(30)
  })

  it('is not given twice, nor sent beside it, until it is released', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(5))
    const [batch] = desk.outbox.lastBreath()
    expect(desk.outbox.lastBreath()).toEqual([])
    expect(await desk.outbox.next('metric')).toBeNull()
    if (batch) desk.outbox.release(batch)
    expect((await desk.outbox.next('metric'))?.records).toEqual(batch?.records)
  })

  it('holds nothing that has been delivered', async () => {
    const desk = await open()
    addAll(desk.outbox, makeRecords(5))
    await desk.outbox.flush()
    await readAll(desk, 'metric')
    expect(desk.outbox.lastBreath()).toEqual([])
  })
})
