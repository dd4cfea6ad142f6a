import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDelivery } from '../../src/flows/deliver.js'
import type { Sink, SinkResult, TelemetryRecord } from '../../src/model/record.js'
import { otlpSink } from '../../src/otlp.js'
import { type Collector, type Fault, openCollector } from '../support/collector.js'
import { addAll, type Desk, forgetDatabase, makeRecords, openDesk, until } from '../support/desk.js'
import { createDevice, type Device } from '../support/device.js'

const LANES = ['error', 'exposure', 'metric'] as const
let collector: Collector
const desks: Desk[] = []

beforeEach(async () => {
  await forgetDatabase()
  collector = await openCollector()
})

afterEach(async () => {
  for (const desk of desks.splice(0)) desk.close()
  await collector.close()
})

async function open(o: Parameters<typeof openDesk>[0] = {}): Promise<Desk> {
  const desk = await openDesk({ sink: otlpSink({ url: collector.url }), ...o })
  desks.push(desk)
  return desk
}

const sixty = () => LANES.flatMap((lane) => makeRecords(20, lane))

describe('an outage', () => {
  // Fifty times the wall's pace leaves a request 300 ms.
  const faults: [Fault, number][] = [
    ['reset', 50],
    ['500', 50],
    ['503', 50],
    ['429-seconds', 50],
    ['429-date', 50],
    // Fast enough for an hour, after which a parked lane is probed; a request may be taken for late.
    ['401', 4000],
    ['404', 4000],
    ['hang', 50],
    ['slow', 50],
    ['commit-then-drop', 50],
    ['portal', 50],
  ]
  it.each(faults)(
    'of kind %s loses none of 60 records',
    async (fault, speed) => {
      collector.fault = fault
      const desk = await open({ device: createDevice({ speed }) })
      const uids = addAll(desk.outbox, sixty())
      await until(() => collector.requests.length >= 2)
      collector.fault = 'none'
      await until(() => collector.stored.size === 60 && sum(desk) === 60)
      expect([...collector.stored.keys()].sort()).toEqual(uids.sort())
      expect(await leftovers(desk)).toBe(0)
      // Where an answer is lost or late, the records go again and are known by their ids.
      const isPatient = speed === 50 && fault !== 'commit-then-drop' && fault !== 'slow'
      if (isPatient) expect(collector.arrivals).toHaveLength(60)
    },
    30_000,
  )

  it('that ends with the browser killed loses nothing that was written', async () => {
    collector.fault = 'hang'
    const device = createDevice()
    const killed = await openDesk({ device, sink: otlpSink({ url: collector.url }) })
    const uids = addAll(killed.outbox, sixty())
    await killed.outbox.flush()
    await until(() => collector.requests.length >= 1)
    // What dies with a process: its connection, and the locks it held.
    killed.database?.close()
    collector.fault = 'none'
    const next = await open({ device: createDevice() })
    await until(() => sum(next) === 60)
    expect([...collector.stored.keys()].sort()).toEqual(uids.sort())
    killed.close()
  })

  it('keeps a record until upstream has acknowledged it', async () => {
    collector.fault = 'hang'
    const desk = await open()
    addAll(desk.outbox, makeRecords(1, 'error'))
    await until(() => collector.requests.length === 1)
    expect(await leftovers(desk)).toBe(1)
  })
})

