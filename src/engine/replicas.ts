import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Captured, HostDatabase, Rights } from '../model/writes.js'
import { type ControlConnection, readFact, writeFact } from '../store/control.js'
import { connectHost, type HostConnection } from '../store/host.js'
import { appendCaptured } from './oplog.js'

/** So many operations are moved at once. */
const BATCH = 500

/** The databases of the host that hold a replica of the control record, and operations that were captured there. */
export interface Replicas {
  /** A database is open. */
  add(database: HostDatabase): Promise<void>
  /** Brings every replica to these rights. Rejects with STORE_BLOCKED where one can't be reached in time. */
  raise(rights: Rights): Promise<void>
  /** Moves what was captured into the op-log; answers how many operations. */
  forward(): Promise<number>
  /** The rights as they were raised last. */
  rights(): Rights
  /** Whether each write to the rows of this engine meets a replica. */
  guards(engine: EngineName): boolean
  close(): void
}

interface Member extends HostDatabase {
  connection: HostConnection
  isGuarded: boolean
}

export async function createReplicas(
  platform: Platform,
  control: ControlConnection | null,
  /** It may be another set of engines that is guarded. */
  onRaised: () => void,
): Promise<Replicas> {
  const members = new Map<string, Member>()
  let rights: Rights = { flip: 0, term: 0, owner: null }
  let turn: Promise<unknown> = Promise.resolve()
  let waiting: Promise<number> | null = null
  const join = (database: HostDatabase) => {
    const known = members.get(database.name)
    const connection = known?.connection ?? connectHost(platform, database.name)
    const member = { ...database, connection, isGuarded: known?.isGuarded ?? false }
    members.set(database.name, member)
    return member
  }
  // A replica has to be raised also in a tab where its database is not open.
  const known = control && (await readFact<HostDatabase[]>(control, 'databases'))
  for (const database of known ?? []) join(database)

  const raiseOne = async (member: Member) => {
    member.isGuarded = await member.connection.raise(rights)
    onRaised()
  }

  const move = async (log: ControlConnection): Promise<number> => {
    let count = 0
    for (const { connection, store } of members.values()) {
      let batch: readonly Captured[]
      do {
        batch = await connection.readCaptured(BATCH)
        const last = batch.at(-1)
        if (!last) break
        await appendCaptured(log, batch, store)
        // A crash before this line repeats the append, which knows each id.
        await connection.dropCaptured(last.seq)
        count += batch.length
        // Not until nothing comes any more: an app that goes on writing would never let this end.
      } while (batch.length === BATCH)
    }
    return count
  }

  return {
    async add({ name, store }) {
      const before = members.get(name)
      const member = join({ name, store })
      if (control && before?.store !== store) {
        const all = [...members.values()].map((one) => ({ name: one.name, store: one.store }))
        await writeFact(control, 'databases', all)
      }
      if (rights.flip > 0) await raiseOne(member)
    },
    async raise({ flip, term, owner }) {
      rights = { flip, term, owner }
      await Promise.all([...members.values()].map(raiseOne))
    },
    // One at a time, and at most one that waits: it will see all that came until it begins.
    forward() {
      if (!control || members.size === 0) return Promise.resolve(0)
      waiting ??= turn.then(() => {
        waiting = null
        return move(control)
      })
      turn = waiting.catch(() => undefined)
      return waiting
    },
    rights: () => rights,
    guards: (engine) =>
      [...members.values()].some(
        ({ store, isGuarded }) => isGuarded && (store === null || store === engine),
      ),
    close() {
      for (const { connection } of members.values()) connection.close()
    },
  }
}
