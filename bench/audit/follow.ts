import type { Dexie } from 'dexie'
import { dexieSource, grayWrites } from '../../src/dexie.js'
import { createGraySync, defineEngine } from '../../src/index.js'
import type { TableAudit } from '../../src/model/source.js'
import { idOf, makeCard, makeOther, type Row, rulesOf, tableOf } from './rows.js'
import { describeSide } from './stores.js'

/** Rows written between two audits. */
const CHANGES = 1_000

/** Two databases whose writes are tracked, audited through a handle. */
interface Followed {
  /** Writes rows from everywhere in the table on both sides. */
  change(size: number, round: number): Promise<void>
  /** Spoils one row on one side. */
  spoil(size: number): Promise<void>
  audit(size: number): Promise<TableAudit>
}

async function openFollowed(sizes: readonly number[]): Promise<Followed> {
  const [left, right] = [describeSide('left', sizes), describeSide('right', sizes)]
  const gray = createGraySync({
    app: { name: 'bench', version: '1' },
    compare: rulesOf(sizes.map(tableOf)),
    engines: {
      legacy: defineEngine({
        version: '1',
        data: dexieSource(left),
        start: () => ({ push() {} }),
      }),
    },
  })
  for (const db of [left, right]) {
    db.use(grayWrites(gray))
    await db.open()
  }
  await gray.start()
  const put = (db: Dexie, size: number, rows: readonly Row[]) =>
    db.table(tableOf(size)).bulkPut(rows)
  return {
    async change(size, round) {
      // Beside the planted differences, which stay.
      const places = Array.from({ length: CHANGES }, (_, at) => at * (size / CHANGES) + 1)
      const folderId = `round ${round}`
      await put(
        left,
        size,
        places.map((at) => ({ ...makeCard(at), folderId })),
      )
      await put(
        right,
        size,
        places.map((at) => ({ ...makeOther(at), folderId })),
      )
    },
    async spoil(size) {
      await right.table(tableOf(size)).update(idOf(1), { folderId: 'lost' })
    },
    async audit(size) {
      const report = await gray.audit({
        against: dexieSource(right),
        tables: [tableOf(size)],
        incremental: true,
      })
      const [table] = report.tables
      if (!report.complete || !table?.coverage?.tracked || table.coverage.waiting > 0) {
        throw new Error(`not followed to the end: ${JSON.stringify(table)}`)
      }
      return table
    },
  }
}

/** Times of audits after 1,000 rows were written, in ms, by the size of the table, round by round in turns. */
export async function measureFollowing(
  sizes: readonly number[],
  rounds: number,
): Promise<Record<number, number[]>> {
  const { change, spoil, audit } = await openFollowed(sizes)
  const planted = new Map<number, number>()
  for (const size of sizes) planted.set(size, (await audit(size)).changed)
  const times: Record<number, number[]> = Object.fromEntries(sizes.map((size) => [size, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const size of sizes) {
      await change(size, round)
      const began = performance.now()
      const { changed } = await audit(size)
      const ms = performance.now() - began
      if (changed !== planted.get(size)) throw new Error(`${changed} rows differ of ${size}`)
      // The first round warms up.
      if (round > 0) times[size]?.push(ms)
    }
  }
  for (const size of sizes) {
    await spoil(size)
    const { changed } = await audit(size)
    if (changed !== (planted.get(size) ?? 0) + 1)
      throw new Error(`a spoilt row of ${size} is missed`)
    // It is among those that are written each time.
    await change(size, 0)
  }
  return times
}