describe('a wait', () => {
  it('that upstream asked for outlasts a reload and every nudge', async () => {
    collector.fault = '429-seconds'
    const first = await open()
    addAll(first.outbox, makeRecords(1))
    await first.delivery?.drain()
    expect(collector.requests).toHaveLength(1)
    collector.fault = 'none'
    first.tab.live('online')
    await first.delivery?.drain()
    first.close()
    const second = await open()
    await second.delivery?.drain()
    expect(collector.requests).toHaveLength(1)
    expect(await leftovers(second)).toBe(1)
  })

  it.each(['online', 'visible', 'pageshow'] as const)(
    'of our own ends when the page is %s',
    async (life) => {
      const device = createDevice()
      collector.fault = '503'
      const desk = await open({ device })
      const schedule = { key: 'schedule', told: false, failures: 12, parked: {} } as const
      await desk.delivery?.drain()
      await desk.outbox.setSchedule({ ...schedule, notBefore: desk.tab.platform.now() + 3_600_000 })
      addAll(desk.outbox, makeRecords(1, 'error'))
      await desk.outbox.flush()
      collector.fault = 'none'
      desk.tab.live(life)
      await until(() => sum(desk) === 1)
    },
  )

  it('of our own does not grow by attempts before it is over', async () => {
    const desk = await open()
    collector.fault = '503'
    await desk.delivery?.drain()
    const schedule = { key: 'schedule', told: false, failures: 3, parked: {} } as const
    await desk.outbox.setSchedule({ ...schedule, notBefore: desk.tab.platform.now() + 3_600_000 })
    addAll(desk.outbox, makeRecords(1, 'error'))
    await desk.delivery?.drain()
    expect(collector.requests).toEqual(['503'])
    const next = await desk.outbox.schedule()
    expect(next.failures).toBe(3)
    expect(next.notBefore).toBeLessThanOrEqual(desk.tab.platform.now() + 8_000)
  })

  it('of our own is kept while records go on coming', async () => {
    collector.fault = '503'
    const desk = await open({ device: createDevice({ speed: 50 }) })
    await desk.delivery?.drain()
    const schedule = { key: 'schedule', told: false, failures: 12, parked: {} } as const
    await desk.outbox.setSchedule({ ...schedule, notBefore: desk.tab.platform.now() + 3_600_000 })
    addAll(desk.outbox, makeRecords(60, 'error'))
    await desk.outbox.flush()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(collector.requests).toHaveLength(0)
  })

  it('set by a clock that has been put back since does not hold', async () => {
    const desk = await open()
    await desk.delivery?.drain()
    const farOff = desk.tab.platform.now() + 40 * 24 * 3_600_000
    await desk.outbox.setSchedule({
      key: 'schedule',
      notBefore: farOff,
      told: true,
      failures: 1,
      parked: { metric: farOff },
    })
    addAll(desk.outbox, makeRecords(3))
    await desk.delivery?.drain()
    expect(sum(desk)).toBe(3)
  })
})

