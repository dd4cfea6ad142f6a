import { describe, expect, it } from 'vitest'
import {
  addFolder,
  removeCard,
  removeFolder,
  removeTag,
  saveCard,
  seed,
} from '../src/data/commands.js'
import { generateCards } from '../src/data/generate.js'
import type { CardOp, CardRow } from '../src/data/model.js'

const rows = generateCards({ seed: 9, cards: 30, folders: 6, images: 4 })
const user = '11111111-1111-4111-8111-111111111111'
const draft = {
  title: '标题',
  text: 'text',
  answer: 'answer',
  tags: ['physics', 'never seen'],
  folderId: 'folder-1',
  kept: [],
  added: [],
}
const photo = { fileName: 'a.png', data: 'data:,', size: 1, width: 2, height: 3, format: 'png' }
const tell = (operations: readonly CardOp[]) =>
  operations.map(({ kind, entity }) => `${kind} ${entity}`)
const withPicture = rows.cards.find((card) => card.frontContent.images.length > 0) as CardRow

describe('what the user does becomes operations', () => {
  it('a new card comes after its pictures and the tags that are new', () => {
    const operations = saveCard({ ...draft, added: [photo] }, null, rows, user)
    expect(tell(operations)).toEqual(['put images', 'put tags', 'put cards'])
    const [image, tag, card] = operations
    expect(tag?.row).toMatchObject({ name: 'never seen', userId: user })
    expect(image?.row).toMatchObject({ cardId: card?.entityId, data: 'data:,' })
    expect(card?.row).toMatchObject({
      folderId: 'folder-1',
      frontContent: { title: '标题', images: [{ id: image?.entityId, alt: 'a.png' }] },
      backContent: { text: 'answer' },
    })
    expect(JSON.parse(JSON.stringify(operations))).toEqual(operations)
  })

  it('an edit keeps what the form does not show, and deletes pictures that were taken off', () => {
    const card = { ...withPicture, style: { type: 'glass', blur: 4 } }
    const operations = saveCard({ ...draft, tags: [] }, card, rows, user)
    expect(tell(operations)).toEqual(['delete images', 'put cards'])
    const last = operations.at(-1)
    expect(last?.entityId).toBe(card.id)
    expect(last?.row).toMatchObject({ style: { type: 'glass', blur: 4 } })
    expect(last?.row?.createdAt).toBe(new Date(card.createdAt).toISOString())
  })

  it('a card goes with its pictures', () => {
    const expected = [...withPicture.frontContent.images.map(() => 'delete images'), 'delete cards']
    expect(tell(removeCard(withPicture))).toEqual(expected)
  })

  it('what lies in a deleted folder moves one level up', () => {
    const child = rows.folders.find((folder) => folder.parentId)
    const parent = rows.folders.find((folder) => folder.id === child?.parentId)
    if (!child || !parent) throw new Error('the rows have no nested folder')
    const operations = removeFolder(parent, rows, user)
    const moved = operations.filter((operation) => operation.kind === 'put')
    const inside = [...rows.folders, ...rows.cards].filter(
      (row) => row.parentId === parent.id || row.folderId === parent.id,
    )
    expect(moved.map((operation) => operation.entityId)).toEqual(inside.map((row) => row.id))
    for (const { row } of moved) {
      expect(row?.folderId ?? row?.parentId ?? null).toBe(parent.parentId ?? null)
    }
    expect(operations.at(-1)).toMatchObject({ kind: 'delete', entityId: parent.id })
  })

  it('a deleted tag leaves every card that bore it', () => {
    const [tag] = rows.tags
    if (!tag) throw new Error('the rows have no tag')
    const operations = removeTag(tag, rows, user)
    expect(operations).toHaveLength(tag.count + 1)
    for (const { row } of operations.slice(0, -1)) {
      expect(row).toHaveProperty('frontContent.tags')
      expect(row).not.toMatchObject({ frontContent: { tags: expect.arrayContaining([tag.name]) } })
    }
  })

  it('a folder may lie in another', () => {
    expect(addFolder('内', 'folder-1', user).row).toMatchObject({
      name: '内',
      parentId: 'folder-1',
    })
  })

  it('demo data belongs to who asked for it, and stays nobody’s where it was', () => {
    const operations = seed(rows, user)
    expect(operations).toHaveLength(Object.values(rows).flat().length)
    const owners = new Set(operations.map(({ row }) => row?.userId))
    expect(owners).toEqual(new Set([user, null, undefined, 'default']))
    expect(JSON.parse(JSON.stringify(operations))).toEqual(operations)
  })
})
