import { describe, expect, it } from 'vitest'
import type { AuditRequest } from '../../src/consistency/request.js'
import { audit } from '../../src/flows/audit.js'
import type { Platform } from '../../src/model/platform.js'
import type { AuditReport, Source } from '../../src/model/source.js'
import {
  auditPlatform,
  memorySource,
  type Row,
  type Tables,
  tablesOf,
} from '../consistency/memory.js'
import { createRandom, type Random } from '../consistency/random.js'

const ROWS = 1_500
const LOST = 'row-00700'
const idOf = (at: number) => `row-${String(at).padStart(5, '0')}`

/** Two stores that one engine writes to first and the other a while later, 50 rows a second. */
interface Load {
  platform: Platform
  left: Source
  right: Source
  inFlight(table: string, key: IDBValidKey): boolean
  /** Rows that reached only one side so far. */
  apart(): number
  writes(): number
}

function createLoad(random: Random, lagMs: number): Load {
  const rows = Array.from({ length: ROWS }, (_, at): Row => ({ id: idOf(at), text: `t${at}` }))
  const [first, second]: [Tables, Tables] = [tablesOf({ cards: rows }), tablesOf({ cards: rows })]
  second.cards?.delete(LOST)
  const open = new Map<IDBValidKey, number>()
  let coming: { at: number; run(): void }[] = []
  let now = 0
  let writes = 0
  const later = (ms: number, run: () => void) => coming.push({ at: now + ms, run })
  const write = () => {
    const key = idOf(random.below(ROWS + 40))
    const row = random.below(6) === 0 ? null : { id: key, text: `w${++writes}` }
    const put = (tables: Tables) => (row ? tables.cards?.set(key, row) : tables.cards?.delete(key))
    later(20, write)
    // As each engine's queue keeps the order, so does a row that is still under way.
    if (key === LOST || open.has(key)) return
    open.set(key, now)
    put(first)
    later(1 + random.below(lagMs), () => {
      put(second)
      open.delete(key)
    })
  }
  const pass = (ms: number) => {
    const until = now + ms
    for (;;) {
      coming = coming.sort((a, b) => a.at - b.at)
      const [next] = coming
      if (!next || next.at > until) break
      coming.shift()
      now = next.at
      next.run()
    }
    now = until
  }
  later(0, write)
  const base = auditPlatform()
  const platform: Platform = {
    ...base,
    monotonic: () => now,
    now: () => now,
    pause: async () => pass(1),
    setTimer(run, ms) {
      pass(ms)
      return base.setTimer(run, 0)
    },
  }
  return {
    platform,
    left: memorySource('left', first, () => pass(random.below(150))),
    right: memorySource('right', second, () => pass(random.below(150))),
    inFlight: (_, key) => open.has(key),
    apart: () => open.size,
    writes: () => writes,
  }
}

function run(load: Load, o: Partial<AuditRequest> = {}): Promise<AuditReport> {
  return audit({ ...load, rules: { tables: { cards: {} } }, ...o })
}

const found = ({ divergences }: AuditReport) =>
  divergences.map(({ key, kind }) => `${String(key)} ${kind}`)

describe('an audit of two stores that are written to meanwhile', () => {
  it('finds in 100 runs what is lost and nothing else, while operations on the way are known', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const load = createLoad(createRandom(seed), 3_000)
      const report = await run(load)
      expect(load.writes()).toBeGreaterThan(20)
      expect(found(report)).toEqual([`${LOST} missing`])
    }
  })

  it('needs not know them where they arrive before a difference has settled', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      const load = createLoad(createRandom(seed), 450)
      expect(found(await run(load, { inFlight: () => false }))).toEqual([`${LOST} missing`])
    }
  })

  it('would be wrong without either', async () => {
    let wrong = 0
    for (let seed = 1; seed <= 20; seed++) {
      const load = createLoad(createRandom(seed), 3_000)
      wrong += found(await run(load, { inFlight: () => false, settleMs: 0 })).length - 1
    }
    expect(wrong).toBeGreaterThan(0)
  })
})