describe('a refusal', () => {
  it('finds the poisoned record among sixty, counts it, and delivers the others', async () => {
    const desk = await open()
    const records = makeRecords(60)
    const [, , bad] = records
    if (bad) collector.poison.add(bad.uid)
    addAll(desk.outbox, records)
    await desk.delivery?.drain()
    await desk.delivery?.drain()
    const arrived = records.filter((record) => collector.stored.has(record.uid))
    expect(arrived).toEqual(records.filter((record) => record !== bad))
    expect(await desk.outbox.deadLetters()).toEqual([bad])
    expect(told(collector)).toEqual([{ lane: 'metric', reason: 'poison', count: '1' }])
  })

  it('of everything parks the lane instead of throwing the records away', async () => {
    const desk = await open()
    const records = makeRecords(60)
    for (const { uid } of records) collector.poison.add(uid)
    addAll(desk.outbox, records)
    await desk.delivery?.drain()
    expect(await desk.outbox.deadLetters()).toEqual([])
    expect((await desk.outbox.schedule()).parked.metric).toBeGreaterThan(Date.now())
    collector.poison.clear()
    await desk.outbox.setSchedule({
      key: 'schedule',
      notBefore: 0,
      told: false,
      failures: 0,
      parked: {},
    })
    await desk.delivery?.drain()
    expect(collector.stored.size).toBe(60)
  })

  it('for its size is split, and one record too large is counted and given up', async () => {
    collector.maxBytes = 8_000
    const desk = await open()
    const fine = addAll(desk.outbox, makeRecords(40))
    addAll(desk.outbox, makeRecords(1, 'metric', 9_000))
    await desk.delivery?.drain()
    await desk.delivery?.drain()
    expect([...collector.stored.keys()]).toEqual(expect.arrayContaining(fine))
    expect(told(collector)).toEqual([{ lane: 'metric', reason: 'tooLarge', count: '1' }])
    expect(await leftovers(desk)).toBe(0)
  })

  it('of a part is counted and not sent again', async () => {
    collector.rejects = 3
    const desk = await open()
    addAll(desk.outbox, makeRecords(10))
    await desk.delivery?.drain()
    collector.rejects = 0
    expect(sum(desk)).toBe(7)
    await desk.delivery?.drain()
    // The count was rejected too: that is counted in turn.
    expect(collector.arrivals).toHaveLength(12)
    expect(told(collector)).toEqual([
      { lane: 'metric', reason: 'rejected', count: '3' },
      { lane: 'error', reason: 'rejected', count: '1' },
    ])
  })

  it('that lasts gives up what does not fit, and every one of it is told in the end', async () => {
    collector.fault = '503'
    const desk = await open({ device: createDevice({ quota: 8_000_000 }) })
    for (let round = 0; round < 30; round++) {
      addAll(desk.outbox, makeRecords(100, 'error', 600))
      await desk.outbox.flush()
      await desk.delivery?.drain()
    }
    collector.fault = 'none'
    await desk.delivery?.drain()
    const counted = told(collector).reduce((count, drop) => count + Number(drop.count), 0)
    const arrived = collector.stored.size - told(collector).length
    expect(counted).toBeGreaterThan(100)
    expect(arrived + counted).toBe(3_000)
  })

  it('of one lane for its configuration lets the other lanes pass', async () => {
    const inner = otlpSink({ url: collector.url })
    const desk = await open({
      sink: {
        send: (batch, o) =>
          batch.records.some((record) => record.lane === 'error')
            ? Promise.resolve({ status: 'refused', because: 'config' })
            : inner.send(batch, o),
      },
    })
    addAll(desk.outbox, sixty())
    await desk.delivery?.drain()
    expect([...desk.delivered]).toEqual([
      ['exposure', 20],
      ['metric', 20],
    ])
  })
})

describe('many tabs', () => {
  it('share one sender', async () => {
    collector.fault = 'slow'
    const device = createDevice()
    const tabs = await Promise.all(Array.from({ length: 4 }, () => open({ device })))
    const uids = tabs.flatMap(({ outbox }) => addAll(outbox, sixty()))
    await Promise.all(tabs.map(({ delivery }) => delivery?.drain()))
    expect(collector.arrivals.sort()).toEqual(uids.sort())
    expect(collector.busiest).toBe(1)
  })

  it('without locks send each for itself, and the ids make that harmless', async () => {
    const device = createDevice()
    const tabs = await Promise.all(
      Array.from({ length: 3 }, () => open({ device: withoutLocks(device) })),
    )
    const uids = tabs.flatMap(({ outbox }) => addAll(outbox, sixty()))
    await Promise.all(tabs.map(({ delivery }) => delivery?.drain()))
    expect([...collector.stored.keys()].sort()).toEqual(uids.sort())
  })

  it('are not held up for ever by one that sleeps with the lock', async () => {
    const device = createDevice({ speed: 1000 })
    const asleep = device.tab().platform
    await asleep.lock?.('graysync-sender', { signal: new AbortController().signal })
    const desk = await open({ device })
    addAll(desk.outbox, makeRecords(5))
    await until(() => sum(desk) === 5)
  })
})

