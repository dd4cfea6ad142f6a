import { TAG_COLORS } from './facts.js'
import {
  type CardOp,
  type CardRow,
  type FolderRow,
  type Listed,
  type Picture,
  type Row,
  type Rows,
  type Table,
  type TagRow,
  toPlain,
} from './model.js'
import type { Photo } from './photo.js'
import { mintUuid } from './uuid.js'

export interface Draft {
  title: string
  text: string
  answer: string
  tags: readonly string[]
  folderId: string | null
  /** Pictures that the card keeps. */
  kept: readonly Picture[]
  /** Pictures that come new. */
  added: readonly Photo[]
}

type User = string | null

function put(entity: Table, row: Row): CardOp {
  return { entity, entityId: row.id, kind: 'put', row: toPlain(row) }
}

function remove(entity: Table, entityId: string): CardOp {
  return { entity, entityId, kind: 'delete' }
}

function touch<T extends object>(row: T, user: User): T & Omit<Row, 'id'> {
  return { ...row, userId: user, updatedAt: new Date().toISOString(), pendingSync: true }
}

function create(user: User) {
  const id = mintUuid()
  return { ...touch({ id, syncVersion: 1, createdAt: new Date().toISOString() }, user), id }
}

/** What saving a card means: its new pictures, its new tags, and the card itself. */
export function saveCard(
  draft: Draft,
  present: CardRow | null,
  rows: Listed,
  user: User,
): CardOp[] {
  const card = present ?? { ...create(user), style: { type: 'solid' } }
  const images = draft.added.map((photo) => ({
    ...create(user),
    ...describe(photo),
    cardId: card.id,
  }))
  const pictures = [
    ...draft.kept,
    ...images.map(({ id, fileName }) => ({ id, url: '', alt: fileName })),
  ]
  const dropped = (present?.frontContent.images ?? []).filter(
    (picture) => !draft.kept.some((kept) => kept.id === picture.id),
  )
  const tags = draft.tags.filter((name) => !rows.tags.some((tag) => tag.name === name))
  const lastModified = new Date().toISOString()
  const back = present?.backContent ?? { title: '', images: [], tags: [] }
  return [
    ...images.map((image) => put('images', image)),
    ...dropped.map((picture) => remove('images', picture.id)),
    ...tags.map((name) => put('tags', makeTag(name, user))),
    put('cards', {
      ...touch(card, user),
      id: card.id,
      frontContent: {
        title: draft.title,
        text: draft.text,
        images: pictures,
        tags: [...draft.tags],
        lastModified,
      },
      backContent: { ...back, text: draft.answer, lastModified },
      folderId: draft.folderId,
    }),
  ]
}

function describe({ data, ...photo }: Photo) {
  const { fileName, size, width, height, format } = photo
  return {
    fileName,
    filePath: `images/${fileName}`,
    cloudUrl: null,
    metadata: { size, width, height, format },
    storageMode: 'base64',
    data,
  }
}

function makeTag(name: string, user: User) {
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0)
  return { ...create(user), name, color: TAG_COLORS[sum % TAG_COLORS.length], count: 0 }
}

/** A card goes with its pictures. */
export function removeCard(card: CardRow): CardOp[] {
  const pictures = [...card.frontContent.images, ...card.backContent.images]
  return [...pictures.map((picture) => remove('images', picture.id)), remove('cards', card.id)]
}

export function addFolder(name: string, parentId: string | null, user: User): CardOp {
  return put('folders', {
    ...create(user),
    name,
    cardIds: [],
    parentId,
    isExpanded: true,
  })
}

export function renameFolder(folder: FolderRow, name: string, user: User): CardOp {
  return put('folders', { ...touch(folder, user), id: folder.id, name })
}

/** What was in the folder moves one level up. */
export function removeFolder(folder: FolderRow, rows: Listed, user: User): CardOp[] {
  const parentId = folder.parentId ?? null
  const inside = rows.folders.filter((own) => own.parentId === folder.id)
  const cards = rows.cards.filter((card) => card.folderId === folder.id)
  return [
    ...inside.map((own) => put('folders', { ...touch(own, user), id: own.id, parentId })),
    ...cards.map((card) => put('cards', { ...touch(card, user), id: card.id, folderId: parentId })),
    remove('folders', folder.id),
  ]
}

/** The tag goes, and every card that bears its name loses it. */
export function removeTag(tag: TagRow, rows: Listed, user: User): CardOp[] {
  const cards = rows.cards.filter((card) => card.frontContent.tags.includes(tag.name))
  return [
    ...cards.map((card) => {
      const tags = card.frontContent.tags.filter((name) => name !== tag.name)
      return put('cards', {
        ...touch(card, user),
        id: card.id,
        frontContent: { ...card.frontContent, tags },
      })
    }),
    remove('tags', tag.id),
  ]
}

/** The operations that fill a profile with generated rows, folders before what lies in them. */
export function seed(rows: Rows, user: User): CardOp[] {
  // Rows that nobody owns stay that way: real profiles have them.
  const own = <T extends Row>(row: T) =>
    typeof row.userId === 'string' && row.userId !== 'default' ? { ...row, userId: user } : row
  return [
    ...rows.folders.map(({ color: _, icon: __, ...row }) =>
      // The cloud has no column for them: each engine takes its own.
      put('folders', { ...own(row as FolderRow), id: row.id }),
    ),
    ...rows.tags.map((row) => put('tags', own(row))),
    ...rows.images.map((row) => put('images', own(row))),
    ...rows.cards.map((row) => put('cards', own(row))),
  ]
}
