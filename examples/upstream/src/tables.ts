import * as v from 'valibot'

/** An id sorts alike in PostgreSQL's bytes and in IndexedDB's code units as long as it has no surrogates. */
export const Id = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(200),
  v.regex(/^[^\p{Cc}\ud800-\u{10ffff}]+$/u, 'has a character that an id may not have'),
)

export const User = v.pipe(v.string(), v.uuid())

const text = (max: number) => v.pipe(v.string(), v.maxLength(max))
const json = v.record(v.string(), v.unknown())
const time = v.pipe(
  v.string(),
  v.regex(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/,
    'is not an ISO date with time and zone',
  ),
)

const head = { user_id: v.nullish(User), id: Id }
const tail = {
  created_at: v.optional(time),
  updated_at: v.optional(time),
  sync_version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31 - 2))),
  is_deleted: v.optional(v.boolean()),
}

/** The columns that a client may write, by table. */
export const TABLES = {
  cards: v.strictObject({
    ...head,
    front_content: v.optional(json),
    back_content: v.optional(json),
    style: v.optional(json),
    folder_id: v.nullish(text(200)),
    ...tail,
  }),
  folders: v.strictObject({
    ...head,
    name: v.optional(text(1_000)),
    parent_id: v.nullish(text(200)),
    ...tail,
  }),
  tags: v.strictObject({
    ...head,
    name: v.optional(text(1_000)),
    color: v.optional(text(100)),
    ...tail,
  }),
  images: v.strictObject({
    ...head,
    card_id: v.nullish(text(200)),
    file_name: v.optional(text(1_000)),
    file_path: v.optional(text(2_000)),
    cloud_url: v.nullish(text(4_000)),
    metadata: v.optional(json),
    storage_mode: v.optional(text(100)),
    data: v.nullish(v.string()),
    ...tail,
  }),
} as const

export type Table = keyof typeof TABLES

export const TABLE_NAMES = Object.keys(TABLES) as Table[]

/** A row as it travels: the columns of its table in snake_case. */
export type CloudRow = Record<string, unknown> & { id: string }