describe('a page that goes away', () => {
  it.each(['hidden', 'pagehide'] as const)(
    'on %s sends what it has not sent, once',
    async (life) => {
      const desk = await open()
      await desk.delivery?.drain()
      const uids = addAll(desk.outbox, sixty())
      desk.tab.live(life)
      await until(() => sum(desk) === 60)
      await desk.delivery?.drain()
      expect(collector.arrivals.sort()).toEqual(uids.sort())
      expect(await leftovers(desk)).toBe(0)
    },
  )

  it.each(['hidden', 'pagehide'] as const)(
    'on %s calls the sink, with keepalive, before the listener returns',
    async (life) => {
      const breaths: { lastBreath: boolean; uids: string[] }[] = []
      const desk = await open({
        sink: {
          async send({ records }, { lastBreath }) {
            breaths.push({ lastBreath, uids: records.map((record) => record.uid) })
            return { status: 'retry' }
          },
        },
      })
      await desk.delivery?.drain()
      const uids = addAll(desk.outbox, makeRecords(3, 'error'))
      desk.tab.live(life)
      expect(breaths).toEqual([{ lastBreath: true, uids }])
    },
  )

  it('keeps what a failed last breath carried', async () => {
    const desk = await open()
    await desk.delivery?.drain()
    collector.fault = 'reset'
    const uids = addAll(desk.outbox, makeRecords(5))
    desk.tab.live('hidden')
    await until(() => collector.requests.length === 1)
    collector.fault = 'none'
    desk.tab.live('visible')
    await until(() => sum(desk) === 5)
    expect(collector.arrivals.sort()).toEqual(uids.sort())
  })

  it('sends no telemetry before consent', async () => {
    const desk = await open({ consent: 'pending' })
    addAll(desk.outbox, sixty())
    desk.tab.live('pagehide')
    await desk.delivery?.drain()
    expect(collector.requests).toHaveLength(0)
  })
})

describe('consent', () => {
  it('lets records that waited in memory go once it is given', async () => {
    const desk = await open({ consent: 'pending' })
    const uids = addAll(desk.outbox, sixty())
    await desk.outbox.flush()
    expect(await leftovers(desk)).toBe(0)
    await desk.outbox.setConsent('granted')
    await desk.delivery?.drain()
    expect(collector.arrivals.sort()).toEqual(uids.sort())
  })

  it('withheld still lets feedback through', async () => {
    const desk = await open({ consent: 'denied' })
    addAll(desk.outbox, sixty())
    const [feedback] = makeRecords(1, 'feedback')
    if (feedback) await desk.outbox.addDurably(feedback)
    await desk.delivery?.drain()
    expect(collector.arrivals).toEqual([feedback?.uid])
  })
})

describe('without a database', () => {
  it('records are delivered from memory', async () => {
    const desk = await open({ withoutDatabase: true, device: createDevice({ speed: 200 }) })
    collector.fault = '503'
    const uids = addAll(desk.outbox, sixty())
    await until(() => collector.requests.length >= 2)
    collector.fault = 'none'
    await until(() => sum(desk) === 60)
    expect(collector.arrivals.sort()).toEqual(uids.sort())
  })
})

describe('what the user said', () => {
  const now = Date.now()
  const said = (uid: string): TelemetryRecord => ({
    uid,
    name: 'graysync.feedback.submitted',
    at: now + Number(uid.at(-1)),
    lane: 'feedback',
    attributes: {},
    body: 'hello',
  })

  it('waits, and is told as sent or refused once upstream has answered', async () => {
    collector.fault = 'hang'
    collector.poison.add('entry-2')
    const desk = await open()
    await desk.outbox.addDurably(said('entry-1'))
    await desk.outbox.addDurably(said('entry-2'))
    expect(await desk.outbox.entries()).toEqual([
      { id: 'entry-1', at: now + 1, state: 'waiting' },
      { id: 'entry-2', at: now + 2, state: 'waiting' },
    ])
    desk.close()
    collector.fault = 'none'
    const next = await open()
    await until(() => sum(next) >= 1)
    await next.delivery?.drain()
    expect(await next.outbox.entries()).toEqual([
      { id: 'entry-1', at: now + 1, state: 'sent' },
      { id: 'entry-2', at: now + 2, state: 'refused' },
    ])
    await next.outbox.addDurably(said('entry-1'))
    expect((await next.outbox.entries())[0]?.state).toBe('sent')
    await next.outbox.purge(null)
    expect(await next.outbox.entries()).toEqual([])
  })

  it('is told as refused where upstream rejects it in its answer, and as sent beside it', async () => {
    const desk = await open({
      sink: {
        send: async ({ records }) => {
          const rejected = records.filter(({ uid }) => uid === 'entry-2').length
          return { status: 'accepted', ...(rejected > 0 && { rejected }) }
        },
      },
    })
    for (const uid of ['entry-1', 'entry-2', 'entry-3']) await desk.outbox.addDurably(said(uid))
    await desk.delivery?.drain()
    const states = (await desk.outbox.entries()).map(({ state }) => state)
    expect(states).toEqual(['sent', 'refused', 'sent'])
  })

  it('is told as sent where it went with the last breath, among other records', async () => {
    collector.fault = 'hang'
    const desk = await open()
    await desk.outbox.addDurably(said('entry-1'))
    addAll(desk.outbox, makeRecords(1))
    await desk.outbox.flush()
    collector.fault = 'none'
    desk.tab.live('hidden')
    await until(() => sum(desk) === 2)
    await until(async () => (await leftovers(desk)) === 0)
    expect(await desk.outbox.entries()).toEqual([{ id: 'entry-1', at: now + 1, state: 'sent' }])
  })
})

