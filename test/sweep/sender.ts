import type { EngineContext } from '../../src/model/engine.js'
import type { EngineName } from '../../src/model/operation.js'
import type { Platform } from '../../src/model/platform.js'
import { type EngineDisk, type QueuedRow, type Writing, write } from './queue.js'
import type { Note } from './server.js'

const RETRY_MS = 1_000
const ANSWER_MS = 10_000

export interface Sender {
  /** There may be something to send. */
  kick(): void
  stop(): Promise<{ clean: boolean; inflight: string[] }>
}

/** Sends what is queued until it is stopped or has lost the right to, in order within one note. */
export function createSender(o: {
  ctx: EngineContext
  disk: EngineDisk
  name: EngineName
  platform: Platform
  /** Where it posts to. */
  server: string
  /** A whole row with its version, and not the operation. */
  sendsRows: boolean
  /** So many of the first rows of the queue are on their way at once, each of another note. */
  width: number
}): Sender {
  const { ctx, disk, name, platform, server } = o
  let stopped = false
  let kicked = false
  let sending: Promise<void> | null = null

  const post = async (row: QueuedRow): Promise<string | null> => {
    const { id, tokens } = (await disk.run((db) => db.get('notes', row.op.entityId))) ?? {
      id: row.op.entityId,
      tokens: [row.op.token],
    }
    const note: Note = { id, token: row.op.token, tokens: o.sendsRows ? tokens : [] }
    const patience = new AbortController()
    const cancel = platform.setTimer(() => patience.abort(), ANSWER_MS)
    try {
      const answer = await ctx.fetch(server, {
        method: 'POST',
        signal: patience.signal,
        headers: {
          engine: name,
          note: encodeURIComponent(JSON.stringify(note)),
          'graysync-operation': row.opId,
        },
      })
      return answer.headers.get('graysync-outcome')
    } finally {
      cancel()
    }
  }

  const change = (
    rows: readonly QueuedRow[],
    how: (tx: Writing, row: QueuedRow) => Promise<unknown>,
  ) =>
    write(disk, async (tx) => {
      for (const row of rows) {
        // Where the site was cleared meanwhile, its number is another's by now.
        const held = await tx.objectStore('queue').get(row.seq)
        if (!held || held.opId === row.opId) await how(tx, row)
      }
    })

  const conclude = async (rows: readonly QueuedRow[]) => {
    const acknowledge = () => {
      for (const row of rows) void ctx.ack(row.opId)
    }
    // Real engines do it in either order.
    if (name === 'refactored') acknowledge()
    await change(rows, (tx, { seq }) => tx.objectStore('queue').delete(seq))
    if (name === 'legacy') acknowledge()
  }

  /** `false` when there was nothing to send. */
  const sendFirst = async (): Promise<boolean> => {
    const rows = distinct(await disk.run((db) => db.getAll('queue', null, o.width)))
    if (rows.length === 0) return false
    await change(rows, (tx, row) => tx.objectStore('queue').put({ ...row, state: 'inflight' }))
    if (stopped) return false
    const outcomes = await Promise.all(rows.map((row) => post(row).catch(() => null)))
    if (outcomes.includes('fenced')) stopped = true
    const done = rows.filter((_, at) => outcomes[at] && outcomes[at] !== 'fenced')
    if (done.length > 0) await conclude(done)
    if (outcomes.includes(null)) throw new Error('no outcome')
    return true
  }

  const pass = async () => {
    while (!stopped) {
      kicked = false
      if (!(await sendFirst()) && !kicked) return
    }
  }

  const kick = () => {
    kicked = true
    if (sending || stopped) return
    sending = pass()
      .catch(() => {
        if (!stopped) platform.setTimer(kick, RETRY_MS)
      })
      .finally(() => {
        sending = null
        if (kicked && !stopped) kick()
      })
  }

  return {
    kick,
    async stop() {
      stopped = true
      await sending
      return { clean: true, inflight: [] }
    },
  }
}

/** The first of each note. */
function distinct(rows: readonly QueuedRow[]): QueuedRow[] {
  const notes = rows.map((row) => row.op.entityId)
  return rows.filter((row, at) => notes.indexOf(row.op.entityId) === at)
}
