import { openDB } from 'idb'
import { createDelivery } from '../../src/flows/deliver.js'
import type { Lane } from '../../src/model/record.js'
import { otlpSink } from '../../src/otlp.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { openDatabase } from '../../src/store/database.js'
import { createOutbox } from '../../src/store/outbox.js'
import { leap } from './leap.js'
import { readMark, toMark } from './tally.js'

const LANES: readonly Lane[] = ['error', 'exposure', 'metric']
const STEP_MS = 10
const BLOCK_BYTES = 256 * 1_024
const LEAST_BYTES = 1_024

/** What a script outside says to the page. */
export interface OutagePage {
  emit(index: number, lane?: Lane): void
  /** So many, in slices between which the page breathes. */
  emitMany(from: number, count: number): Promise<void>
  /** So many at the very moment in which the page is left, before graysync hears of it. */
  emitAtLast(count: number): void
  /** Emits metrics, the least urgent, on and on. */
  stream(perSecond: number): void
  /** What is on disk of what was streamed, and how old the oldest is that is not. */
  progress(): Promise<{ stored: number[]; tailMs: number }>
  feedback(): Promise<void>
  /** Fills what the browser lets this origin have, as a host's own data does, and answers with its bytes. */
  fillDisk(): Promise<number>
  flush(): Promise<void>
  /** Lets time go by. */
  advance(ms: number): void
  /** Bytes of telemetry on disk. */
  diskBytes(): Promise<number>
  /** What nobody caught. */
  thrown(): readonly string[]
  /** `null` where the browser keeps it to itself. */
  heapBytes(): number | null
}

const { platform, advance } = leap(browserPlatform())
const database = await openDatabase(platform)
const { signal } = new AbortController()
const emittedAt: number[] = []
const thrown: string[] = []
addEventListener('error', ({ message }) => void thrown.push(message))
addEventListener('unhandledrejection', ({ reason }) => void thrown.push(String(reason)))

const page: OutagePage = {
  emit(index, lane = LANES[index % LANES.length] ?? 'metric') {
    outbox.add({ name: 'outage', at: platform.now(), lane, attributes: { mark: toMark(index) } })
    emittedAt[index] = performance.now()
  },
  async emitMany(from, count) {
    for (let index = from; index < from + count; index++) {
      page.emit(index)
      if (index % 500 === 0) await platform.pause()
    }
    await outbox.flush()
  },
  emitAtLast(count) {
    const emit = () => {
      while (emittedAt.length < count) page.emit(emittedAt.length)
    }
    for (const life of ['visibilitychange', 'pagehide']) addEventListener(life, emit, true)
  },
  stream(perSecond) {
    let owed = 0
    setInterval(() => {
      owed += (perSecond * STEP_MS) / 1_000
      for (; owed >= 1; owed--) page.emit(emittedAt.length, 'metric')
    }, STEP_MS)
  },
  async progress() {
    const [now, count] = [performance.now(), emittedAt.length]
    const chunks = await database.getAll('chunks')
    const stored = chunks.flatMap(({ json }) => readMark(json))
    const known = new Set(stored)
    const unsaved = emittedAt.slice(0, count).filter((_, index) => !known.has(index))
    return { stored, tailMs: unsaved.length > 0 ? now - Math.min(...unsaved) : 0 }
  },
  async feedback() {
    const [at, attributes] = [platform.now(), { mark: toMark(emittedAt.length) }]
    emittedAt.push(performance.now())
    const uid = crypto.randomUUID()
    await outbox.addDurably({ uid, name: 'feedback', at, lane: 'feedback', attributes })
  },
  async fillDisk() {
    const host = await openDB('host', 1, {
      upgrade: (db) => void db.createObjectStore('files', { autoIncrement: true }),
    })
    let filled = 0
    for (let bytes = BLOCK_BYTES; bytes >= LEAST_BYTES; ) {
      const block = Uint8Array.from({ length: bytes }, () => Math.random() * 256)
      try {
        await host.put('files', block)
        filled += bytes
      } catch {
        bytes /= 2
      }
    }
    host.close()
    return filled
  },
  flush: () => outbox.flush(),
  advance,
  async diskBytes() {
    const chunks = await database.getAll('chunks')
    return chunks.reduce((sum, { lane, bytes }) => sum + (lane === 'feedback' ? 0 : bytes), 0)
  },
  thrown: () => thrown,
  heapBytes() {
    const { gc } = globalThis as { gc?: () => void }
    gc?.()
    return (performance as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? null
  },
}
const onError = () => {}
const outbox = createOutbox({ platform, database, consent: 'granted', onError, signal })
createDelivery({
  platform,
  outbox,
  sink: otlpSink({ url: '/v1/logs' }),
  onDelivered() {},
  onError,
  signal,
})
Object.assign(globalThis, { outage: page })