describe('a file of a feedback entry', () => {
  it('travels after its entry and is kept until it has arrived', async () => {
    const seen: string[] = []
    let answer: SinkResult = { status: 'retry' }
    const desk = await open({
      sink: {
        async send({ records }) {
          seen.push(...records.map((record) => record.name))
          return { status: 'accepted' }
        },
        async sendFile({ blob }) {
          seen.push(await blob.text())
          return answer
        },
      },
    })
    await desk.delivery?.drain()
    const [entry] = makeRecords(1, 'feedback')
    if (entry) await desk.outbox.addDurably(entry, new Blob(['picture']))
    await desk.delivery?.drain()
    answer = { status: 'accepted' }
    await desk.delivery?.drain()
    expect(seen).toEqual(['graysync.sync.window', 'picture', 'picture'])
    expect(await desk.outbox.nextFile()).toBeNull()
  })

  it('is given up and counted where upstream takes no files', async () => {
    const desk = await open()
    const [entry] = makeRecords(1, 'feedback')
    if (entry) await desk.outbox.addDurably(entry, new Blob(['picture']))
    await desk.delivery?.drain()
    expect(await desk.outbox.nextFile()).toBeNull()
    await desk.delivery?.drain()
    expect(told(collector)).toEqual([{ lane: 'feedback', reason: 'poison', count: '1' }])
  })
})

describe('an installation to forget', () => {
  const ids = ['installation-1', 'installation-2']
  let answer: SinkResult
  let asked: string[]
  let sent: number
  const sink: Sink = {
    async send({ records }) {
      sent += records.length
      return answer.status === 'retry' ? answer : { status: 'accepted' }
    },
    async erase(installation) {
      asked.push(installation)
      return answer
    },
  }
  beforeEach(() => {
    answer = { status: 'retry' }
    asked = []
    sent = 0
  })

  it('is named until upstream has forgotten it, whatever ends meanwhile, and then no more', async () => {
    const desk = await open({ sink })
    await desk.delivery?.drain()
    for (const id of [...ids, ...ids]) await desk.outbox.purge(id)
    await until(() => asked.length > 0)
    desk.close()
    answer = { status: 'accepted' }
    const next = await open({ sink })
    await next.delivery?.drain()
    expect(asked.slice(-2)).toEqual(ids)
    asked = []
    const last = await open({ sink })
    await last.delivery?.drain()
    expect([asked, await last.outbox.nextErasure()]).toEqual([[], null])
  })

  it('is named after the records that wait, so that they go with it', async () => {
    const order: string[] = []
    const desk = await open({
      sink: {
        async send() {
          order.push('records')
          return { status: 'accepted' }
        },
        async erase() {
          order.push('erasure')
          return { status: 'accepted' }
        },
      },
    })
    await desk.delivery?.drain()
    await desk.outbox.purge('installation-1')
    addAll(desk.outbox, makeRecords(1))
    await desk.delivery?.drain()
    expect(order).toEqual(['records', 'erasure'])
  })

  it('that upstream refuses to forget is named again after an hour, and holds up no record', async () => {
    answer = { status: 'refused', because: 'poison' }
    const desk = await open({ sink, device: createDevice({ speed: 4000 }) })
    await desk.outbox.purge('installation-1')
    await until(() => asked.length >= 1)
    addAll(desk.outbox, makeRecords(1))
    await desk.delivery?.drain()
    expect(sent).toBe(1)
    answer = { status: 'accepted' }
    await until(async () => (await desk.outbox.nextErasure()) === null)
  })

  it('is named from memory where there is no database', async () => {
    answer = { status: 'accepted' }
    const desk = await open({ sink, withoutDatabase: true })
    await desk.outbox.purge('installation-1')
    await desk.delivery?.drain()
    expect([asked, await desk.outbox.nextErasure()]).toEqual([['installation-1'], null])
  })
})

