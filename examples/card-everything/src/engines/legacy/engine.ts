import type { Dexie } from 'dexie'
import type { EngineContext, Running } from 'graysync'
import { type CardOp, TABLES, type Table } from '../../data/model.js'
import { toCloud } from '../../data/shape.js'
import { type Outcome, readOutcome, readRejection } from '../answer.js'
import { createLoop, drainWithin, type RoundEnd, stopWithin } from '../loop.js'
import type { Handled, LegacyDatabase } from './database.js'
import {
  isLarge,
  type KnownEntry,
  type LegacyQueue,
  toEntry,
  toOperation,
  userOf,
} from './queue.js'
import { mergeTable, writeLocally } from './store.js'

const PULL_EVERY_MS = 60_000
const PAGE = 1_000
const REMEMBER_MS = 30 * 86_400_000

export interface LegacyOptions {
  /** For what is done while no engine runs. */
  database: LegacyDatabase
  /** The app's own instance, by which changes are tracked. */
  watch?: { tracked: Dexie }
  storage: Storage
  /** Who is signed in now. */
  user(): string | null
  /** Origin of the backend. @default the page's own */
  base?: string
}

export interface LegacyStart extends LegacyOptions {
  ctx: EngineContext
  queue: LegacyQueue
}

type Sent = CardOp & { opId: string }

