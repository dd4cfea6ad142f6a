import type { Dexie } from 'dexie'
import type { EngineContext, Running } from 'graysync'
import { type CardOp, TABLES } from '../../data/model.js'
import { toCloud } from '../../data/shape.js'
import { readRejection } from '../answer.js'
import { createLoop, drainWithin, type RoundEnd, stopWithin } from '../loop.js'
import type { LogRow, RefactoredDatabase } from './database.js'
import { append, readOpen, toLogRow } from './log.js'
import { type Change, cursorKey, hasOpen, mergeChanges, writeLocally } from './store.js'

const PULL_EVERY_MS = 30_000
const BATCH = 50
const PAGE = 500
const REMEMBER_MS = 30 * 86_400_000

export interface RefactoredOptions {
  /** For what is done while no engine runs. */
  database: RefactoredDatabase
  /** The app's own instance, by which changes are tracked. */
  watch?: { tracked: Dexie }
  /** Who is signed in now. */
  user(): string | null
  /** Origin of the backend. @default the page's own */
  base?: string
}

export interface RefactoredStart extends RefactoredOptions {
  ctx: EngineContext
}

type Sent = CardOp & { opId: string }

interface Result {
  opId: string
  outcome: 'applied' | 'duplicate' | 'fenced' | 'conflict'
}

