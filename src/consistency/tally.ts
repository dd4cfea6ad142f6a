import type { AuditReport, Coverage, Divergence, IdleRule, TableAudit } from '../model/source.js'
import type { Judgement } from './compare.js'
import type { Fingerprint } from './hash.js'
import { joinPath } from './path.js'
import { describeValues } from './redaction.js'

/** More divergences are counted, but not described. */
const MOST_DESCRIBED = 500
/** A row that differs in more places than this is described by the first of them. */
const MOST_PATHS = 50

/** Counts what an audit finds in one table. */
export interface TableTally {
  judged(key: IDBValidKey, judgement: Judgement): void
  inFlight(): void
  inconclusive(rows: number): void
  /** The table was not read to its end. */
  failed(why: string): void
  idle(rules: readonly IdleRule[]): void
  /** What a walk through all rows counted. */
  walked(counts: Pick<TableAudit, 'equal' | 'defaults'>): void
  covered(coverage: Coverage): void
}

export interface Tally {
  table(name: string): TableTally
  /** What was found so far. */
  report(): Pick<AuditReport, 'complete' | 'clean' | 'tables' | 'divergences'>
}

type Counts = { -readonly [K in keyof TableAudit]: TableAudit[K] }

export function createTally(salt: Fingerprint): Tally {
  const tables: Counts[] = []
  const divergences: Divergence[] = []
  return {
    table(table) {
      const counts = begin(table)
      tables.push(counts)
      return {
        judged(key, { kind, differences }) {
          counts[kind]++
          if (kind === 'inconclusive') return
          counts.compared++
          if (kind === 'equal' || kind === 'defaults') return
          if (divergences.length >= MOST_DESCRIBED) return
          const described = differences.slice(0, MOST_PATHS)
          divergences.push({
            table,
            key,
            kind,
            paths: described.map(({ steps }) => joinPath(steps)).sort(),
            values: describeValues(described, salt),
          })
        },
        inFlight: () => {
          counts.inFlight++
        },
        inconclusive: (rows) => {
          counts.inconclusive += rows
        },
        failed: (why) => {
          counts.failure = why
        },
        idle: (rules) => {
          counts.idle = rules
        },
        walked({ equal, defaults }) {
          counts.equal += equal
          counts.defaults += defaults
          counts.compared += equal + defaults
        },
        covered: (coverage) => {
          counts.coverage = coverage
        },
      }
    },
    report() {
      const complete = tables.every(({ failure }) => failure === undefined)
      return { complete, clean: complete && tables.every(isClean), tables, divergences }
    },
  }
}

function begin(table: string): Counts {
  return {
    table,
    compared: 0,
    equal: 0,
    defaults: 0,
    missing: 0,
    extra: 0,
    changed: 0,
    inFlight: 0,
    inconclusive: 0,
    idle: [],
  }
}

function isClean({ missing, extra, changed, inconclusive }: Counts): boolean {
  return missing + extra + changed + inconclusive === 0
}
