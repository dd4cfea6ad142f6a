import type { EngineContext } from '../../src/model/engine.js'
import type { EngineName } from '../../src/model/operation.js'
import type { Platform } from '../../src/model/platform.js'
import { type EngineDisk, type QueuedRow, write } from './queue.js'
import type { Note } from './server.js'

const RETRY_MS = 1_000
const ANSWER_MS = 10_000

export interface Sender {
  /** There may be something to send. */
  kick(): void
  stop(): Promise<{ clean: boolean; inflight: string[] }>
}

/** Sends what is queued, in order, until it is stopped or has lost the right to. */
export function createSender(o: {
  ctx: EngineContext
  disk: EngineDisk
  name: EngineName
  platform: Platform
  /** Where it posts to. */
  server: string
  /** A whole row with its version, and not the operation. */
  sendsRows: boolean
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

  const conclude = async (row: QueuedRow) => {
    const remove = () => write(disk, (tx) => tx.objectStore('queue').delete(row.seq))
    // Real engines do it in either order.
    if (name === 'refactored') void ctx.ack(row.opId)
    await remove()
    if (name === 'legacy') void ctx.ack(row.opId)
  }

  /** `false` when there was nothing to send. */
  const sendFirst = async (): Promise<boolean> => {
    const [row] = await disk.run((db) => db.getAll('queue', null, 1))
    if (!row) return false
    await write(disk, async (tx) => {
      await tx.objectStore('queue').put({ ...row, state: 'inflight' })
    })
    if (stopped) return false
    const outcome = await post(row)
    if (!outcome) throw new Error('no outcome')
    if (outcome === 'fenced') stopped = true
    else await conclude(row)
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
