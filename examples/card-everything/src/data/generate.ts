import { FACTS, type Fact, FOLDER_NAMES, TAG_COLORS } from './facts.js'
import type { CardRow, Content, FolderRow, ImageRow, Row, Rows, Synced, TagRow } from './model.js'
import { drawPng } from './png.js'

const FIRST_DAY = Date.UTC(2025, 0, 6, 8)
const HOUR_MS = 3_600_000
const MAX_DEPTH = 3
const STYLES = [
  { type: 'solid', background: '#fef3c7' },
  { type: 'solid', background: '#dbeafe' },
  { type: 'gradient', from: '#fce7f3', to: '#ede9fe' },
  { type: 'glass' },
]

interface Dice {
  /** At least 0, below 1. */
  next(): number
  below(limit: number): number
  pick<T>(items: readonly T[]): T
  uuid(): string
}

/** Mulberry32: small, seeded, the same everywhere. */
function rollDice(seed: number): Dice {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const hex = (length: number): string =>
    Array.from({ length }, () => below(16).toString(16)).join('')
  return {
    next,
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${'89ab'.charAt(below(4))}${hex(3)}-${hex(12)}`,
  }
}

export interface Amounts {
  seed: number
  cards: number
  /** @default a twelfth of the cards, at least 4 */
  folders?: number
  /** @default as many as the texts name */
  tags?: number
  /** @default a tenth of the cards */
  images?: number
}

/**
 * Rows as CardEverything holds them, odd ones included: the same for the same amounts. Every 16th
 * card or so has no user, a dangling folder, dates as text, own undefined fields or no `lastModified`.
 */
export function generateCards(amounts: Amounts): Rows {
  const dice = rollDice(amounts.seed)
  const user = dice.uuid()
  const folders = makeFolders(dice, user, amounts.folders ?? Math.max(4, amounts.cards / 12))
  const tags = makeTags(dice, user, amounts.tags)
  const cards = Array.from({ length: amounts.cards }, (_, index) =>
    makeCard(dice, user, index, folders),
  )
  const images = makeImages(dice, user, amounts.images ?? Math.floor(amounts.cards / 10), cards)
  for (const tag of tags) {
    tag.count = cards.filter((card) => card.frontContent.tags.includes(tag.name)).length
  }
  return { cards, folders, tags, images }
}

function makeTail(dice: Dice, user: string, index: number): Synced {
  const createdAt = new Date(FIRST_DAY + index * HOUR_MS + dice.below(HOUR_MS))
  const updatedAt = new Date(createdAt.getTime() + dice.below(30 * 24) * HOUR_MS)
  return { userId: user, syncVersion: 1 + dice.below(4), pendingSync: false, createdAt, updatedAt }
}

function makeFolders(dice: Dice, user: string, count: number): FolderRow[] {
  const folders: FolderRow[] = []
  const depths: number[] = []
  for (let index = 0; index < Math.floor(count); index++) {
    const parents = folders.filter((_, at) => (depths[at] ?? 0) < MAX_DEPTH)
    const parent = index > 1 && dice.next() < 0.6 ? dice.pick(parents) : undefined
    const round = Math.floor(index / FOLDER_NAMES.length)
    folders.push({
      ...makeTail(dice, user, index),
      id: index < 2 ? `folder-${index + 1}` : dice.uuid(),
      name: `${FOLDER_NAMES[index % FOLDER_NAMES.length]}${round ? ` ${round + 1}` : ''}`,
      color: dice.pick(TAG_COLORS),
      icon: dice.pick(['Folder', 'Star', 'Book']),
      cardIds: [],
      parentId: parent?.id,
      isExpanded: dice.next() < 0.5,
    } as FolderRow)
    depths.push(parent ? (depths[folders.indexOf(parent)] ?? 0) + 1 : 0)
  }
  return folders
}

function makeTags(dice: Dice, user: string, count: number | undefined): TagRow[] {
  const names = [...new Set(FACTS.flatMap((fact) => fact.tags))]
  const wanted = count ?? names.length
  while (names.length < wanted) names.push(`tag ${names.length + 1}`)
  return names.slice(0, wanted).map((name, index) => ({
    ...makeTail(dice, user, index),
    id: dice.uuid(),
    name,
    color: TAG_COLORS[index % TAG_COLORS.length] ?? '#1d4ed8',
    count: 0,
  }))
}

function makeCard(dice: Dice, user: string, index: number, folders: FolderRow[]): CardRow {
  const fact = dice.pick(FACTS)
  const tail = makeTail(dice, user, index)
  const folder = folders.length > 0 && dice.next() < 0.8 ? dice.pick(folders) : undefined
  const id = index % 16 === 7 ? String(index) : dice.uuid()
  folder?.cardIds.push(id)
  const card: CardRow = {
    ...tail,
    id,
    frontContent: { ...writeFront(fact, index), lastModified: tail.updatedAt },
    backContent: {
      title: '',
      text: fact.answer,
      images: [],
      tags: [],
      lastModified: tail.updatedAt,
    },
    style: { ...dice.pick(STYLES) },
    isFlipped: false,
    folderId: folder?.id ?? null,
  }
  return bend(card, index)
}

function writeFront(fact: Fact, index: number): Content {
  return {
    title: index < FACTS.length ? fact.title : `${fact.title} · ${index + 1}`,
    text: fact.text,
    images: [],
    tags: [...fact.tags],
  }
}

/** The faults that rows of real profiles have, each on one card of sixteen. */
function bend(card: CardRow, index: number): CardRow {
  const row: Row = card
  switch (index % 16) {
    case 1:
      row.userId = null
      break
    case 3:
      delete row.userId
      break
    case 5:
      row.folderId = 'folder-gone'
      break
    case 9:
      row.folderId = undefined
      row.thumbnailUrl = undefined
      break
    case 11:
      row.createdAt = (card.createdAt as Date).toISOString()
      card.frontContent.lastModified = (card.updatedAt as Date).toISOString()
      break
    case 13:
      delete card.frontContent.lastModified
      delete card.backContent.lastModified
      break
    case 15:
      row.userId = 'default'
      break
  }
  return card
}

function makeImages(dice: Dice, user: string, count: number, cards: CardRow[]): ImageRow[] {
  if (cards.length === 0) return []
  return Array.from({ length: count }, (_, index) => {
    const card = cards[Math.floor((index * cards.length) / count)] as CardRow
    const id = dice.uuid()
    const side = 16 + 8 * dice.below(3)
    const from = [dice.below(256), dice.below(256), dice.below(256)] as const
    const to = [dice.below(256), dice.below(256), dice.below(256)] as const
    const blend = (at: number, part: 0 | 1 | 2): number =>
      Math.round(from[part] + (to[part] - from[part]) * at)
    const { data, size } = drawPng(side, (x, y) => {
      const at = (x + y) / (2 * side - 2)
      return [blend(at, 0), blend(at, 1), blend(at, 2)]
    })
    const fileName = `${index % 2 === 0 ? 'sketch' : '图片'}-${index + 1}.png`
    card.frontContent.images.push({ id, url: '', alt: fileName })
    return {
      ...makeTail(dice, user, index),
      id,
      cardId: card.id,
      fileName,
      filePath: `images/${id}.png`,
      metadata: { size, width: side, height: side, format: 'png' },
      storageMode: 'base64',
      data,
    }
  })
}
