import { Dexie } from 'dexie'
import { dexieSource } from '../../../src/dexie.js'
import type { Source } from '../../../src/model/source.js'

/** The two databases of the app, as the page and its worker open them. */
export const sides = ['audit-left', 'audit-right'].map((name) => {
  const db = new Dexie(name)
  db.version(1).stores({ cards: 'id' })
  return db
}) as [Dexie, Dexie]

export const sources = sides.map((db) => dexieSource(db)) as [Source, Source]
