import { useLiveQuery } from 'dexie-react-hooks'
import type { EngineName } from 'graysync'
import { useEffect, useState } from 'react'
import { databaseOf, gray } from '../gray.js'
import { useGray } from '../ui/gray.js'
import {
  type CardOp,
  type CardRow,
  type FolderRow,
  type ImageRow,
  type Rows,
  TABLES,
  type TagRow,
} from './model.js'

const NONE: Rows = { cards: [], folders: [], tags: [], images: [] }

/** The rows of the engine that owns the profile, live; `null` until they were read once. */
export function useRows(engine: EngineName, user: string | null): Rows | null {
  const db = databaseOf(engine)
  const rows = useLiveQuery(async () => {
    const [cards, folders, tags, images] = await Promise.all([
      db.cards.toArray(),
      db.folders.toArray(),
      db.tags.toArray(),
      db.images.toArray(),
    ])
    return { engine, cards, folders, tags, images } as unknown as Rows & { engine: EngineName }
  }, [engine])
  const waiting = useWaiting()
  if (!rows || rows.engine !== engine) return null
  return ownedBy(overlay(rows, waiting), user)
}

/** Operations that no engine has applied: while none runs, they are shown from the op-log. */
function useWaiting(): readonly CardOp[] {
  const idle = useGray((snapshot) => snapshot.phase === 'handover' || snapshot.phase === 'halted')
  const pending = useGray((snapshot) => snapshot.pending?.count ?? 0)
  const [waiting, setWaiting] = useState<readonly CardOp[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new count means new operations
  useEffect(() => {
    if (!idle) return setWaiting([])
    let current = true
    void gray.openOperations().then((open) => {
      if (current) setWaiting(open.map(({ op }) => op))
    })
    return () => {
      current = false
    }
  }, [idle, pending])
  return waiting
}

function overlay(rows: Rows, waiting: readonly CardOp[]): Rows {
  if (waiting.length === 0) return rows
  const shown = { ...NONE }
  for (const table of TABLES) {
    const byId = new Map(rows[table].map((row) => [row.id, row as never]))
    for (const op of waiting.filter((own) => own.entity === table)) {
      if (op.kind === 'delete') byId.delete(op.entityId)
      else byId.set(op.entityId, op.row as never)
    }
    shown[table] = [...byId.values()]
  }
  return shown
}

/** Rows without a user are whoever's signs in; rows of another user are not shown. */
function ownedBy(rows: Rows, user: string | null): Rows {
  const isOwn = (row: CardRow | FolderRow | TagRow | ImageRow) =>
    row.userId == null || row.userId === 'default' || row.userId === user
  return {
    cards: rows.cards.filter(isOwn),
    folders: rows.folders.filter(isOwn),
    tags: rows.tags.filter(isOwn),
    images: rows.images.filter(isOwn),
  }
}
