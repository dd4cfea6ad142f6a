import { serveAudits } from '../../../src/audit-worker.js'
import { sources } from './sides.js'

serveAudits(sources)
