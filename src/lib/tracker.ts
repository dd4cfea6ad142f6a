import { keyText } from './keys.js'
import { murmur3 } from './murmur.js'

/** A write between its begin and its end. */
export interface TrackedWrite {
  /** Regions whose intent has to be put by the very transaction of the write. */
  intents: readonly number[]
  commit(): void
  abort(): void
}

interface Mark {
  key: IDBValidKey
  seq: number
}

/** A row that is written. */
interface Row {
  key: IDBValidKey
  text: string
  region: number
}

interface Fence {
  isQuiet(key: IDBValidKey): boolean
  lift(): void
}

/** What a middleware keeps for each table: all of a source's `Changes` but what is on the disk, and what it asks itself. */
export interface Tracker {
  begin(keys: readonly IDBValidKey[]): TrackedWrite
  /** Notes rows that somebody else wrote, with intents of their own. */
  heard(keys: readonly IDBValidKey[]): void
  take(limit: number): readonly Mark[]
  judged(marks: readonly Mark[]): readonly Mark[]
  fence(): Fence
  regions(): ReadonlyMap<number, number>
  scanned(region: number, seq: number): boolean
  isWaiting(key: IDBValidKey): boolean
  /** Gives up the intents that nothing waits under; whoever calls deletes them from the disk. */
  release(): readonly number[]
  /** After a start: what a former life left on the disk. */
  recover(regions: Iterable<number>): void
  /** Somebody else answers for what is on the disk from here on: the next write puts its intent again. */
  disown(): void
}

const REGIONS = 256
/** More rows than this are remembered by region only. */
const MOST_MARKS = 10_000

/** The region of a row: what an intent on the disk stands for. */
export function regionOf(key: IDBValidKey): number {
  return regionIn(keyText(key))
}

const regionIn = (text: string): number => murmur3(text) % REGIONS

function toRow(key: IDBValidKey): Row {
  const text = keyText(key)
  return { key, text, region: regionIn(text) }
}

/** Knows which rows of one table were written and not judged since, and which intents are on the disk for it. */
export function createTracker(most: number = MOST_MARKS): Tracker {
  const marks = new Map<string, Mark>()
  const whole = new Map<number, number>()
  const fences = new Set<Set<string>>()
  const onDisk = new Set<number>()
  /** Regions of writes under way, once for each. */
  const open: number[] = []
  let seq = 0

  const isWaiting = (key: IDBValidKey) => marks.has(keyText(key)) || whole.has(regionOf(key))

  function mark({ key, text, region }: Row): void {
    for (const touched of fences) touched.add(text)
    seq++
    if (whole.has(region)) {
      whole.set(region, seq)
      return
    }
    // Deleted first, so that the map stays in the order of writes.
    marks.delete(text)
    marks.set(text, { key, seq })
    if (marks.size > most) widen()
  }

  /** Too many marks: all of them are remembered by region from now on. */
  function widen(): void {
    for (const one of marks.values()) whole.set(regionOf(one.key), one.seq)
    marks.clear()
  }

  return {
    begin(keys) {
      const rows = keys.map(toRow)
      const regions = [...new Set(rows.map(({ region }) => region))]
      const intents = regions.filter((region) => !onDisk.has(region))
      open.push(...regions)
      const end = () => {
        for (const region of regions) open.splice(open.indexOf(region), 1)
      }
      return {
        intents,
        commit() {
          end()
          for (const region of intents) onDisk.add(region)
          for (const row of rows) mark(row)
        },
        abort: end,
      }
    },
    heard(keys) {
      for (const key of keys) mark(toRow(key))
    },
    take: (limit) => [...marks.values()].slice(0, limit),
    judged(judged) {
      const held = judged.filter(({ key, seq: upTo }) => marks.get(keyText(key))?.seq === upTo)
      for (const { key } of held) marks.delete(keyText(key))
      return held
    },
    fence() {
      const touched = new Set<string>()
      fences.add(touched)
      return {
        isQuiet: (key) => !touched.has(keyText(key)) && !isWaiting(key),
        lift: () => void fences.delete(touched),
      }
    },
    regions: () => new Map(whole),
    scanned(region, upTo) {
      return whole.get(region) === upTo && whole.delete(region)
    },
    release() {
      const waiting = new Set([...marks.values()].map(({ key }) => regionOf(key)))
      const free = [...onDisk].filter(
        (region) => !waiting.has(region) && !whole.has(region) && !open.includes(region),
      )
      // From here on a write puts its intent again: after the deletion, as transactions keep their order.
      for (const region of free) onDisk.delete(region)
      return free
    },
    recover(regions) {
      for (const region of regions) {
        onDisk.add(region)
        whole.set(region, ++seq)
      }
    },
    disown: () => onDisk.clear(),
    isWaiting,
  }
}
