import type { IDBPTransaction } from 'idb'
import type { FeedbackEntry, Lane } from '../model/record.js'
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
  const write = async (
    stores: Stores[],
    work: (tx: Writing) => Promise<unknown>,
    strictly = false,
  ): Promise<void> => {
    const durability = strictly ? 'strict' : 'relaxed'
    const tx: Writing = db.transaction(stores, 'readwrite', { durability })
    const working = work(tx)
    const causes: unknown[] = []
    // Without this the first half of a step would stay where the second fails.
    working.catch((cause: unknown) => {
      causes.push(cause)
      abort(tx)
    })
    try {
      // The transaction first: where the disk is full, Chromium now and then leaves one of its requests without an answer.
      await tx.done
      await working
    } catch (cause) {
      throw [...causes, cause].find(isTelling) ?? cause
    }
  }

  return {
    put: (chunks, { strictly, file }) =>
      write(
        ['chunks', 'blobs'],
        async (tx) => {
          const puts = chunks.map(async (chunk) => tx.objectStore('chunks').put(chunk))
          if (file) puts.push(tx.objectStore('blobs').put(file))
          tx.commit()
          await Promise.all(puts)
        },
        strictly,
      ),
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
    replace: ({ ids, by = [], drops = [], dead = [], entries = [] }) =>
      write(['chunks', 'outbox'], async (tx) => {
        const chunks = tx.objectStore('chunks')
        const held = by.length > 0 ? await Promise.all(ids.map((id) => chunks.getKey(id))) : []
        const puts = held.some((id) => id !== undefined) ? by : []
        await Promise.all([
          // Async, since Firefox throws where others reject: none is left without whoever waits for it.
          ...puts.map(async (chunk) => chunks.put(chunk)),
          ...ids.map((id) => chunks.delete(id)),
          count(tx, drops),
          bury(tx, dead),
          mark(tx, entries),
        ])
      }),
    tell: (make) =>
      write(['chunks', 'outbox'], async (tx) => {
        const notes = tx.objectStore('outbox')
        const note = await notes.get('drops')
        const drops = note?.key === 'drops' ? listDrops(note.counts) : []
        if (drops.length === 0) return
        await Promise.all([tx.objectStore('chunks').put(make(drops)), notes.delete('drops')])
      }),
    files: () => db.getAll('blobs'),
    removeFile: (id, drops) =>
      write(['blobs', 'outbox'], (tx) =>
        Promise.all([tx.objectStore('blobs').delete(id), count(tx, drops)]),
      ),
    async note(key) {
      const note = await db.get('outbox', key)
      return note?.key === key ? (note as Extract<OutboxNote, { key: typeof key }>) : undefined
    },
    async setNote(note) {
      await db.put('outbox', note)
    },
    mark: (entries) => write(['outbox'], (tx) => mark(tx, entries)),
    owe: (change) =>
      write(['outbox'], async (tx) => {
        const notes = tx.objectStore('outbox')
        const note = await notes.get('erasures')
        const held = note?.key === 'erasures' ? note.installations : []
        await notes.put({ key: 'erasures', installations: change(held) })
      }),
    clear: (lanes) =>
      write(['chunks', 'blobs', 'outbox'], async (tx) => {
        const index = tx.objectStore('chunks').index('lane')
        const found = await Promise.all(lanes.map((lane) => index.getAllKeys(within(lane))))
        await Promise.all([
          ...found.flat().map((id) => tx.objectStore('chunks').delete(id)),
          tx.objectStore('outbox').delete('drops'),
          tx.objectStore('outbox').delete('dead'),
          ...(lanes.includes(LANES[0])
            ? [tx.objectStore('blobs').clear(), tx.objectStore('outbox').delete('entries')]
            : []),
        ])
      }),
  }
}

function abort(tx: Writing): void {
  try {
    tx.abort()
  } catch {
    // It has ended by itself.
  }
}

/** A transaction that aborts fails each of its requests: that says nothing about the cause. */
function isTelling(cause: unknown): boolean {
  return !(cause instanceof Error && cause.name === 'AbortError')
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

async function mark(tx: Writing, entries: readonly FeedbackEntry[]): Promise<void> {
  if (entries.length === 0) return
  const notes = tx.objectStore('outbox')
  const note = await notes.get('entries')
  const known = note?.key === 'entries' ? note.entries : []
  await notes.put({ key: 'entries', entries: addEntries(known, entries) })
}
