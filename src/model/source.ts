/** A readable copy of the data: an engine's tables on the device, or a server's. Readable at rest. */
export interface Source {
  name: string
  tables: readonly string[]
  /** At most `limit` rows with a key above `after`, in IndexedDB key order; the first page has no `after`. */
  page(table: string, after: IDBValidKey | undefined, limit: number): Promise<readonly SourceRow[]>
  /** The rows of these keys, in any order; absent keys are left out. */
  get(table: string, keys: readonly IDBValidKey[]): Promise<readonly SourceRow[]>
  /** How many rows a table has, where that is cheap to know: only for progress. */
  count?(table: string): Promise<number>
  /**
   * In one transaction: shows `change` what each key holds, and puts the row it answers; `null` deletes,
   * `undefined` leaves what is there. A source without this member can't be repaired.
   */
  rewrite?(
    table: string,
    keys: readonly IDBValidKey[],
    change: (key: IDBValidKey, row: SourceRow['row'] | undefined) => Rewritten,
  ): Promise<void>
  /**
   * The sums of a copy that is far away, in the order of the prefixes: rows are then read only where they differ.
   * Spelt out in `examples/upstream/sql/006_digest.sql`.
   */
  digest?(table: string, question: DigestQuestion): Promise<readonly DigestAnswer[]>
  /**
   * What was written to a table and not judged since, for audits at the cost of what changed. A source without this
   * member, or that answers `null` since nothing tracks its writes, is compared as a whole.
   */
  changes?(table: string): Promise<Changes | null>
}

/** A row as a digest knows it: its key, and a hash of key and content. */
export type HashedRow = readonly [key: IDBValidKey, hash: string]

/**
 * What a copy says of one part of its tree: the sums of its up to 64 parts that hold rows (a digit for the part and
 * eleven for the sum), or its few rows one by one.
 */
export type DigestAnswer = { sums: string } | { rows: readonly HashedRow[] }

export interface DigestQuestion {
  /** Sixteen hexadecimal digits, drawn anew for each comparison. */
  salt: string
  /** Places that do not count, step by step from the row down; `null` stands for any one name or index. */
  ignore: readonly (readonly (string | null)[])[]
  /** Parts of the tree, by the digits that lead to them. */
  prefixes: readonly string[]
}

/** A row that was written and not judged since. */
export interface Mark {
  key: IDBValidKey
  /** Number of its last write. */
  seq: number
}

/** Guards a scan that reads two stores one after the other. */
export interface Fence {
  /** Whether the row was neither written since the fence stands nor waits to be judged: only then a scan may judge it. */
  isQuiet(key: IDBValidKey): boolean
  lift(): void
}

/** Knows which rows of one table were written and not judged since; what it knows outlives a crash, by region. */
export interface Changes {
  /** Marks from the oldest write on. */
  take(limit: number): readonly Mark[]
  /** Lifts the marks of rows that were read after their mark was taken. Answers those that still held: only their verdicts are true. */
  judged(marks: readonly Mark[]): readonly Mark[]
  fence(): Fence
  /** Regions (0 to 255) of which every row has to be judged, with the number of their last write. */
  regions(): ReadonlyMap<number, number>
  /** Lifts a region that was read as a whole. `false`: it was written to since, and its verdicts are not true. */
  scanned(region: number, seq: number): boolean
  isWaiting(key: IDBValidKey): boolean
  /** Forgets on the disk what nothing waits under. To be called once the verdicts are on the disk. */
  checkpoint(): Promise<void>
}

/** What becomes of a row that is rewritten. */
export type Rewritten = SourceRow['row'] | null | undefined

export interface SourceRow {
  key: IDBValidKey
  row: Readonly<Record<string, unknown>>
}

/**
 * How the rows of one table are held against each other. Paths are dotted, `*` stands for any one key or index,
 * and a backslash makes the dot or star after it part of a name.
 */
