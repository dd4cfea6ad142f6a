import type { CardOp, CardRow, FolderRow, Listed } from '../data/model.js'
import { toDate } from '../data/shape.js'

/** What the list shows: a folder with all inside it, a tag, and words. */
export interface Selection {
  folder: 'all' | 'unfiled' | (string & {})
  tag: string | null
  query: string
}

/** What the side lists are given. */
export interface Side {
  rows: Listed
  user: string | null
  selection: Selection
  select(change: Partial<Selection>): void
  run(operations: readonly CardOp[]): void
}

export interface FolderNode {
  folder: FolderRow
  depth: number
}

/** Folders in the order of a tree. A parent that is gone, or that lies in its own child, counts as none. */
export function toTree(folders: readonly FolderRow[]): FolderNode[] {
  const known = new Set(folders.map((folder) => folder.id))
  const children = new Map<string | null, FolderRow[]>()
  for (const folder of folders) {
    const parent = folder.parentId && known.has(folder.parentId) ? folder.parentId : null
    children.set(parent, [...(children.get(parent) ?? []), folder])
  }
  const tree: FolderNode[] = []
  const placed = new Set<string>()
  const place = (folder: FolderRow, depth: number) => {
    if (placed.has(folder.id)) return
    placed.add(folder.id)
    tree.push({ folder, depth })
    for (const child of sortByName(children.get(folder.id) ?? [])) place(child, depth + 1)
  }
  for (const folder of sortByName(children.get(null) ?? [])) place(folder, 0)
  for (const folder of sortByName(folders)) place(folder, 0)
  return tree
}

function sortByName(folders: readonly FolderRow[]): FolderRow[] {
  return folders.toSorted((a, b) => a.name.localeCompare(b.name))
}

/** The ids of a folder and of everything inside it. */
export function insideOf(folders: readonly FolderRow[], id: string): Set<string> {
  const inside = new Set([id])
  for (let before = 0; before < inside.size; ) {
    before = inside.size
    for (const folder of folders) {
      if (folder.parentId && inside.has(folder.parentId)) inside.add(folder.id)
    }
  }
  return inside
}

/** How many cards each folder holds, all inside it counted; under 'unfiled' those in none. */
export function countCards({ cards, folders }: Listed): Map<string, number> {
  const parents = new Map(folders.map((folder) => [folder.id, folder.parentId]))
  const counts = new Map<string, number>()
  for (const card of cards) {
    const above = new Set<string>()
    let at = card.folderId
    while (at && parents.has(at) && !above.has(at)) {
      above.add(at)
      at = parents.get(at)
    }
    if (above.size === 0) above.add('unfiled')
    for (const id of above) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

/** The cards of a selection, newest change first. */
export function filterCards(rows: Listed, { folder, tag, query }: Selection): CardRow[] {
  const words = query.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  const known = new Set(rows.folders.map((own) => own.id))
  const inside = insideOf(rows.folders, folder)
  const lies = (card: CardRow) => {
    if (folder === 'all') return true
    if (folder === 'unfiled') return !card.folderId || !known.has(card.folderId)
    return inside.has(card.folderId ?? '')
  }
  return rows.cards
    .filter((card) => lies(card) && (tag === null || card.frontContent.tags.includes(tag)))
    .filter((card) => words.every((word) => toSearchText(card).includes(word)))
    .toSorted((a, b) => toDate(b.updatedAt).getTime() - toDate(a.updatedAt).getTime())
}

function toSearchText({ frontContent, backContent }: CardRow): string {
  const { title, text, tags } = frontContent
  return [title, text, backContent.title, backContent.text, ...tags].join(' ').toLocaleLowerCase()
}