/** Whole rows, one a request; whole tables back; the last write wins. */
export async function startLegacy(o: LegacyStart): Promise<Running<CardOp>> {
  const { ctx, database: db, queue } = o
  const base = o.base ?? ''
  const inflight = new Set<string>()
  const stopping = new AbortController()
  const cut = new AbortController()
  const signal = AbortSignal.any([ctx.signal, cut.signal])
  let pulledAt = 0
  await noteOldEntries(db, queue)
  void forgetOld(db)
  const loop = createLoop({ round, everyMs: PULL_EVERY_MS, signal: ctx.signal })

  async function round(): Promise<RoundEnd> {
    const user = o.user()
    if (user === null) return 'done'
    if (ctx.mode === 'active') {
      const end = await sendAll(user)
      if (end !== 'done') return end
    }
    if (Date.now() - pulledAt < PULL_EVERY_MS) return 'done'
    for (const table of TABLES) await pull(table, user)
    pulledAt = Date.now()
    return 'done'
  }

  async function sendAll(user: string): Promise<RoundEnd> {
    while (!stopping.signal.aborted && !ctx.signal.aborted) {
      // What was queued while nobody was signed in goes to whoever signs in first.
      const entry = queue.read().find((own) => (userOf(own) ?? user) === user)
      if (!entry) return 'done'
      const outcome = await send(entry, user)
      if (outcome === 'fenced') return 'halt'
      if (outcome === 'retry') return 'retry'
    }
    return 'halt'
  }

  async function send(entry: KnownEntry, user: string): Promise<Outcome> {
    const { opId } = entry
    const op = toOperation(entry, (await db.handled.get(opId))?.row)
    queue.change(opId, { status: 'inflight' })
    inflight.add(opId)
    try {
      const request = toRequest(op, user)
      if (!request) {
        await giveUp(op, 'its row is gone')
        return 'refused'
      }
      const response = await ctx.fetch(...request)
      const outcome = readOutcome(response)
      if (outcome === 'applied' || outcome === 'duplicate') {
        await ctx.ack(opId)
        await conclude(op, 'acked')
      } else if (outcome === 'conflict' || outcome === 'refused') {
        await giveUp(op, `${response.status} ${await response.text()}`)
      } else {
        reopen(entry)
      }
      return outcome
    } catch (cause) {
      // Cut off by a stop, it stays marked: nobody knows whether it arrived.
      if (!signal.aborted) reopen(entry)
      return readRejection(cause)
    } finally {
      inflight.delete(opId)
    }
  }

  function reopen(entry: KnownEntry): void {
    queue.change(entry.opId, { status: undefined, retryCount: entry.retryCount + 1 })
  }

  async function giveUp(op: Sent, why: string): Promise<void> {
    await ctx.fail(op.opId, new Error(why))
    await conclude(op, 'failed')
  }

  /** `null`: a put without its row says nothing. */
  function toRequest(op: Sent, user: string): [string, RequestInit] | null {
    const init = {
      signal,
      headers: {
        authorization: `Bearer ${user}`,
        'content-type': 'application/json',
        'graysync-operation': op.opId,
      },
    }
    if (op.kind === 'delete') {
      const url = `${base}/api/rest/${op.entity}?id=eq.${encodeURIComponent(op.entityId)}`
      return [url, { ...init, method: 'PATCH', body: JSON.stringify({ is_deleted: true }) }]
    }
    if (!op.row) return null
    const body = JSON.stringify(toCloud(op.entity, op.row))
    return [`${base}/api/rest/${op.entity}`, { ...init, method: 'POST', body }]
  }

  /** After graysync knows; first in the database, then out of the queue: a crash in between sends once more, and is told `duplicate`. */
  async function conclude(op: Sent, state: Handled['state']): Promise<void> {
    const { opId, entity, entityId } = op
    await db.handled.put({ opId, entity, entityId, state, at: Date.now() })
    queue.remove(new Set([opId]))
  }

  async function pull(table: Table, user: string): Promise<void> {
    const rows: Record<string, unknown>[] = []
    for (let after: string | null = null; ; ) {
      const query: string =
        after === null ? `limit=${PAGE}` : `limit=${PAGE}&after=${encodeURIComponent(after)}`
      const response = await ctx.fetch(`${base}/api/rest/${table}?${query}`, {
        signal,
        cache: 'no-store',
        headers: { authorization: `Bearer ${user}` },
      })
      if (!response.ok) throw new Error(`${table}: ${response.status}`)
      const page = (await response.json()) as Record<string, unknown>[]
      rows.push(...page)
      if (page.length < PAGE) break
      after = String(page.at(-1)?.id)
    }
    if (o.user() === user && !stopping.signal.aborted) await mergeTable(db, table, rows)
  }

  async function push(op: Sent, { applied }: { applied: boolean }): Promise<void> {
    if (ctx.mode === 'shadow') return writeLocally(db, op)
    const at = Date.now()
    const known = await accept(db, op, { at, applied })
    if (known.state === 'acked') return void ctx.ack(op.opId)
    if (known.state === 'failed') return void ctx.fail(op.opId, new Error('it was refused before'))
    queue.append([toEntry(op, { userId: o.user(), isNew: known.isNew, at })])
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

/** Takes an operation, and applies it to the rows unless that was done before. */
async function accept(
  db: LegacyDatabase,
  op: Sent,
  { at, applied }: { at: number; applied: boolean },
): Promise<{ state: Handled['state']; isNew: boolean }> {
  const { opId, entity, entityId, row } = op
  return db.transaction('rw', db[entity], db.handled, async () => {
    const handled = await db.handled.get(opId)
    if (handled && !handled.cleared) return { state: handled.state, isNew: false }
    const isNew = (await db[entity].get(entityId)) === undefined
    if (!applied) await writeLocally(db, op)
    const large = row && isLarge(row) ? { row } : {}
    await db.handled.put({ opId, entity, entityId, state: 'pending', at, ...large })
    return { state: 'pending', isNew }
  })
}

/** Entries of builds before this one get their id for good, and hold pulls off their rows. */
async function noteOldEntries(db: LegacyDatabase, queue: LegacyQueue): Promise<void> {
  queue.settleIds()
  const entries = queue.read()
  await db.transaction('rw', db.handled, async () => {
    const known = await db.handled.bulkGet(entries.map(({ opId }) => opId))
    const at = Date.now()
    await db.handled.bulkPut(
      entries
        .filter((_, index) => known[index] === undefined)
        .map(({ opId, table, localId }) => ({
          opId,
          entity: table,
          entityId: localId,
          state: 'pending' as const,
          at,
        })),
    )
  })
}

async function forgetOld(db: LegacyDatabase): Promise<void> {
  const before = Date.now() - REMEMBER_MS
  await db.handled
    .where('state')
    .notEqual('pending')
    .and((handled) => handled.at < before)
    .delete()
    // Only room is lost: the next start tries again.
    .catch(() => undefined)
}
