import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDelivery } from '../../src/flows/deliver.js'
import type { Sink } from '../../src/model/record.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { type Chunk, openDatabase } from '../../src/store/database.js'
import { createOutbox } from '../../src/store/outbox.js'
import { addAll, forgetDatabase, makeRecords } from '../support/desk.js'

const SOURCES = new URL('../../src/', import.meta.url)
const platform = browserPlatform()
const frames: HTMLIFrameElement[] = []
let ending: AbortController

/** A page of its own on this origin, with an outbox in it. */
interface Page {
  add(uids: readonly string[]): void
}

beforeEach(async () => {
  await forgetDatabase()
  ending = new AbortController()
})

afterEach(() => {
  for (const frame of frames.splice(0)) frame.remove()
  ending.abort()
})

async function openPage(): Promise<{ frame: HTMLIFrameElement; page: Page }> {
  const frame = document.createElement('iframe')
  const source = (path: string) => new URL(path, SOURCES).href
  frame.srcdoc = `<script type="module">
    import { browserPlatform } from '${source('platform/platform.ts')}'
    import { openDatabase } from '${source('store/database.ts')}'
    import { createOutbox } from '${source('store/outbox.ts')}'
    const platform = browserPlatform()
    const database = await openDatabase(platform)
    const { signal } = new AbortController()
    const outbox = createOutbox({ platform, database, consent: 'granted', onError() {}, signal })
    window.page = {
      add(uids) {
        for (const uid of uids) {
          outbox.add({ uid, name: 'x', at: Date.now(), lane: 'metric', attributes: {} })
        }
      },
    }
  </script>`
  frames.push(frame)
  document.body.append(frame)
  const found = () => (frame.contentWindow as unknown as { page?: Page } | null)?.page
  await expect.poll(found).toBeTruthy()
  return { frame, page: found() as Page }
}

async function readUids(): Promise<string[]> {
  const database = await openDatabase(platform)
  const chunks: Chunk[] = await database.getAll('chunks')
  database.close()
  return chunks
    .flatMap((chunk) => JSON.parse(chunk.json).map((record: { uid: string }) => record.uid))
    .sort()
}

const makeUids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID()).sort()

async function openTab(sink: Sink) {
  const database = await openDatabase(platform)
  const { signal } = ending
  const outbox = createOutbox({ platform, database, consent: 'granted', onError() {}, signal })
  const delivery = createDelivery({
    platform,
    outbox,
    sink,
    onDelivered() {},
    onError() {},
    signal,
  })
  return { outbox, delivery }
}

describe('records', () => {
  it('are on disk within the flush interval, and there after the page is gone', async () => {
    const { frame, page } = await openPage()
    const uids = makeUids(60)
    page.add(uids)
    await expect.poll(readUids, { interval: 20 }).toEqual(uids)
    frame.remove()
    expect(await readUids()).toEqual(uids)
  })

  it('of many tabs are sent by one at a time, each once', async () => {
    let busy = 0
    let busiest = 0
    const arrived: string[] = []
    const sink: Sink = {
      async send({ records }) {
        busiest = Math.max(busiest, ++busy)
        await new Promise((resolve) => setTimeout(resolve, 20))
        arrived.push(...records.map((record) => record.uid))
        busy--
        return { status: 'accepted' }
      },
    }
    const tabs = await Promise.all([1, 2, 3].map(() => openTab(sink)))
    const uids = tabs.flatMap(({ outbox }) => addAll(outbox, makeRecords(60)))
    await Promise.all(tabs.map(({ delivery }) => delivery.drain()))
    expect(arrived.sort()).toEqual(uids.sort())
    expect(busiest).toBe(1)
  })
})

describe('feedback', () => {
  it('with a file is there after a reload', async () => {
    const { outbox } = await openTab({ send: async () => ({ status: 'retry' }) })
    const [entry] = makeRecords(1, 'feedback')
    if (entry) await outbox.addDurably(entry, new Blob(['picture']))
    const next = await openTab({ send: async () => ({ status: 'retry' }) })
    expect((await next.outbox.next('feedback'))?.records).toEqual([entry])
    expect(await (await next.outbox.nextFile())?.blob.text()).toBe('picture')
  })
})
