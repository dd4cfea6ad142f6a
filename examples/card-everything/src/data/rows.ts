import { useLiveQuery } from 'dexie-react-hooks'
import type { EngineName } from 'graysync'
import { useEffect, useMemo, useState } from 'react'
import { databaseOf, gray } from '../gray.js'
import { useGray } from '../ui/gray.js'
import type { CardOp, ImageRow, Listed, Row, Table } from './model.js'

/** The rows of the engine that owns the profile, live; `null` until they were read once. */
export function useRows(engine: EngineName, user: string | null): Listed | null {
  const waiting = useWaiting()
  const cards = useTable(engine, 'cards', user, waiting)
  const folders = useTable(engine, 'folders', user, waiting)
  const tags = useTable(engine, 'tags', user, waiting)
  return useMemo(
    () => (cards && folders && tags ? ({ cards, folders, tags } as unknown as Listed) : null),
    [cards, folders, tags],
  )
}

/** A picture of the engine that owns the profile, live. */
export function usePicture(engine: EngineName, id: string | undefined): ImageRow | undefined {
  return useLiveQuery(
    async () =>
      id ? ((await databaseOf(engine).images.get(id)) as ImageRow | undefined) : undefined,
    [engine, id],
  )
}

function useTable(
  engine: EngineName,
  table: Table,
  user: string | null,
  waiting: readonly CardOp[],
): Row[] | null {
  const read = useLiveQuery(
    async () => ({ engine, rows: await databaseOf(engine)[table].toArray() }),
    [engine, table],
  )
  return useMemo(() => {
    // After a change of engines the hook answers once more with what it read before.
    if (read?.engine !== engine) return null
    const mine = waiting.filter((op) => op.entity === table)
    return overlay(read.rows, mine).filter((row) => isOwn(row, user))
  }, [read, engine, table, user, waiting])
}

const NOTHING: readonly CardOp[] = []

/** Operations that no engine has applied: while none runs, they are shown from the op-log. */
function useWaiting(): readonly CardOp[] {
  const idle = useGray((snapshot) => snapshot.phase === 'handover' || snapshot.phase === 'halted')
  const pending = useGray((snapshot) => snapshot.pending?.count)
  const [waiting, setWaiting] = useState(NOTHING)
  useEffect(() => {
    if (!idle || pending === 0) return setWaiting(NOTHING)
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

function overlay(rows: Row[], waiting: readonly CardOp[]): Row[] {
  if (waiting.length === 0) return rows
  const shown = new Map(rows.map((row) => [row.id, row]))
  for (const op of waiting) {
    if (op.row) shown.set(op.entityId, op.row)
    else shown.delete(op.entityId)
  }
  return [...shown.values()]
}

/** Rows without a user are whoever's signs in; rows of another user are not shown. */
function isOwn({ userId }: Row, user: string | null): boolean {
  return userId == null || userId === 'default' || userId === user
}
