import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { serveAudits } from '../../src/audit-worker.js'
import type { GraySync } from '../../src/model/handle.js'
import type { AuditOptions, AuditProgress, AuditReport, Source } from '../../src/model/source.js'
import type { RowOperation } from '../../src/testing.js'
import { memorySource, type Row, tablesOf } from '../consistency/memory.js'
import { createProfile, inTime, type Profile, put, rest } from '../support/session.js'

const ROWS: Row[] = Array.from({ length: 1_200 }, (_, at) => ({
  id: `card-${String(at).padStart(4, '0')}`,
  text: `text ${at}`,
}))
const compare = { tables: { cards: { ignore: ['nowhere'], defaults: { colour: ['blue'] } } } }

/** The server's copy: a row is missing, one too much, one changed, one differs by what an engine fills in. */
function spoil(): Row[] {
  const [, changed, filled, ...others] = ROWS
  const extra = { id: 'card-9999', text: 'extra' }
  return [{ ...changed, text: 'lost' }, { ...filled, colour: 'blue' }, ...others, extra]
}

interface Lab {
  profile: Profile
  gray: GraySync<RowOperation>
  server: Source
  /** Runs in the worker before each page that a source gives. */
  onPage: () => Promise<void> | void
  /** Sources of the page, of the same names as those of the worker; who reads them fails. */
  inWorker(more?: Partial<AuditOptions>): Promise<AuditReport>
}

const ports: MessagePort[] = []

function openPorts(): MessageChannel {
  const channel = new MessageChannel()
  ports.push(channel.port1, channel.port2)
  return channel
}

async function openLab(): Promise<Lab> {
  const profile = createProfile()
  const { legacy } = profile.engines
  await legacy.store?.hydrate('cards', ROWS)
  const { data } = legacy
  if (!data) throw new Error('a fake engine shows its rows')
  const gray = profile.open({ compare })
  await gray.start()
  const server = memorySource('server', tablesOf({ cards: spoil() }))
  const { port1, port2 } = openPorts()
  const lab: Lab = {
    profile,
    gray,
    server,
    onPage: () => {},
    inWorker(more = {}) {
      legacy.data = unreadable(data)
      return gray.audit({ against: unreadable(server), worker: port1, ...more })
    },
  }
  const onPage = () => lab.onPage()
  serveAudits([slow(data, onPage), slow(server, onPage)], port2)
  return lab
}

function slow(source: Source, onPage: () => Promise<void> | void): Source {
  return {
    ...source,
    async page(table, after, limit) {
      await onPage()
      return source.page(table, after, limit)
    },
  }
}

function unreadable(source: Source): Source {
  const refuse = () => Promise.reject(new Error('it was read in the page'))
  return { ...source, page: refuse, get: refuse, count: refuse }
}

/** Without what is another in every audit: when it ran, and the salt of its hashes. */
function lasting({ startedAt, durationMs, divergences, ...report }: AuditReport) {
  return { ...report, divergences: divergences.map(({ values, ...divergence }) => divergence) }
}

beforeEach(() => {
  vi.stubGlobal('navigator', {})
})

afterEach(() => {
  for (const port of ports.splice(0)) port.close()
  vi.unstubAllGlobals()
})

