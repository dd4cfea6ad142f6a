import { FIRST_PAGE, nextPage } from '../lib/pages.js'
import type { Control } from '../model/engine.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Captured, HostDatabase, Rights } from '../model/writes.js'
import { type ControlConnection, changeFact, readFact } from '../store/control.js'
import { connectHost, type HostConnection } from '../store/host.js'
import { readControl } from './control.js'

/** So many operations are moved at once, and fewer where they are heavy. */
const BATCH = 500
/** What could not be noted or raised, for want of room or time, can be later. */
const AGAIN_MS = 60_000

/** The databases of the host that hold a replica of the control record, and operations that were captured there. */
export interface Replicas {
  /** A database is open. */
  add(database: HostDatabase): Promise<void>
  /**
   * Brings every replica to the control record, the owner's last: what the others captured is in the op-log before it
   * takes anything. Rejects with STORE_BLOCKED where one can't be reached in time.
   */
  raise(control: Rights & Pick<Control, 'handover'>): Promise<void>
  /**
   * Moves what was captured to the op-log, or where there is none to the engine; answers how many operations. Rejects
   * where one database does not answer so many times, once the others are moved.
   */
  forward(tries?: number): Promise<number>
  /** The rights as they were raised last in the databases with the rows of this engine. */
  rights(store: EngineName | null): Rights
  /** Whether each write to the rows of this engine meets a replica. */
  guards(engine: EngineName): boolean
  close(): void
}

interface Member extends HostDatabase {
  connection: HostConnection
  isGuarded: boolean
}

export interface ReplicasOptions {
  /** Takes operations to where they are safe; what rejects stays where it was captured. */
  take(captured: readonly Captured[], store: EngineName | null): Promise<void>
  /** It may be another set of engines that is guarded. */
  onRaised(): void
}

export function createReplicas(
  platform: Platform,
  control: ControlConnection | null,
  { take, onRaised }: ReplicasOptions,
): Replicas {
  const members = new Map<string, Member>()
  /** What every tab can know of. */
  const noted = new Map<string, EngineName | null>()
  let rights: Rights = { flip: 0, term: 0, owner: null }
  /** Who owned the profile last: while nobody does, only its database takes what waits for the next owner. */
  let source: EngineName | null = null
  let turn: Promise<unknown> = Promise.resolve()
  let waiting: Promise<number> | null = null
  /** Who insists is answered in turn, however often it was tried for whom: what is accepted then keeps its order. */
  let line: Promise<unknown> = Promise.resolve()
  let isClosed = false
  let isJoined = false
  let raising: Promise<void> = Promise.resolve()
  const join = (database: HostDatabase) => {
    const known = members.get(database.name)
    const connection = known?.connection ?? connectHost(platform, database.name)
    const member = { ...database, connection, isGuarded: known?.isGuarded ?? false }
    members.set(database.name, member)
    return member
  }
  /** A replica has to be raised also in a tab where its database is not open. */
  const joinKnown = async () => {
    const known = control && (await readFact<HostDatabase[]>(control, 'databases'))
    for (const database of known ?? []) {
      noted.set(database.name, database.store)
      if (!members.has(database.name)) join(database)
    }
    isJoined = true
  }

  const isOther = (store: EngineName | null) => store !== null && store !== source
  const rightsOf = (store: EngineName | null): Rights =>
    isOther(store) ? { ...rights, owner: source } : rights
  const raiseOne = async (member: Member) => {
    member.isGuarded = await member.connection.raise(rightsOf(member.store))
    onRaised()
  }

  const moveOne = async ({ connection, store }: Member): Promise<number> => {
    let count = 0
    // Not until nothing comes any more: an app that goes on writing would never let this end.
    const all = await connection.countCaptured()
    for (let limit = FIRST_PAGE; count < all; ) {
      const batch = await connection.readCaptured(limit)
      if (batch.length === 0) break
      await take(batch, store)
      // A crash before this line repeats it: each operation has its id.
      await connection.dropCaptured(batch)
      count += batch.length
      limit = nextPage(batch, BATCH)
    }
    return count
  }

  const move = async (): Promise<number> => {
    if (!isJoined) await joinKnown()
    let count = 0
    const causes: unknown[] = []
    for (const member of members.values()) {
      count += await moveOne(member).catch((cause) => {
        causes.push(cause)
        return 0
      })
    }
    if (causes.length > 0) throw causes[0]
    return count
  }

  // One at a time, and at most one that waits: it will see all that came until it begins.
  const forwardOnce = (): Promise<number> => {
    waiting ??= turn.then(() => {
      waiting = null
      return move()
    })
    turn = waiting.catch(() => undefined)
    return waiting
  }

  const insist = (tries: number): Promise<number> =>
    forwardOnce().catch((cause) => {
      if (isClosed || tries === 1 || cause.code !== 'STORE_BLOCKED') throw cause
      return insist(tries - 1)
    })

  const forward: Replicas['forward'] = (tries = 1) => {
    if (isJoined && members.size === 0) return Promise.resolve(0)
    if (tries === 1) return forwardOnce()
    const before = line
    const moving = insist(tries)
    line = Promise.allSettled([moving]).then(() => before)
    return line.then(() => moving)
  }

  const raiseAll: Replicas['raise'] = async ({ flip, term, owner, handover }) => {
    rights = { flip, term, owner }
    source = owner ?? handover?.from ?? null
    await joinKnown()
    const all = [...members.values()]
    const others = all.filter(({ store }) => isOther(store))
    await Promise.all(others.map(raiseOne))
    if (owner && others.length > 0) await forward()
    await Promise.all(all.filter((member) => !others.includes(member)).map(raiseOne))
  }

  /** One at a time: none goes by what another one has noted meanwhile. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = raising.then(work)
    raising = done.catch(() => undefined)
    return done
  }

  const add = async ({ name, store }: HostDatabase): Promise<void> => {
    const member = join({ name, store })
    if (!control) return
    if (!isJoined) await joinKnown()
    if (noted.get(name) !== store) {
      // Other tabs may have opened other databases meanwhile.
      await changeFact<HostDatabase[]>(control, 'databases', (held) => [
        ...(held ?? []).filter((one) => one.name !== name),
        { name, store },
      ])
      noted.set(name, store)
    }
    await inTurn(async () => {
      const now = await readControl(control)
      // Who follows is not told of each new owner.
      if (now.flip === rights.flip && now.term === rights.term) await raiseOne(member)
      else await raiseAll(now)
    })
  }

  const addLater = (database: HostDatabase) => {
    platform.setTimer(() => {
      if (!isClosed) add(database).catch(() => addLater(database))
    }, AGAIN_MS)
  }

  return {
    add: (database) =>
      add(database).catch((cause) => {
        addLater(database)
        throw cause
      }),
    raise: (now) => inTurn(() => raiseAll(now)),
    forward,
    rights: rightsOf,
    guards: (engine) =>
      [...members.values()].some(
        ({ store, isGuarded }) => isGuarded && (store === null || store === engine),
      ),
    close() {
      isClosed = true
      for (const { connection } of members.values()) connection.close()
    },
  }
}
