import { serveAudits } from '../../src/audit-worker.js'
import { idbSource } from '../../src/sources.js'
import { open, SIDES } from './stores.js'

/** The page names the table that it asks about. */
serveAudits(SIDES.map((name) => idbSource(() => open(name), { name, tables: [self.name] })))
