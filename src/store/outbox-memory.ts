import type { FeedbackEntry } from '../model/record.js'
import type { Chunk, OutboxNote, StoredFile } from './database.js'
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

/** Chunks in memory: before the user has consented, and where no database can be reached. */
export function memoryLog(): ChunkLog {
  const chunks = new Map<string, Chunk>()
  const files = new Map<string, StoredFile>()
  const notes = new Map<string, OutboxNote>()

  const noted = <Key extends OutboxNote['key']>(key: Key) =>
    notes.get(key) as Extract<OutboxNote, { key: Key }> | undefined
  const count = (drops: readonly Drop[]) => {
    if (drops.length === 0) return
    notes.set('drops', { key: 'drops', counts: addDrops(noted('drops')?.counts ?? {}, drops) })
  }

  const mark = (entries: readonly FeedbackEntry[]) => {
    if (entries.length === 0) return
    const known = noted('entries')?.entries ?? []
    notes.set('entries', { key: 'entries', entries: addEntries(known, entries) })
  }

  return {
    async put(added, { file }) {
      for (const chunk of added) chunks.set(chunk.id, chunk)
      if (file) files.set(file.id, file)
    },
    oldest: async (lane) =>
      [...chunks.values()]
        .filter((chunk) => chunk.lane === lane)
        .sort((a, b) => a.since - b.since)
        .slice(0, READ_AT_ONCE),
    sizes: async () => [...chunks.values()],
    async replace({ ids, by = [], drops = [], dead = [], entries = [] }) {
      const held = ids.filter((id) => chunks.delete(id))
      if (held.length > 0) for (const chunk of by) chunks.set(chunk.id, chunk)
      count(drops)
      mark(entries)
      if (dead.length > 0) {
        notes.set('dead', { key: 'dead', records: addDead(noted('dead')?.records ?? [], dead) })
      }
    },
    async tell(make) {
      const drops = listDrops(noted('drops')?.counts ?? {})
      if (drops.length === 0) return
      const chunk = make(drops)
      chunks.set(chunk.id, chunk)
      notes.delete('drops')
    },
    files: async () => [...files.values()],
    async removeFile(id, drops) {
      files.delete(id)
      count(drops)
    },
    note: async (key) => noted(key),
    async setNote(note) {
      notes.set(note.key, note)
    },
    mark: async (entries) => mark(entries),
    async owe(change) {
      const installations = change(noted('erasures')?.installations ?? [])
      notes.set('erasures', { key: 'erasures', installations })
    },
    async clear(lanes) {
      for (const [id, chunk] of chunks) if (lanes.includes(chunk.lane)) chunks.delete(id)
      notes.delete('drops')
      notes.delete('dead')
      if (!lanes.includes(LANES[0])) return
      files.clear()
      notes.delete('entries')
    },
  }
}
