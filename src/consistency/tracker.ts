import { keyText } from '../lib/keys.js'
import { murmur3 } from '../lib/murmur.js'

/** A row that was written and not judged since. */
export interface Mark {
  key: IDBValidKey
  /** Number of its last write. */
  seq: number
}

/** A write between its begin and its end. */
export interface TrackedWrite {
  /** Regions whose intent has to be put by the very transaction of the write. */
  intents: readonly number[]
  commit(): void
  abort(): void
}

/** Guards a scan that reads two stores one after the other. */
export interface Fence {
  /** Whether the row was neither written since the fence stands nor waits to be judged: only then a scan may judge it. */
  isQuiet(key: IDBValidKey): boolean
  lift(): void
}

/** Knows which rows of one table were written and not judged since, in the stores of both engines. */
export interface Tracker {
  begin(store: string, keys: readonly IDBValidKey[]): TrackedWrite
  /** Marks from the oldest write on. */
  take(limit: number): readonly Mark[]
  /** Lifts the marks of rows that were read after their mark was taken. Answers those that still held: only their verdicts are true. */
  judged(marks: readonly Mark[]): readonly Mark[]
  fence(): Fence
  /** Regions of which every row has to be judged, with the number of their last write. */
  regions(): ReadonlyMap<number, number>
  /** Lifts a region that was read as a whole. `false`: it was written to since, and its verdicts are not true. */
  scanned(region: number, seq: number): boolean
  /** Gives up the intents of a store that nothing waits under. To be called once the verdicts are on the disk; whoever calls deletes them. */
  checkpoint(store: string): readonly number[]
  /** After a start: what a former life left on the disk. */
  recover(store: string, regions: Iterable<number>): void
  isWaiting(key: IDBValidKey): boolean
}

const REGIONS = 256
/** More rows than this are remembered by region only. */
const MOST_MARKS = 10_000

/** The region of a row: what an intent on the disk stands for. */
export function regionOf(key: IDBValidKey): number {
  return murmur3(keyText(key)) % REGIONS
}

export function createTracker(most: number = MOST_MARKS): Tracker {
  const marks = new Map<string, Mark>()
  const whole = new Map<number, number>()
  const fences = new Set<Set<string>>()
  const onDisk = new Map<string, Set<number>>()
  /** Regions of writes under way, once for each. */
  const open = new Map<string, number[]>()
  let seq = 0

  const of = <T>(map: Map<string, T>, store: string, make: () => T): T => {
    const known = map.get(store) ?? make()
    map.set(store, known)
    return known
  }
  const isWaiting = (key: IDBValidKey) => marks.has(keyText(key)) || whole.has(regionOf(key))

  function mark(key: IDBValidKey): void {
    const [text, region] = [keyText(key), regionOf(key)]
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
    begin(store, keys) {
      const known = of(onDisk, store, () => new Set())
      const under = of(open, store, () => [])
      const regions = [...new Set(keys.map(regionOf))]
      const intents = regions.filter((region) => !known.has(region))
      under.push(...regions)
      const end = () => {
        for (const region of regions) under.splice(under.indexOf(region), 1)
      }
      return {
        intents,
        commit() {
          end()
          for (const region of intents) known.add(region)
          for (const key of keys) mark(key)
        },
        abort: end,
      }
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
        lift: () => fences.delete(touched),
      }
    },
    regions: () => new Map(whole),
    scanned(region, upTo) {
      return whole.get(region) === upTo && whole.delete(region)
    },
    checkpoint(store) {
      const waiting = new Set([...marks.values()].map(({ key }) => regionOf(key)))
      const known = of(onDisk, store, () => new Set())
      const free = [...known].filter(
        (region) =>
          !waiting.has(region) && !whole.has(region) && !(open.get(store) ?? []).includes(region),
      )
      // From here on a write puts its intent again: after the deletion, as transactions keep their order.
      for (const region of free) known.delete(region)
      return free
    },
    recover(store, regions) {
      const known = of(onDisk, store, () => new Set())
      for (const region of regions) {
        known.add(region)
        whole.set(region, ++seq)
      }
    },
    isWaiting,
  }
}
