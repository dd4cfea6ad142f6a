import { describe, expect, it } from 'vitest'
import { generateCards } from '../src/data/generate.js'
import type { FolderRow } from '../src/data/model.js'
import { countCards, filterCards, insideOf, toTree } from '../src/ui/filter.js'

const rows = generateCards({ seed: 13, cards: 200, folders: 24 })
const everything = { folder: 'all', tag: null, query: '' }

function makeFolder(id: string, parentId: string | null): FolderRow {
  const at = new Date(0)
  return {
    id,
    parentId,
    name: id,
    color: '',
    icon: '',
    cardIds: [],
    isExpanded: true,
    syncVersion: 1,
    pendingSync: false,
    createdAt: at,
    updatedAt: at,
  }
}

describe('the list of cards', () => {
  it('counts as many cards in each folder as it then shows', () => {
    const counts = countCards(rows)
    for (const { id } of [...rows.folders, { id: 'unfiled' }]) {
      const shown = filterCards(rows, { ...everything, folder: id })
      expect([id, counts.get(id) ?? 0]).toEqual([id, shown.length])
    }
  })

  it('counts a card in a folder that is gone as not filed', () => {
    const lost = rows.cards.find((card) => card.folderId === 'folder-gone')
    expect(filterCards(rows, { ...everything, folder: 'unfiled' })).toContain(lost)
  })

  it('finds cards by every word, in both languages and in tags', () => {
    const find = (query: string) => filterCards(rows, { ...everything, query })
    expect(find('光合').length).toBeGreaterThan(0)
    expect(find('BLUE sky').length).toBeGreaterThan(0)
    expect(find('菜谱').length).toBeGreaterThan(0)
    expect(find('blue 光合')).toEqual([])
  })

  it('shows the newest change first, whatever the dates are made of', () => {
    const times = filterCards(rows, everything).map((card) => new Date(card.updatedAt).getTime())
    expect(times).toEqual(times.toSorted((a, b) => b - a))
  })
})

describe('the tree of folders', () => {
  it('places each folder once, right after its parent or a sibling', () => {
    const tree = toTree(rows.folders)
    expect(tree.map(({ folder }) => folder.id).toSorted()).toEqual(
      rows.folders.map((folder) => folder.id).toSorted(),
    )
    for (const [index, { folder, depth }] of tree.entries()) {
      const above = tree.slice(0, index).findLast((node) => node.depth < depth)
      expect(above?.folder.id ?? null).toBe(folder.parentId ?? null)
    }
  })

  it('shows folders that lie in each other, and those whose parent is gone', () => {
    const folders = [makeFolder('a', 'b'), makeFolder('b', 'a'), makeFolder('c', 'gone')]
    expect(toTree(folders).map(({ folder }) => folder.id)).toEqual(['c', 'a', 'b'])
    expect(insideOf(folders, 'a')).toEqual(new Set(['a', 'b']))
    expect(countCards({ ...rows, folders }).get('a')).toBeUndefined()
  })
})
