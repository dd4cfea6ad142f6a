import { defineEngine, type Engine } from 'graysync'
import { dexieSource, fenceWrites } from 'graysync/dexie'
import { type CardOp, TABLES } from '../../data/model.js'
import { closeAfter } from '../close.js'
import { knows } from '../knows.js'
import { createRefactoredDatabase } from './database.js'
import type { RefactoredOptions } from './engine.js'
import { describeQueue } from './log.js'
import { createRefactoredStore } from './store.js'

/** The refactored engine as graysync steers it. Only `start` loads the engine itself. */
export function refactoredEngine(o: RefactoredOptions): Engine<CardOp> {
  return defineEngine<CardOp>({
    version: '1.0.0',
    knows,
    replay: 'keyed',
    data: dexieSource(o.database, { name: 'refactored', tables: [...TABLES], ...o.watch }),
    store: createRefactoredStore(o.database, o.user),
    queue: describeQueue(o.database),
    async start(ctx) {
      const { startRefactored } = await import('./engine.js')
      // A connection of its own: what this engine writes is refused once another one owns the profile.
      const database = createRefactoredDatabase(o.database.name, fenceWrites(ctx))
      return closeAfter(database, startRefactored({ ...o, database, ctx }))
    },
  })
}