export interface TableRules {
  /** Paths that never count. */
  ignore?: readonly string[]
  /** Paths that an engine fills by itself: a difference where one side has one of these values is of class `default`. */
  defaults?: Readonly<Record<string, readonly unknown[]>>
  /** Arrays whose order does not count. */
  unordered?: readonly string[]
  /** Numbers that may differ by so much. */
  tolerance?: Readonly<Record<string, number>>
  /** Paths whose values may appear in reports; every other value is reported by type, length and salted hash only. */
  show?: readonly string[]
  /** A row counts as deleted when this path is true, for sources that keep tombstones. */
  tombstone?: string
}

/** Rules by table. Only tables with rules are compared; where no table has any, all are, and every field counts. */
export interface CompareRules {
  tables: Readonly<Record<string, TableRules>>
}

export type DivergenceKind = 'missing' | 'extra' | 'changed'

/** One row that differs for real: `missing` from the second source, `extra` in it, or `changed`. */
export interface Divergence {
  table: string
  key: IDBValidKey
  kind: DivergenceKind
  /** The paths that differ, sorted, at most 50; empty for a whole row. */
  paths: readonly string[]
  /** By path, what the two sides hold: redacted unless the rules show the path. */
  values: Readonly<Record<string, readonly [string, string]>>
}

export interface AuditOptions {
  /** What the owner's rows are held against. @default the other engine's store while that engine runs in shadow, else `server` of the options; rejects with AUDIT where there is neither */
  against?: 'other' | Source
  /** @default every table with rules; all that both have where there are none */
  tables?: readonly string[]
  /** Ends it early: the report then is not complete. */
  signal?: AbortSignal
  /**
   * Goes on where the last such audit of these two sources stopped: looks at what was written since and at what was
   * left open, and walks through all rows where that is due. @default false: every row, now
   */
  incremental?: boolean
  /**
   * Reads and compares in this worker, which calls `serveAudits` of `graysync/audit-worker` with sources of the same
   * names as here. Not with `incremental`. @default in the page, in slices of some milliseconds
   */
  worker?: Worker | MessagePort
  onProgress?(progress: AuditProgress): void
}

export interface AuditProgress {
  table: string
  done: number
  /** `null` while the size is not known. */
  total: number | null
  /** Time left at the pace so far, in ms; `null` while the size is not known. */
  leftMs: number | null
}

export interface TableAudit {
  table: string
  compared: number
  equal: number
  /** Rows that differ only where an engine fills a value by itself. */
  defaults: number
  missing: number
  extra: number
  changed: number
  /** Rows with an open operation: not judged. */
  inFlight: number
  /** Rows that changed under the audit, or could not be read: not judged. */
  inconclusive: number
  /** Rules that met nothing: most often a path that is misspelt. */
  idle: readonly IdleRule[]
  /** Why the table was not read to its end. */
  failure?: string
  /** How fresh and how whole the verdict is; of an incremental audit only. */
  coverage?: Coverage
}

/** What an incremental audit knows beyond the rows that it looked at. */
export interface Coverage {
  /** Both sides tell what is written to them. Else a change is found by the next walk through all rows. */
  tracked: boolean
  /** When a walk through all rows last ended, epoch ms; `null` before the first. */
  completedAt: number | null
  /** Rows written and not looked at yet. */
  waiting: number
  /** Divergences that ended: by themselves, by other rules, by a repair. */
  resolved: number
  ignored: number
  repaired: number
}

/** A rule that had no effect: its path was in no row (`unseen`), or nothing there was of the kind it rules (`unfit`). */
export interface IdleRule {
  rule: keyof TableRules
  path: string
  because: 'unseen' | 'unfit'
}

export interface AuditReport {
  left: string
  right: string
  startedAt: number
  durationMs: number
  /** `true` when every table was read to its end. */
  complete: boolean
  /** `true` when complete, and no row is missing, extra, changed or inconclusive. */
  clean: boolean
  tables: readonly TableAudit[]
  /** At most 500, the rest is counted only. */
  divergences: readonly Divergence[]
}
