import { crc32, inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { generateCards } from '../src/data/generate.js'

describe('the generator of rows', () => {
  it('makes the same rows of the same seed and others of another', () => {
    const amounts = { seed: 7, cards: 120 }
    expect(generateCards(amounts)).toEqual(generateCards(amounts))
    const [one] = generateCards(amounts).cards
    const [other] = generateCards({ ...amounts, seed: 8 }).cards
    expect(one?.id).not.toBe(other?.id)
  })

  it('makes as many rows as asked for, each with an id of its own', () => {
    const rows = generateCards({ seed: 1, cards: 500, folders: 40, tags: 60, images: 50 })
    expect([rows.cards, rows.folders, rows.tags, rows.images].map((list) => list.length)).toEqual([
      500, 40, 60, 50,
    ])
    for (const list of Object.values(rows)) {
      expect(new Set(list.map((row: { id: string }) => row.id)).size).toBe(list.length)
    }
  })

  it('holds every oddity of real profiles', () => {
    const { cards, folders } = generateCards({ seed: 3, cards: 64 })
    const known = new Set(folders.map((folder) => folder.id))
    expect(cards.some((card) => card.userId === null)).toBe(true)
    expect(cards.some((card) => !('userId' in card))).toBe(true)
    expect(cards.some((card) => card.userId === 'default')).toBe(true)
    expect(cards.some((card) => card.folderId && !known.has(card.folderId))).toBe(true)
    expect(cards.some((card) => 'folderId' in card && card.folderId === undefined)).toBe(true)
    expect(cards.some((card) => typeof card.createdAt === 'string')).toBe(true)
    expect(cards.some((card) => !('lastModified' in card.frontContent))).toBe(true)
    expect(cards.some((card) => !card.id.includes('-'))).toBe(true)
    expect(known.has('folder-1')).toBe(true)
    const text = cards.map((card) => card.frontContent.title + card.frontContent.text).join('')
    expect(text).toMatch(/\p{Script=Han}/u)
    expect(text).toMatch(/[a-z]/)
  })

  it('nests folders without a circle', () => {
    const { folders } = generateCards({ seed: 5, cards: 0, folders: 60 })
    const byId = new Map(folders.map((folder) => [folder.id, folder]))
    const depths = folders.map((folder) => {
      let depth = 0
      for (let at = folder.parentId; at; at = byId.get(at)?.parentId) depth++
      return depth
    })
    expect(Math.max(...depths)).toBeGreaterThan(1)
    expect(Math.max(...depths)).toBeLessThanOrEqual(3)
  })

  it('draws images that are valid PNGs and belong to a card', () => {
    const { images, cards } = generateCards({ seed: 2, cards: 20, images: 6 })
    for (const image of images) {
      const bytes = Buffer.from(image.data.replace('data:image/png;base64,', ''), 'base64')
      const { width, height } = image.metadata
      const chunks = readChunks(bytes)
      expect(chunks.map(({ type }) => type)).toEqual(['IHDR', 'IDAT', 'IEND'])
      expect(chunks.every((chunk) => chunk.crc === crc32(chunk.body))).toBe(true)
      const [header, pixels] = chunks
      expect([header?.data.readUInt32BE(0), header?.data.readUInt32BE(4)]).toEqual([width, height])
      expect(inflateSync(pixels?.data ?? '').length).toBe(height * (1 + 3 * width))
      expect(bytes.length).toBe(image.metadata.size)
      const card = cards.find((own) => own.id === image.cardId)
      expect(card?.frontContent.images.some((picture) => picture.id === image.id)).toBe(true)
    }
  })
})

function readChunks(png: Buffer): { type: string; data: Buffer; body: Buffer; crc: number }[] {
  const chunks = []
  for (let at = 8; at < png.length; ) {
    const end = at + 8 + png.readUInt32BE(at)
    const body = png.subarray(at + 4, end)
    const crc = png.readUInt32BE(end)
    chunks.push({ type: body.toString('latin1', 0, 4), data: body.subarray(4), body, crc })
    at = end + 4
  }
  return chunks
}
