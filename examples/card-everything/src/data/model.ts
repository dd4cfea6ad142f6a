export const TABLES = ['cards', 'folders', 'tags', 'images'] as const

export type Table = (typeof TABLES)[number]

/** A row of any engine, before its shape is known. */
export interface Row {
  id: string
  [field: string]: unknown
}

/** One change of one row, as it is queued: the row is whole and safe for JSON. */
export interface CardOp {
  entity: Table
  entityId: string
  kind: 'put' | 'delete'
  row?: Row
  opId?: string
}

export interface Picture {
  id: string
  url: string
  alt: string
}

export interface Content {
  title: string
  text: string
  images: Picture[]
  /** Names, not ids. */
  tags: string[]
  lastModified?: Date | string
}

/** What every row carries for its engine. */
export interface Synced {
  userId?: string | null
  syncVersion: number
  pendingSync: boolean
  lastSyncAt?: Date
  createdAt: Date | string
  updatedAt: Date | string
}

export interface CardRow extends Row, Synced {
  frontContent: Content
  backContent: Content
  style: { type: string; [field: string]: unknown }
  folderId?: string | null
}

export interface FolderRow extends Row, Synced {
  name: string
  color: string
  icon: string
  cardIds: string[]
  parentId?: string | null
  isExpanded: boolean
}

export interface TagRow extends Row, Synced {
  name: string
  color: string
  count: number
  isHidden?: boolean
}

export interface ImageRow extends Row, Synced {
  cardId: string
  fileName: string
  filePath: string
  cloudUrl?: string | null
  metadata: { size: number; width: number; height: number; format: string }
  storageMode: string
  /** Data URL. */
  data: string
}

export interface Rows {
  cards: CardRow[]
  folders: FolderRow[]
  tags: TagRow[]
  images: ImageRow[]
}

/** What the screen lists; pictures are read one by one. */
export type Listed = Omit<Rows, 'images'>

/** Makes a row safe for JSON: dates become ISO strings, undefined fields go. */
export function toPlain(row: object): Row {
  return JSON.parse(JSON.stringify(row)) as Row
}
