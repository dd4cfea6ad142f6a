import type { Row } from './memory.js'

/** The tables that two engines and the cloud hold after the same pull. */
export interface EngineRows {
  legacy: Record<string, Row[]>
  refactored: Record<string, Row[]>
  cloud: Record<string, Row[]>
}

const at = new Date('2030-01-01T00:00:00.000Z')
const content = (title: string, lastModified?: Date | string): Row => ({
  title,
  text: 'x',
  images: [{ id: 'i1', url: 'blob:1', alt: '' }],
  tags: ['t'],
  ...(lastModified && { lastModified }),
})
/** The same fields in the order the refactored engine writes them. */
const turned = ({ title, text, images, tags }: Row): Row => ({
  title,
  text,
  tags,
  images,
  lastModified: at,
})

const local = {
  createdAt: new Date('2025-02-12T08:00:00.000Z'),
  updatedAt: new Date('2025-02-12T08:00:00.000Z'),
  userId: 'user-1',
  syncVersion: 1,
}

function legacyPulled(row: Row): Row {
  return { ...row, createdAt: at, updatedAt: at, syncVersion: 3, pendingSync: false }
}

function refactoredPulled(row: Row): Row {
  return { ...legacyPulled(row), userId: 'user-1', syncVersion: 1, lastSyncAt: at }
}

const live = { front: content('C', '2025-01-01T00:00:00.000Z'), back: content('') }
const dead = { front: content('DEL'), back: content('') }
const style = { type: 'gradient', colors: ['#fff', '#000'] }

/** What the two engines of CardEverything make of one cloud: all their harmless ways, and two real faults. */
export const engineRows: EngineRows = {
  legacy: {
    cards: [
      {
        ...local,
        id: 'card-local',
        frontContent: content('A', new Date(0)),
        backContent: content(''),
        style,
        isFlipped: false,
        folderId: undefined,
        pendingSync: true,
      },
      legacyPulled({
        id: 'card-pulled',
        frontContent: live.front,
        backContent: live.back,
        style,
        folderId: undefined,
        isFlipped: false,
      }),
      legacyPulled({
        id: 'card-resurrected',
        frontContent: dead.front,
        backContent: dead.back,
        style,
        isFlipped: false,
      }),
    ],
    folders: [
      {
        ...local,
        id: 'folder-local',
        name: 'F',
        color: '#ff0000',
        icon: 'Star',
        cardIds: ['card-local'],
        isExpanded: false,
        pendingSync: true,
      },
      legacyPulled({
        id: 'folder-pulled',
        name: 'CF',
        color: '#3b82f6',
        icon: 'Folder',
        cardIds: [],
        parentId: undefined,
        isExpanded: true,
      }),
    ],
    tags: [legacyPulled({ id: 'tag', name: 'tg', color: '#111111', count: 4 })],
    images: [
      {
        ...local,
        id: 'image',
        cardId: 'card-local',
        fileName: 'a.png',
        filePath: 'disk/a.png',
        metadata: { size: 1, width: 2, height: 3, format: 'png' },
        storageMode: 'filesystem',
        data: 'data:,a',
        pendingSync: true,
      },
    ],
  },
  refactored: {
    cards: [
      {
        ...local,
        id: 'card-local',
        frontContent: turned(content('A')),
        backContent: turned(content('')),
        style: { colors: ['#fff', '#000'], type: 'gradient' },
        folderId: null,
        pendingSync: false,
        lastSyncAt: at,
      },
      refactoredPulled({
        id: 'card-pulled',
        folderId: null,
        frontContent: turned(live.front),
        backContent: turned(live.back),
        style,
        searchVector: 'c x',
        thumbnailUrl: undefined,
      }),
      refactoredPulled({
        id: 'card-resurrected',
        folderId: null,
        frontContent: turned(dead.front),
        backContent: turned(dead.back),
        style,
        searchVector: 'del x',
      }),
    ],
    folders: [
      {
        ...local,
        id: 'folder-local',
        name: 'F',
        color: '#ff0000',
        icon: 'Star',
        cardIds: [],
        isExpanded: true,
        pendingSync: true,
      },
      refactoredPulled({
        id: 'folder-pulled',
        name: 'CF',
        parentId: null,
        description: '',
        color: '#6366f1',
        icon: 'folder',
        order: 0,
        isExpanded: true,
        cardIds: [],
        fullPath: 'CF',
        depth: 0,
      }),
    ],
    tags: [
      refactoredPulled({
        id: 'folder-local',
        name: 'F',
        color: '#ff0000',
        description: '',
        count: 0,
      }),
      refactoredPulled({ id: 'tag', name: 'tg', color: '#111111', description: '', count: 0 }),
    ],
    images: [
      {
        ...local,
        id: 'image',
        cardId: 'card-local',
        fileName: 'a.png',
        filePath: 'opfs/a.png',
        cloudUrl: null,
        metadata: { format: 'PNG', height: 3, width: 2, size: 1 },
        storageMode: 'indexeddb',
        data: 'data:,a',
      },
    ],
  },
  cloud: {
    cards: [
      {
        id: 'card-local',
        frontContent: content('A'),
        backContent: content(''),
        style,
        folderId: null,
        isDeleted: false,
        syncVersion: 2,
      },
      {
        id: 'card-pulled',
        frontContent: live.front,
        backContent: live.back,
        style,
        folderId: null,
        isDeleted: false,
        syncVersion: 3,
      },
      {
        id: 'card-resurrected',
        frontContent: dead.front,
        backContent: dead.back,
        style,
        isDeleted: true,
        syncVersion: 2,
      },
    ],
    folders: [
      { id: 'folder-local', name: 'F', parentId: null, isDeleted: false },
      { id: 'folder-pulled', name: 'CF', parentId: null, isDeleted: false },
    ],
    tags: [{ id: 'tag', name: 'tg', color: '#111111', isDeleted: false }],
    images: [
      {
        id: 'image',
        cardId: 'card-local',
        fileName: 'a.png',
        cloudUrl: null,
        metadata: { size: 1, width: 2, height: 3 },
        data: 'data:,a',
        isDeleted: false,
      },
    ],
  },
}
