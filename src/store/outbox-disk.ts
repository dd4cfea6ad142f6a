import type { IDBPTransaction } from 'idb'
import type { Lane } from '../model/record.js'
import type { GraySyncDatabase, GraySyncSchema, OutboxNote } from './database.js'
import {
  addDead,
  addDrops,
  addEntries,
  type ChunkLog,
  type Drop,
  LANES,
  listDrops,
  READ_AT_ONCE,
} from './outbox-log.js'

type Stores = 'chunks' | 'blobs' | 'outbox'
type Writing = IDBPTransaction<GraySyncSchema, Stores[], 'readwrite'>

/** Chunks in IndexedDB: what was put survives the end of the browser. */
export function diskLog(db: GraySyncDatabase): ChunkLog {
  // Relaxed costs no disk flush and still survives a killed browser; strict also survives a lost power supply.
  const write = (stores: Stores[], strictly = false): Writing =>
    db.transaction(stores, 'readwrite', { durability: strictly ? 'strict' : 'relaxed' })

  return {
    async put(chunks, { strictly, file }) {
      const tx = write(['chunks', 'blobs'], strictly)
      const puts: Promise<unknown>[] = chunks.map((chunk) => tx.objectStore('chunks').put(chunk))
      if (file) puts.push(tx.objectStore('blobs').put(file))
      tx.commit()
      await finish(tx, puts)
    },
    oldest: (lane) => db.getAllFromIndex('chunks', 'lane', within(lane), READ_AT_ONCE),
    async sizes() {
      const index = db.transaction('chunks').store.index('lane')
      const sizes = []
      let cursor = await index.openKeyCursor()
      while (cursor) {
        const [lane, since, bytes, count] = cursor.key
        sizes.push({ id: cursor.primaryKey, lane, since, bytes, count })
        cursor = await cursor.continue()
      }
      return sizes
    },
    async replace({ ids, by = [], drops = [], dead = [] }) {
      const tx = write(['chunks', 'outbox'])
      const chunks = tx.objectStore('chunks')
      const held = by.length > 0 ? await Promise.all(ids.map((id) => chunks.getKey(id))) : []
      const puts = held.some((id) => id !== undefined) ? by : []
      await finish(tx, [
        ...ids.map((id) => chunks.delete(id)),
        ...puts.map((chunk) => chunks.put(chunk)),
        count(tx, drops),
        bury(tx, dead),
      ])
    },
    async tell(make) {
      const tx = write(['chunks', 'outbox'])
      const notes = tx.objectStore('outbox')
      const note = await notes.get('drops')
      const drops = note?.key === 'drops' ? listDrops(note.counts) : []
      const told = drops.length > 0
      await finish(
        tx,
        told ? [tx.objectStore('chunks').put(make(drops)), notes.delete('drops')] : [],
      )
    },
    files: () => db.getAll('blobs'),
    async removeFile(id, drops) {
      const tx = write(['blobs', 'outbox'])
      await finish(tx, [tx.objectStore('blobs').delete(id), count(tx, drops)])
    },
    async note(key) {
      const note = await db.get('outbox', key)
      return note?.key === key ? (note as Extract<OutboxNote, { key: typeof key }>) : undefined
    },
    async setNote(note) {
      await db.put('outbox', note)
    },
    async mark(entries) {
      const tx = write(['outbox'])
      const note = await tx.objectStore('outbox').get('entries')
      const known = note?.key === 'entries' ? note.entries : []
      const next = { key: 'entries', entries: addEntries(known, entries) } as const
      await finish(tx, [tx.objectStore('outbox').put(next)])
    },
    async clear(lanes) {
      const tx = write(['chunks', 'blobs', 'outbox'])
      const index = tx.objectStore('chunks').index('lane')
      const found = await Promise.all(lanes.map((lane) => index.getAllKeys(within(lane))))
      await finish(tx, [
        ...found.flat().map((id) => tx.objectStore('chunks').delete(id)),
        tx.objectStore('outbox').delete('drops'),
        tx.objectStore('outbox').delete('dead'),
        ...(lanes.includes(LANES[0])
          ? [tx.objectStore('blobs').clear(), tx.objectStore('outbox').delete('entries')]
          : []),
      ])
    },
  }
}

/** A transaction that aborts fails each of its requests: the first cause that says more than that counts. */
async function finish(
  tx: { done: Promise<void> },
  requests: readonly Promise<unknown>[],
): Promise<void> {
  const results = await Promise.allSettled([...requests, tx.done])
  const causes = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  const telling = causes.find((cause) => !(cause instanceof Error && cause.name === 'AbortError'))
  if (causes.length > 0) throw telling ?? causes[0]
}

function within(lane: Lane): IDBKeyRange {
  return IDBKeyRange.bound([lane], [lane, []])
}

async function count(tx: Writing, drops: readonly Drop[]): Promise<void> {
  if (drops.length === 0) return
  const notes = tx.objectStore('outbox')
  const note = await notes.get('drops')
  const counts = note?.key === 'drops' ? note.counts : {}
  await notes.put({ key: 'drops', counts: addDrops(counts, drops) })
}

async function bury(tx: Writing, dead: Parameters<typeof addDead>[1]): Promise<void> {
  if (dead.length === 0) return
  const notes = tx.objectStore('outbox')
  const note = await notes.get('dead')
  const records = note?.key === 'dead' ? note.records : []
  await notes.put({ key: 'dead', records: addDead(records, dead) })
}
