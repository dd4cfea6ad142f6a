import { Dexie } from 'dexie'
import { grayStores } from '../../src/dexie.js'
import { makeRows, tableOf } from './rows.js'

export const SIDES = ['left', 'right'] as const
type Side = (typeof SIDES)[number]

const BULK = 5_000

/** One of the two databases, with a table for each size. */
export function describeSide(side: Side, sizes: readonly number[]): Dexie {
  const db = new Dexie(side)
  const tables = Object.fromEntries(sizes.map((size) => [tableOf(size), 'id']))
  db.version(1).stores({ ...tables, ...grayStores })
  return db
}

/** Fills both databases anew. Nothing watches these writes. */
export async function fill(sizes: readonly number[], differences: number): Promise<void> {
  for (const side of SIDES) {
    const db = describeSide(side, sizes)
    await db.delete({ disableAutoOpen: false })
    for (const size of sizes) {
      const rows = makeRows(size, differences, side)
      for (let ended = false; !ended; ) {
        const bulk = Array.from(take(rows, BULK))
        await db.table(tableOf(size)).bulkAdd(bulk)
        ended = bulk.length < BULK
      }
    }
    db.close()
  }
}

function* take<T>(all: Iterator<T>, count: number): Generator<T> {
  for (let at = 0; at < count; at++) {
    const { value, done } = all.next()
    if (done) return
    yield value
  }
}

export function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
