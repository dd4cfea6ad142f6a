import type { CompareRules, TableRules } from '../../src/model/source.js'

export type Row = Record<string, unknown>

/** The table that holds so many rows. */
export const tableOf = (rows: number): string => `cards${rows}`

const cardRules: TableRules = {
  ignore: [
    'syncVersion',
    'pendingSync',
    'lastSyncAt',
    'updatedAt',
    '*.lastModified',
    'searchVector',
  ],
}

export const rulesOf = (tables: readonly string[]): CompareRules => ({
  tables: Object.fromEntries(tables.map((table) => [table, cardRules])),
})

export const idOf = (at: number): string =>
  `${at.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`

/** A card of about 670 bytes. */
export function makeCard(at: number): Row {
  const side = (text: string) => ({
    title: `Card ${at}`,
    text,
    images: [{ id: `i${at}`, url: `/files/${at}.png`, alt: '' }],
    tags: ['biology', `chapter ${at % 40}`],
    lastModified: new Date(1_700_000_000_000 + at),
  })
  return {
    id: idOf(at),
    frontContent: side(`What is the ${at}th thing to remember about the cell and its membrane?`),
    backContent: side(
      `It is that number ${at} comes after the one before it, and that all have walls.`,
    ),
    style: { type: 'gradient', colors: ['#fafafa', '#e5e5e5'], angle: at % 360 },
    folderId: at % 3 ? `folder-${at % 50}` : null,
    createdAt: new Date(1_600_000_000_000 + at),
    updatedAt: new Date(1_700_000_000_000 + at),
    syncVersion: at % 9,
    pendingSync: true,
  }
}

/** The same card as the other engine writes it: dates as text, other key order, other counters, one field more. */
export function makeOther(at: number): Row {
  const card = makeCard(at)
  const { frontContent, backContent, createdAt, ...rest } = card
  const turn = ({ images, tags, lastModified, ...content }: Row) => ({
    ...content,
    tags,
    images,
    lastModified: (lastModified as Date).toISOString(),
  })
  return {
    createdAt: (createdAt as Date).toISOString(),
    ...rest,
    frontContent: turn(frontContent as Row),
    backContent: turn(backContent as Row),
    syncVersion: 1,
    pendingSync: false,
    searchVector: `card ${at}`,
  }
}

export interface Planted {
  missing: number
  extra: number
  changed: number
}

/** The two stores' rows; of each hundred planted differences 20 rows are missing, 20 extra and 60 changed. */
export function* makeRows(
  count: number,
  differences: number,
  side: 'left' | 'right',
): Generator<Row> {
  const every = Math.floor(count / differences)
  for (let at = 0; at < count; at++) {
    const kind = at % every === every >> 1 ? Math.floor(at / every) % 5 : -1
    if (side === 'left') {
      if (kind !== 0) yield makeCard(at)
      continue
    }
    if (kind === 1) continue
    const row = makeOther(at)
    if (kind > 1) (row.backContent as Row).text = `lost ${at}`
    yield row
  }
}

/** Everything that does not count taken out and the rest put in one form: what a comparison without rules needs first. */
export function normalise(value: unknown, depth = 0): unknown {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((one) => normalise(one, depth + 1))
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value as Row).filter(
    ([name, one]) => one !== null && one !== undefined && !isNoise(name, depth),
  )
  return Object.fromEntries(fields.sort().map(([name, one]) => [name, normalise(one, depth + 1)]))
}

const NOISE = new Set(['syncVersion', 'pendingSync', 'lastSyncAt', 'updatedAt', 'searchVector'])

function isNoise(name: string, depth: number): boolean {
  return depth === 0 ? NOISE.has(name) : depth === 1 && name === 'lastModified'
}