/** An operation log out in batches, changes behind a cursor back. */
export function startRefactored(o: RefactoredStart): Running<CardOp> {
  const { ctx, database: db } = o
  const base = o.base ?? ''
  const inflight = new Set<string>()
  const stopping = new AbortController()
  const cut = new AbortController()
  const signal = AbortSignal.any([ctx.signal, cut.signal])
  const loop = createLoop({ round, everyMs: PULL_EVERY_MS, signal: ctx.signal })
  void forgetOld(db)

  async function round(): Promise<RoundEnd> {
    const user = o.user()
    if (user === null) return 'done'
    if (ctx.mode === 'active') {
      const end = await sendAll(user)
      if (end !== 'done') return end
    }
    await pull(user)
    return 'done'
  }

  async function sendAll(user: string): Promise<RoundEnd> {
    while (!stopping.signal.aborted && !ctx.signal.aborted) {
      // What was logged while nobody was signed in goes to whoever signs in first.
      const open = (await readOpen(db)).filter((row) => (row.userId ?? user) === user)
      if (open.length === 0) return 'done'
      const end = await send(open.slice(0, BATCH), user)
      if (end !== 'done') return end
    }
    return 'halt'
  }

  async function send(rows: readonly LogRow[], user: string): Promise<RoundEnd> {
    const rowless = rows.find(({ op }) => op?.kind === 'put' && !op.row)
    if (rowless) {
      await giveUp(rowless.opId, 'its row is gone')
      return 'done'
    }
    for (const { opId } of rows) inflight.add(opId)
    await mark(rows, 'inflight')
    try {
      return await exchange(rows, user)
    } catch (cause) {
      // Cut off by a stop, they stay marked: nobody knows whether they arrived.
      if (!signal.aborted) await mark(rows, 'open')
      return readRejection(cause) === 'fenced' ? 'halt' : 'retry'
    } finally {
      for (const { opId } of rows) inflight.delete(opId)
    }
  }

  async function exchange(rows: readonly LogRow[], user: string): Promise<RoundEnd> {
    const response = await ctx.fetch(`${base}/api/apply`, {
      signal,
      method: 'POST',
      headers: { authorization: `Bearer ${user}`, 'content-type': 'application/json' },
      body: JSON.stringify({ device: ctx.device, term: ctx.term, operations: rows.map(toSent) }),
    })
    if (!response.ok && response.status !== 409) return turnDown(rows, response, user)
    const { results } = (await response.json()) as { results: Result[] }
    for (const result of results) await conclude(result)
    return results.some(({ outcome }) => outcome === 'fenced') ? 'halt' : 'done'
  }

  /** A batch that the server can't read is sent one by one, so that a bad operation does not hold the others. */
  async function turnDown(
    rows: readonly LogRow[],
    response: Response,
    user: string,
  ): Promise<RoundEnd> {
    await mark(rows, 'open')
    if (response.status !== 400 && response.status !== 413) return 'retry'
    const [only, ...others] = rows
    if (only && others.length === 0) {
      await giveUp(only.opId, `${response.status} ${await response.text()}`)
      return 'done'
    }
    for (const row of rows) {
      const ended = await send([row], user)
      if (ended !== 'done') return ended
    }
    return 'done'
  }

  async function mark(rows: readonly LogRow[], state: LogRow['state']): Promise<void> {
    await db.log
      .where('opId')
      .anyOf(rows.map(({ opId }) => opId))
      .filter((row) => row.state === 'open' || row.state === 'inflight')
      .modify({ state })
  }

  /** Graysync first: an operation is kept until its end is known there. */
  async function conclude({ opId, outcome }: Result): Promise<void> {
    if (outcome === 'applied' || outcome === 'duplicate') {
      await ctx.ack(opId)
      await end(opId, 'acked')
    } else if (outcome === 'conflict') {
      await giveUp(opId, 'its id or its row is of another')
    } else {
      await db.log.where('opId').equals(opId).modify({ state: 'open' })
    }
  }

  async function giveUp(opId: string, why: string): Promise<void> {
    await ctx.fail(opId, new Error(why))
    await end(opId, 'failed')
  }

  async function end(opId: string, state: 'acked' | 'failed'): Promise<void> {
    const tables = TABLES.map((name) => db[name])
    await db.transaction('rw', [...tables, db.log, db.notes], async () => {
      const row = await db.log.where('opId').equals(opId).first()
      if (!row) return
      const { op: _, ...rest } = row
      await db.log.put({ ...rest, state, at: Date.now() })
      if (state === 'failed') {
        // The row here holds what the server does not: everything is read again.
        await db.notes.where('key').startsWith('cursor').delete()
      } else if (!(await hasOpen(db, row.entity, row.entityId))) {
        await db[row.entity].update(row.entityId, { pendingSync: false, lastSyncAt: new Date() })
      }
    })
  }

  async function pull(user: string): Promise<void> {
    for (;;) {
      const after = String((await db.notes.get(cursorKey(user)))?.value ?? 0)
      const query = `&after=${encodeURIComponent(after)}`
      const response = await ctx.fetch(`${base}/api/changes?limit=${PAGE}${query}`, {
        signal,
        cache: 'no-store',
        headers: { authorization: `Bearer ${user}` },
      })
      if (!response.ok) throw new Error(`changes: ${response.status}`)
      const page = (await response.json()) as { rows: Change[]; cursor: string; more: boolean }
      if (o.user() !== user || stopping.signal.aborted) return
      await mergeChanges(db, page.rows, { user, cursor: page.cursor })
      if (!page.more) return
    }
  }

  async function push(op: Sent, { applied }: { applied: boolean }): Promise<void> {
    const at = Date.now()
    const user = o.user()
    const tables = [db[op.entity], db.tombstones, db.log, db.notes]
    const known = await db.transaction('rw', tables, async () => {
      const logged = await db.log.where('opId').equals(op.opId).first()
      if (logged) return logged.state
      if (!applied) await writeLocally(db, op, user)
      if (ctx.mode === 'active') await append(db, [toLogRow(op, user, at)])
      return 'open'
    })
    if (known === 'acked') return void ctx.ack(op.opId)
    if (known === 'failed') return void ctx.fail(op.opId, new Error('it was refused before'))
    loop.nudge()
  }

  return {
    push,
    drain: ({ deadlineMs }) => drainWithin(loop, deadlineMs),
    stop({ deadlineMs }) {
      stopping.abort()
      return stopWithin(loop, { deadlineMs, inflight, cut: () => cut.abort() })
    },
  }
}

function toSent({ opId, entity, entityId, op }: LogRow): object {
  return {
    opId,
    entity,
    entityId,
    kind: op?.kind,
    ...(op?.row && { row: toCloud(entity, op.row) }),
  }
}

async function forgetOld(db: RefactoredDatabase): Promise<void> {
  const before = Date.now() - REMEMBER_MS
  await db.log
    .where('state')
    .anyOf('acked', 'failed')
    .and((row) => row.at < before)
    .delete()
    // Only room is lost: the next start tries again.
    .catch(() => undefined)
}