describe('an audit in a worker', { timeout: 30_000 }, () => {
  it('reports and tells what it does in the page, which reads no row then', async () => {
    const { profile, gray, server, inWorker } = await openLab()
    const here = await inTime(profile, gray.audit({ against: server }))
    const told: string[] = []
    gray.on('divergenceFound', ({ kind, count }) => told.push(`${kind} ${count}`))
    const there = await inWorker()
    expect(lasting(there)).toEqual(lasting(here))
    expect(there.tables[0]).toMatchObject({ missing: 1, extra: 1, changed: 1, defaults: 1 })
    expect(told).toEqual(['missing 1', 'extra 1', 'changed 1'])
    expect(there.divergences.find(({ kind }) => kind === 'changed')?.values).toHaveProperty('text')
  })

  it('tells how far it is', async () => {
    const { inWorker } = await openLab()
    const heard: AuditProgress[] = []
    await inWorker({ onProgress: (progress) => heard.push(progress) })
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.at(-1)).toMatchObject({ table: 'cards', done: 1_201, total: 1_200 })
  })

  it('ends with what the listener to its progress throws, as in the page', async () => {
    const { gray, server, inWorker } = await openLab()
    const onProgress = () => {
      throw new Error('of the app')
    }
    await expect(gray.audit({ against: server, onProgress })).rejects.toThrow('of the app')
    await expect(inWorker({ onProgress })).rejects.toThrow('of the app')
  })

  it('judges no row that was on its way when it began, or came on its way while it read', async () => {
    const lab = await openLab()
    await lab.gray.enqueue(put('card-0001', 'text 1'))
    let isFirst = true
    lab.onPage = async () => {
      if (isFirst) await lab.gray.enqueue(put('card-0000', 'text 0'))
      isFirst = false
    }
    const report = await lab.inWorker()
    expect(report.tables[0]).toMatchObject({ inFlight: 2, missing: 0, changed: 0, extra: 1 })
  })

  it('takes for on its way what no longer is once it has read', async () => {
    const lab = await openLab()
    const { settled } = await lab.gray.enqueue(put('card-0001', 'text 1'))
    lab.onPage = async () => {
      lab.profile.engines.legacy.acknowledge()
      await settled
    }
    const report = await lab.inWorker()
    expect(report.tables[0]).toMatchObject({ inFlight: 1, changed: 0 })
  })

  it('asks what is on its way before it reads and after each read', async () => {
    const lab = await openLab()
    const { exporter } = lab.profile.engines.legacy.queue ?? {}
    const asked = vi.spyOn(exporter ?? { read: async () => [] }, 'read')
    let pages = 0
    lab.onPage = () => {
      expect(asked).toHaveBeenCalled()
      pages++
    }
    await lab.inWorker()
    const [sides, suspects] = [2, 1]
    expect(pages).toBeGreaterThan(sides)
    expect(asked).toHaveBeenCalledTimes(1 + pages + sides * suspects)
  })

  it('reads no page further while nobody knows what is on its way', async () => {
    const lab = await openLab()
    const { exporter } = lab.profile.engines.legacy.queue ?? {}
    if (!exporter) throw new Error('a fake engine shows its queue')
    lab.onPage = () => {
      exporter.read = () => Promise.reject(new Error('the queue is locked'))
    }
    const report = await lab.inWorker()
    expect(report).toMatchObject({ complete: false, clean: false })
    expect(report.tables[0]?.failure).toContain('the queue is locked')
  })

  it('ends early where its signal says so, also while a read hangs', async () => {
    const lab = await openLab()
    const stop = new AbortController()
    lab.onPage = () => {
      stop.abort()
      return new Promise(() => {})
    }
    const report = await lab.inWorker({ signal: stop.signal })
    expect(report).toMatchObject({ complete: false })
    expect(report.tables[0]?.failure).toContain('given up')
    expect(await lab.inWorker({ signal: AbortSignal.abort() })).toMatchObject({ complete: false })
  })

  it('runs beside another one', async () => {
    const { profile, gray, server, inWorker } = await openLab()
    const here = await inTime(profile, gray.audit({ against: server }))
    const [first, second] = await Promise.all([inWorker(), inWorker()])
    expect(lasting(first)).toEqual(lasting(here))
    expect(lasting(second)).toEqual(lasting(here))
  })

  it('fails where it fails in the page, with the same code', async () => {
    const { inWorker } = await openLab()
    await expect(inWorker({ tables: ['decks'] })).rejects.toMatchObject({
      code: 'AUDIT',
      message: expect.stringMatching(/^worker: .*decks/),
    })
  })

  it('says which source the worker lacks', async () => {
    const { inWorker } = await openLab()
    await expect(inWorker({ against: memorySource('cloud', {}) })).rejects.toMatchObject({
      code: 'AUDIT',
      message: 'worker: the worker has no source "cloud"; it has "fake 1", "server"',
    })
  })

  it('ends with an error where the worker never answers', async () => {
    const { profile, inWorker } = await openLab()
    const report = inWorker({ worker: openPorts().port1 })
    await expect(inTime(profile, report)).rejects.toMatchObject({
      code: 'AUDIT',
      message: expect.stringContaining('said nothing for 30 seconds'),
    })
  })

  it('waits for a worker that lives, however long it reads', async () => {
    const lab = await openLab()
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    lab.onPage = () => gate
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const report = lab.inWorker()
    for (let second = 0; second < 90; second++) {
      await rest()
      vi.advanceTimersByTime(1_000)
      await rest()
      lab.profile.world.advance(1_000)
    }
    go()
    vi.useRealTimers()
    await expect(report).resolves.toMatchObject({ complete: true })
  })

  it('is no incremental one, and takes nothing but a worker', async () => {
    const { inWorker } = await openLab()
    await expect(inWorker({ incremental: true })).rejects.toMatchObject({
      code: 'OPTION',
      message: expect.stringContaining('worker: an incremental audit runs in the page'),
    })
    const wrong = { worker: {} as Worker }
    await expect(inWorker(wrong)).rejects.toMatchObject({
      code: 'OPTION',
      message: 'worker: a worker or a port to one is needed, got an object',
    })
  })
})

it('a worker whose sources can not be told apart says so at once', () => {
  const cards = memorySource('cards', {})
  expect(() => serveAudits([cards, memorySource('cards', {})], openPorts().port2)).toThrow(
    'sources: a name of its own is needed for each, got cards, cards',
  )
})
