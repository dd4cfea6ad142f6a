interface Preset {
  tombstone: string
  ignore: readonly string[]
  defaults?: Readonly<Record<string, readonly unknown[]>>
}

/** Kept by each engine for itself, in every table. */
const bookkeeping = ['userId', 'syncVersion', 'pendingSync', 'lastSyncAt', 'createdAt', 'updatedAt']

/** How CardEverything's rows are compared: what its two engines write differently from one cloud row is no divergence. */
export const cardEverything: { tables: Readonly<Record<string, Preset>> } = {
  tables: {
    cards: {
      tombstone: 'isDeleted',
      ignore: [
        ...bookkeeping,
        'isFlipped',
        'isSelected',
        'searchVector',
        'thumbnailUrl',
        'frontContent.lastModified',
        'backContent.lastModified',
      ],
    },
    folders: {
      tombstone: 'isDeleted',
      ignore: [...bookkeeping, 'cardIds', 'isExpanded', 'fullPath', 'depth'],
      // The cloud keeps none of these, so each engine makes up its own.
      defaults: {
        color: [null, '#3b82f6', '#6366f1'],
        icon: [null, 'Folder', 'folder'],
        description: [null, ''],
        order: [null, 0],
      },
    },
    tags: {
      tombstone: 'isDeleted',
      ignore: [...bookkeeping, 'count'],
      defaults: { description: [null, ''], isHidden: [false] },
    },
    images: {
      tombstone: 'isDeleted',
      ignore: [...bookkeeping, 'filePath', 'thumbnailPath', 'storageMode', 'metadata.format'],
    },
  },
}
