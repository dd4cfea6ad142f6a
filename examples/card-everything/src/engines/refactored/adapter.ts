import { defineEngine, type Engine } from 'graysync'
import { dexieSource } from 'graysync/dexie'
import { type CardOp, TABLES } from '../../data/model.js'
import { knows } from '../knows.js'
import type { RefactoredOptions } from './engine.js'
import { describeQueue } from './log.js'
import { createRefactoredStore } from './store.js'

/** The refactored engine as graysync steers it. Only `start` loads the engine itself. */
export function refactoredEngine(o: RefactoredOptions): Engine<CardOp> {
  return defineEngine<CardOp>({
    version: '1.0.0',
    knows,
    replay: 'keyed',
    data: dexieSource(o.database, { name: 'refactored', tables: [...TABLES] }),
    store: createRefactoredStore(o.database, o.user),
    queue: describeQueue(o.database),
    async start(ctx) {
      const { startRefactored } = await import('./engine.js')
      return startRefactored({ ...o, ctx })
    },
  })
}
