import { dequal } from 'dequal'
import fastDeepEqual from 'fast-deep-equal'
import { deepEqual } from 'fast-equals'
import { create } from 'jsondiffpatch'
import microdiff from 'microdiff'
import objectHash from 'object-hash'
import { hash as ohash } from 'ohash'
import stableStringify from 'safe-stable-stringify'
import { auditInWorker } from '../../src/client/delegate.js'
import { findDifferences, isEqual } from '../../src/consistency/equality.js'
import { fingerprint, printHash } from '../../src/consistency/hash.js'
import { compileTable } from '../../src/consistency/rules.js'
import { audit } from '../../src/flows/audit.js'
import type { AuditReport, Source, SourceRow } from '../../src/model/source.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { idbSource } from '../../src/sources.js'
import { measureWrites } from '../handover/writes.js'
import { measureFollowing } from './follow.js'
import { hydrate, measureTalk } from './remote.js'
import { makeCard, makeOther, normalise, type Row, rulesOf, tableOf } from './rows.js'
import { fill, open, SIDES } from './stores.js'

/** What a way to compare says of two stores. */
interface Verdict {
  missing: number
  extra: number
  changed: number
}

const NONE: Verdict = { missing: 0, extra: 0, changed: 0 }
const PAGE = 500

async function sources(): Promise<[Source, Source]> {
  const [left, right] = await Promise.all(SIDES.map(open))
  if (!left || !right) throw new Error('a side is missing')
  return [idbSource(left), idbSource(right)]
}

async function readAll(source: Source, table: string, use: (row: Row) => void): Promise<void> {
  let after: IDBValidKey | undefined
  for (;;) {
    const rows = await source.page(table, after, PAGE)
    const last = rows.at(-1)
    if (!last) return
    for (const { row } of rows) use(row)
    after = last.key
  }
}

/** Reads everything into memory first, as checkers do that know no other way. */
async function gather(source: Source, table: string): Promise<Map<string, Row>> {
  const rows: Row[] = []
  await readAll(source, table, (row) => rows.push(row))
  return new Map(rows.map((row) => [row.id as string, row]))
}

async function compareAll(table: string, same: (a: Row, b: Row) => boolean): Promise<Verdict> {
  const [left, right] = await Promise.all((await sources()).map((source) => gather(source, table)))
  const verdict = { ...NONE }
  for (const [id, row] of left ?? []) {
    const other = right?.get(id)
    if (!other) verdict.missing++
    else if (!same(row, other)) verdict.changed++
  }
  for (const id of right?.keys() ?? []) if (!left?.has(id)) verdict.extra++
  return verdict
}

/** The least that any comparison does: reads both stores in large pages and finds the rows that belong together. */
async function mergeOnly(left: Source, right: Source, table: string): Promise<void> {
  const [a, b] = [openPages(left, table), openPages(right, table)]
  do {
    await Promise.all([a.fill(), b.fill()])
    while (a.key() !== undefined && b.key() !== undefined) passLower(a, b)
    while (a.ended && b.key() !== undefined) b.pass()
    while (b.ended && a.key() !== undefined) a.pass()
  } while (!(a.ended && b.ended))
}

function passLower(a: Pages, b: Pages): void {
  const [left, right] = [String(a.key()), String(b.key())]
  if (left <= right) a.pass()
  if (left >= right) b.pass()
}

interface Pages {
  ended: boolean
  key(): IDBValidKey | undefined
  pass(): void
  fill(): Promise<void>
}

function openPages(source: Source, table: string): Pages {
  let rows: readonly SourceRow[] = []
  let at = 0
  const pages: Pages = {
    ended: false,
    key: () => rows[at]?.key,
    pass: () => {
      at++
    },
    async fill() {
      if (pages.ended || at < rows.length) return
      rows = await source.page(table, rows.at(-1)?.key, 2_000)
      at = 0
      pages.ended = rows.length === 0
    },
  }
  return pages
}

function toVerdict({ complete, tables: [table] }: AuditReport): Verdict {
  if (!complete) throw new Error('the audit is not complete')
  const { missing = 0, extra = 0, changed = 0 } = table ?? {}
  return { missing, extra, changed }
}

