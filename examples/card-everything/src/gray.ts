import { createGraySync, type EngineName, type GraySync } from 'graysync'
import { grayWrites } from 'graysync/dexie'
import { otlpSink } from 'graysync/otlp'
import { cardEverythingRules, httpSource } from 'graysync/sources'
import { type CardOp, TABLES } from './data/model.js'
import { captured, writeRows } from './data/write.js'
import { legacyEngine } from './engines/legacy/adapter.js'
import { createLegacyDatabase, type LegacyDatabase } from './engines/legacy/database.js'
import { refactoredEngine } from './engines/refactored/adapter.js'
import { createRefactoredDatabase, type RefactoredDatabase } from './engines/refactored/database.js'
import { readConsent, readEngine, readLanguage, readUser } from './session.js'

/** The version that the host app shows and reports. */
export const APP = { name: 'CardEverything', version: '5.7.0' }

/** The app's own instances: what the screen reads, and what the user writes. */
const databases: { legacy: LegacyDatabase; refactored: RefactoredDatabase } = {
  legacy: createLegacyDatabase(),
  refactored: createRefactoredDatabase(),
}

const engines = {
  legacy: legacyEngine({
    database: createLegacyDatabase(),
    watch: { tracked: databases.legacy },
    storage: localStorage,
    user: readUser,
  }),
  refactored: refactoredEngine({
    database: createRefactoredDatabase(),
    watch: { tracked: databases.refactored },
    user: readUser,
  }),
}

export function toSubject(user: string | null) {
  return user ? { id: user, attributes: { language: readLanguage() } } : null
}

/** The rows that the server has of whoever is signed in. */
export const server = httpSource({
  url: '/api/source',
  tables: TABLES,
  digest: true,
  headers: () => ({ authorization: `Bearer ${readUser() ?? ''}` }),
})

export const gray: GraySync<CardOp> = createGraySync<CardOp>({
  app: APP,
  rollout: {
    url: '/rollouts/sync-engine',
    streamUrl: '/rollouts/sync-engine/stream',
    keys: __GRAYSYNC_KEYS__,
  },
  engines,
  subject: toSubject(readUser()),
  sink: otlpSink({
    url: '/v1/logs',
    filesUrl: '/v1/files',
    installationsUrl: '/v1/installations',
    resource: { 'service.name': APP.name, 'service.version': APP.version },
  }),
  compare: cardEverythingRules,
  server,
  consent: readConsent(),
  // A card written before signing in belongs to whoever signs in first on this device.
  adoptNullUser: () => true,
})

databases.legacy.use(grayWrites(gray, captured, { store: 'legacy' }))
databases.refactored.use(grayWrites(gray, captured, { store: 'refactored' }))

/** What the user does: rows and operations in one transaction, in the store of the engine whose rows are shown. */
export function write(operations: readonly CardOp[]): Promise<void> {
  return writeRows(databases, readEngine(), operations, readUser())
}

/** Empties both engines' rows, so that the next user does not see the last one's; queues stay. */
export async function clearRows(): Promise<void> {
  await engines.legacy.store?.clear()
  await engines.refactored.store?.clear()
}

export function databaseOf(engine: EngineName): LegacyDatabase | RefactoredDatabase {
  return databases[engine]
}