describe('what delivery tells by itself', () => {
  it('is signed like every other record', async () => {
    const tab = createDevice().tab()
    const desk = await openDesk()
    desks.push(desk)
    const { platform } = tab
    const { outbox } = desk
    const { signal } = new AbortController()
    const delivery = createDelivery({
      platform,
      outbox,
      sink: otlpSink({ url: collector.url }),
      onDelivered() {},
      onError() {},
      sign: (record) => ({ ...record, attributes: { ...record.attributes, who: 'me' } }),
      signal,
    })
    const [circle] = makeRecords(1)
    const attributes: Record<string, unknown> = {}
    attributes.self = attributes
    if (circle) outbox.add({ ...circle, attributes })
    await until(async () => (await desk.database?.count('outbox')) === 1)
    await delivery.drain()
    const [dropped] = [...collector.stored.values()]
    expect(dropped?.attributes).toContainEqual({ key: 'who', value: { stringValue: 'me' } })
  })
})

describe('a batch', () => {
  it('has the same name at each attempt', async () => {
    const names: string[] = []
    const desk = await open({
      sink: {
        async send({ id }) {
          names.push(id)
          return { status: 'retry' }
        },
      },
    })
    addAll(desk.outbox, makeRecords(20))
    await desk.delivery?.drain()
    await desk.delivery?.drain()
    expect(names.length).toBeGreaterThan(1)
    expect(new Set(names).size).toBe(1)
  })

  it('goes again when the sink threw', async () => {
    let isBroken = true
    const inner = otlpSink({ url: collector.url })
    const desk = await open({
      sink: {
        send(batch, o) {
          if (isBroken) throw new TypeError('broken')
          return inner.send(batch, o)
        },
      },
    })
    addAll(desk.outbox, makeRecords(20))
    await desk.delivery?.drain()
    isBroken = false
    await desk.delivery?.drain()
    expect(collector.arrivals).toHaveLength(20)
  })
})

async function leftovers(desk: Desk): Promise<number> {
  return desk.database ? desk.database.count('chunks') : 0
}

function sum(desk: Desk): number {
  return [...desk.delivered.values()].reduce((total, count) => total + count, 0)
}

/** What upstream was told of records given up. */
function told({ stored }: Collector): Record<string, unknown>[] {
  return [...stored.values()]
    .filter((record) => record.eventName === 'graysync.outbox.dropped')
    .map((record) => {
      const entries = record.attributes.map(({ key, value }) => [key, Object.values(value)[0]])
      const held = Object.fromEntries(entries)
      return {
        lane: held['graysync.lane'],
        reason: held['graysync.reason'],
        count: held['graysync.count'],
      }
    })
}

function withoutLocks(device: Device): Device {
  return {
    tab() {
      const tab = device.tab()
      return { ...tab, platform: { ...tab.platform, lock: null } }
    },
  }
}