const ways: Record<string, (table: string) => Promise<Verdict>> = {
  async floor(table) {
    const [left, right] = await sources()
    await mergeOnly(left, right, table)
    return NONE
  },
  async audit(table) {
    const [left, right] = await sources()
    const platform = browserPlatform()
    const rules = rulesOf([table])
    return toVerdict(await audit({ platform, left, right, rules, inFlight: () => false }))
  },
  async worker(table) {
    const worker = new Worker('/worker.js', { name: table })
    const [left, right] = SIDES
    const readFlight = async () => new Set<string>()
    const platform = browserPlatform()
    try {
      const rules = rulesOf([table])
      return toVerdict(await auditInWorker({ worker, platform, left, right, rules, readFlight }))
    } finally {
      worker.terminate()
    }
  },
  json: (table) => compareAll(table, (a, b) => JSON.stringify(a) === JSON.stringify(b)),
  normalised: (table) =>
    compareAll(table, (a, b) => JSON.stringify(normalise(a)) === JSON.stringify(normalise(b))),
}

interface Measured {
  verdict: Verdict
  wallMs: number
  longTasks: number[]
}

/** Compares the table of so many rows. */
async function measure(way: string, rows: number): Promise<Measured> {
  const longTasks: number[] = []
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration)
  })
  observer.observe({ type: 'longtask' })
  const began = performance.now()
  const verdict = (await ways[way]?.(tableOf(rows))) ?? NONE
  const wallMs = performance.now() - began
  // Entries arrive after the task that they are about.
  await new Promise((resolve) => setTimeout(resolve, 100))
  for (const { duration } of observer.takeRecords()) longTasks.push(duration)
  observer.disconnect()
  return { verdict, wallMs, longTasks }
}

const { root } = compileTable(rulesOf(['cards']).tables.cards ?? {}, 'cards')
const differ = create()
const both =
  (same: (a: unknown, b: unknown) => boolean) =>
  (a: Row, b: Row): boolean =>
    same(normalise(a), normalise(b))

/** Every way to say whether a pair is equal. Those that know no rules need both rows normalised first. */
const comparers: Record<string, (a: Row, b: Row) => boolean> = {
  graysync: (a, b) => isEqual(a, b, root),
  'graysync, with places': (a, b) => findDifferences(a, b, root).length === 0,
  'graysync, by hash': (a, b) =>
    printHash(fingerprint(a, root)) === printHash(fingerprint(b, root)),
  'fast-equals': both(deepEqual),
  'fast-deep-equal': both(fastDeepEqual),
  dequal: both(dequal),
  microdiff: both((a, b) => microdiff(a as Row, b as Row).length === 0),
  jsondiffpatch: both((a, b) => differ.diff(a, b) === undefined),
  'JSON.stringify': both((a, b) => JSON.stringify(a) === JSON.stringify(b)),
  'safe-stable-stringify': both((a, b) => stableStringify(a) === stableStringify(b)),
  ohash: both((a, b) => ohash(a) === ohash(b)),
  'object-hash': both((a, b) => objectHash(a as Row) === objectHash(b as Row)),
}

/** Microseconds a pair by each way, the best of some rounds; a way that is wrong is an error. */
function comparePairs(count: number, rounds: number): Record<string, number> {
  const pairs = Array.from({ length: count }, (_, at): [Row, Row] => {
    const other = makeOther(at)
    if (at % 100 === 7) (other.backContent as Row).text = 'lost'
    return [makeCard(at), other]
  })
  const best: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, same] of Object.entries(comparers)) {
      const few = name === 'object-hash' || name === 'ohash' ? pairs.slice(0, count / 10) : pairs
      const began = performance.now()
      const unequal = few.filter(([a, b]) => !same(a, b)).length
      const micros = ((performance.now() - began) * 1000) / few.length
      if (unequal !== few.length / 100) throw new Error(`${name} found ${unequal}`)
      best[name] = Math.min(best[name] ?? Infinity, micros)
    }
  }
  return best
}

const bench = {
  fill,
  measure,
  comparePairs,
  measureFollowing,
  measureWrites,
  hydrate,
  measureTalk,
}
export type BenchPage = typeof bench

Object.assign(globalThis, { bench })
