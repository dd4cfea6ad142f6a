import type { Row, Table } from './model.js'

type Fields = Record<string, unknown>

/** What each engine puts where a row has nothing; the cloud has no column for most of it. */
const DEFAULTS: Record<'legacy' | 'refactored', Record<Table, Fields>> = {
  legacy: {
    cards: { isFlipped: false },
    folders: { color: '#3b82f6', icon: 'Folder', cardIds: [], isExpanded: true },
    tags: { count: 0 },
    images: {},
  },
  refactored: {
    cards: {},
    folders: {
      color: '#6366f1',
      icon: 'folder',
      cardIds: [],
      isExpanded: true,
      description: '',
      order: 0,
      depth: 0,
    },
    tags: { count: 0, description: '' },
    images: {},
  },
}

const TAIL = ['created_at', 'updated_at', 'sync_version', 'is_deleted']

/** Cloud columns by table; any other column is refused there. */
const COLUMNS: Record<Table, readonly string[]> = {
  cards: ['id', 'front_content', 'back_content', 'style', 'folder_id', ...TAIL],
  folders: ['id', 'name', 'parent_id', ...TAIL],
  tags: ['id', 'name', 'color', ...TAIL],
  images: [
    'id',
    'card_id',
    'file_name',
    'file_path',
    'cloud_url',
    'metadata',
    'storage_mode',
    'data',
    ...TAIL,
  ],
}

/** References that are null in the cloud when there is none. */
const REFERENCES: Record<Table, readonly string[]> = {
  cards: ['folderId'],
  folders: ['parentId'],
  tags: [],
  images: ['cloudUrl'],
}

/** State of the screen or derived by one engine: it stays behind when a row moves to the other. */
const VIEW_STATE = ['isFlipped', 'isSelected']
const DERIVED = ['searchVector', 'thumbnailUrl', 'fullPath', 'depth', 'description', 'order']

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function toSnake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** An instant of any shape as a Date; the epoch where there is none. */
export function toDate(value: unknown): Date {
  const date = value instanceof Date ? value : new Date(String(value))
  return Number.isNaN(date.getTime()) ? new Date(0) : date
}

function fill(row: Fields, defaults: Fields): Fields {
  const filled = Object.entries(defaults).map(([name, value]) => [
    name,
    row[name] ?? structuredClone(value),
  ])
  return Object.fromEntries(filled)
}

function refer(table: Table, row: Fields, none: null | undefined): Fields {
  return Object.fromEntries(REFERENCES[table].map((name) => [name, row[name] ?? none]))
}

function omit(row: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)))
}

function readContent(value: unknown): Fields & { title: string; text: string } {
  const content = (value ?? {}) as Fields
  return {
    ...content,
    title: String(content.title ?? ''),
    text: String(content.text ?? ''),
    images: Array.isArray(content.images) ? content.images : [],
    tags: Array.isArray(content.tags) ? content.tags : [],
  }
}

function toLegacyContent(value: unknown): Fields {
  const content = readContent(value)
  if (content.lastModified === undefined) return content
  return { ...content, lastModified: toDate(content.lastModified) }
}

function toRefactoredContent(value: unknown, updatedAt: Date): Fields {
  const { title, text, tags, images, ...rest } = readContent(value)
  const lastModified = rest.lastModified === undefined ? updatedAt : toDate(rest.lastModified)
  return { ...rest, title, text, tags, images, lastModified }
}

/** What every row has, in both engines. */
function toTail(row: Row): { createdAt: Date; updatedAt: Date } & Fields {
  return {
    createdAt: toDate(row.createdAt ?? row.updatedAt),
    updatedAt: toDate(row.updatedAt ?? row.createdAt),
    syncVersion: row.syncVersion ?? 1,
    pendingSync: row.pendingSync ?? true,
  }
}

/** A local row of any shape in the shape that the legacy engine keeps. */
export function toLegacy(table: Table, row: Row): Row {
  const local = {
    ...omit(row, [...DERIVED, 'lastSyncAt']),
    id: row.id,
    ...toTail(row),
    ...refer(table, row, undefined),
    ...fill(row, DEFAULTS.legacy[table]),
  }
  if (table !== 'cards') return local
  return {
    ...local,
    frontContent: toLegacyContent(row.frontContent),
    backContent: toLegacyContent(row.backContent),
  }
}

/** A local row of any shape in the shape that the refactored engine keeps. */
export function toRefactored(table: Table, row: Row, user: string | null): Row {
  const tail = toTail(row)
  const local = {
    ...omit(row, VIEW_STATE),
    id: row.id,
    userId: row.userId === 'default' ? user : (row.userId ?? user),
    ...tail,
    ...refer(table, row, null),
    ...fill(row, DEFAULTS.refactored[table]),
  }
  if (table === 'folders') return { ...local, fullPath: row.fullPath ?? row.name }
  if (table !== 'cards') return local
  const front = toRefactoredContent(row.frontContent, tail.updatedAt)
  const back = toRefactoredContent(row.backContent, tail.updatedAt)
  return {
    ...local,
    frontContent: front,
    backContent: back,
    searchVector: toSearchVector([front.title, front.text, back.title, back.text]),
    thumbnailUrl: row.thumbnailUrl,
  }
}

function toSearchVector(texts: readonly unknown[]): string {
  return texts.filter(Boolean).join(' ').toLowerCase()
}

/**
 * The cloud row of an operation. Depends on the operation alone: a repeated send must have the same
 * payload, whichever engine sends it.
 */
export function toCloud(table: Table, row: Row): Fields {
  const cloud: Fields = {}
  for (const column of COLUMNS[table]) {
    const value = row[toCamel(column)]
    if (value !== undefined && value !== null) cloud[column] = value
  }
  for (const [name, value] of Object.entries(refer(table, row, null))) cloud[toSnake(name)] = value
  cloud.created_at = toDate(row.createdAt ?? row.updatedAt).toISOString()
  cloud.updated_at = toDate(row.updatedAt ?? row.createdAt).toISOString()
  cloud.is_deleted = false
  return cloud
}

function fromCloud(cloud: Fields): Row {
  const row: Row = { id: String(cloud.id) }
  for (const [column, value] of Object.entries(cloud)) row[toCamel(column)] = value
  const { isDeleted: _, change: __, ...rest } = row
  return rest
}

/** What the legacy engine keeps of a cloud row; what the cloud has no column for stays as it was here. */
export function pullLegacy(table: Table, cloud: Fields, present: Row | undefined): Row {
  const { userId: _, ...row } = fromCloud(cloud)
  const local = toLegacy(table, { ...keepLocal(present), ...(row as Row), pendingSync: false })
  if (table === 'cards') {
    local.frontContent = readContent(row.frontContent)
    local.backContent = readContent(row.backContent)
  }
  return local
}

/** What the refactored engine keeps of a cloud row; what the cloud has no column for stays as it was here. */
export function pullRefactored(
  table: Table,
  cloud: Fields,
  present: Row | undefined,
  user: string,
): Row {
  const row = fromCloud(cloud)
  const lastSyncAt = toDate(cloud.updated_at)
  const merged: Row = { ...keepLocal(present), ...row, pendingSync: false, lastSyncAt }
  if (table === 'cards') {
    merged.frontContent = { ...(row.frontContent as Fields), lastModified: lastSyncAt }
    merged.backContent = { ...(row.backContent as Fields), lastModified: lastSyncAt }
  }
  return toRefactored(table, { ...merged, userId: user }, user)
}

function keepLocal(present: Row | undefined): Fields {
  return present ? omit(present, ['userId', 'searchVector', 'fullPath']) : {}
}
