import type { Held, LockState, PageLife, Platform } from '../../src/model/platform.js'
import { subtle } from './crypto.js'
import { createDisk, type Disk, type Spoilage, type View } from './disk.js'
import type { Network } from './network.js'
import type { Schedule } from './schedule.js'

const BEGAN_AT = 1_700_000_000_000

/** One browser profile: a disk, locks and channels that its tabs share, and a network. */
export interface Profile {
  schedule: Schedule
  disk: Disk
  /** Added to the wall clock of every tab. */
  clockOffset: number
  tab(): Tab
  tabs: readonly Tab[]
  /** A tab was frozen at some time. */
  froze: boolean
  /** The user clears the data of the site. */
  wipe(): void
}

export interface Tab {
  name: string
  platform: Platform
  readonly state: 'alive' | 'frozen' | 'dead'
  /** Events that this tab has heard of. */
  readonly heard: number
  /** Called before each event is heard, with its number from 1 on. */
  onEvent: (number: number, kind: string) => void
  /** What the next commit of a write turns into, and only that one. */
  spoilage: Spoilage | null
  /** How many transactions the disk will not begin. */
  refusals: number
  kill(): void
  /** Hears and does nothing from now on; its locks are taken away. */
  freeze(): void
  /** Hears of everything that came meanwhile, in order. */
  resume(): void
  /** Its connections to the disk die. */
  cut(): void
  live(life: PageLife): void
}

export function createProfile(
  schedule: Schedule,
  network: Network,
  o: { pristine?: boolean } = {},
): Profile {
  const disk = createDisk()
  const tabs: Tab[] = []
  const locks = createLocks()
  const channels = new Set<{ name: string; owner: object; receive(message: unknown): void }>()
  const notes = new Map<string, string>()
  const profile: Profile = {
    schedule,
    disk,
    clockOffset: 0,
    froze: false,
    tabs,
    tab,
    wipe() {
      for (const one of tabs) one.cut()
      disk.wipe()
      notes.clear()
    },
  }

  function tab(): Tab {
    const owner = {}
    const backlog: (() => void)[] = []
    const listeners: { hear(life: PageLife): void; signal: AbortSignal }[] = []
    let state: Tab['state'] = 'alive'
    let heard = 0
    let visible = true

    const deliver = (kind: string, run: () => void) => {
      if (state === 'dead') return
      if (state === 'alive') {
        heard++
        self.onEvent(heard, kind)
      }
      if (state === 'alive') run()
      else if (state === 'frozen') backlog.push(run)
    }
    /** Through the world's order, and not at once. */
    const soon = (kind: string, run: () => void) => schedule.soon(kind, () => deliver(kind, run))
    const tell = <T>(kind: string, value: T) =>
      new Promise<T>((resolve) => soon(kind, () => resolve(value)))

    const view: View = disk.view({
      isDead: () => state === 'dead',
      deliver,
      later: (ms, run) => void schedule.after(ms, run),
      spoil() {
        const { spoilage } = self
        self.spoilage = null
        return spoilage
      },
      refuses: () => self.refusals > 0 && self.refusals-- > 0,
    })

    const platform: Platform = {
      now: () => BEGAN_AT + profile.clockOffset + Math.floor(schedule.now()),
      monotonic: () => schedule.now(),
      random: schedule.random,
      randomBytes: (length) => new Uint8Array(length).map(() => schedule.random.below(256)),
      setTimer: (run, ms) => schedule.after(ms, () => deliver('timer', run)),
      pause: () => tell('pause', undefined),
      fetch: (input, init) =>
        new Promise<Response>((resolve, reject) => {
          const request = input instanceof Request ? input : new Request(input, init)
          if (request.signal.aborted) return reject(request.signal.reason)
          if (state === 'dead') return
          request.signal.addEventListener('abort', () => reject(request.signal.reason))
          network.carry(self, request, {
            answer: (make) => deliver('answer', () => resolve(make())),
            fail: () => deliver('no answer', () => reject(new TypeError('Failed to fetch'))),
          })
        }),
      indexedDB: view.factory,
      subtle,
      lock: (name, { signal, ifAvailable, steal }) =>
        new Promise<Held | null>((resolve, reject) => {
          if (state === 'dead') return
          const lock = locks.ask(name, owner, {
            ifAvailable: ifAvailable ?? false,
            steal: steal ?? false,
            grant: (held) => soon('lock', () => resolve(held)),
            lose: (hear) => soon('lock lost', hear),
          })
          if (!lock) return soon('lock', () => resolve(null))
          signal.addEventListener('abort', () => {
            if (lock.isHeld()) return
            lock.leave()
            reject(signal.reason)
          })
        }),
      locks: () => tell('locks', locks.list()),
      worker: null,
      channel(name, receive) {
        const member = {
          name,
          owner,
          receive: (message: unknown) => soon('message', () => receive(message)),
        }
        channels.add(member)
        return {
          post(message) {
            if (state !== 'alive') return
            for (const other of channels) {
              if (other !== member && other.name === name) other.receive(structuredClone(message))
            }
          },
          close: () => void channels.delete(member),
        }
      },
      onLife: (hear, signal) => void listeners.push({ hear, signal }),
      visible: () => visible,
      online: () => network.online,
      note: {
        read: (key) => notes.get(key) ?? null,
        write(key, value) {
          if (value === null) notes.delete(key)
          else notes.set(key, value)
        },
      },
      stream: null,
      pristine: async () => o.pristine ?? false,
      estimate: () => tell('estimate', {}),
    }

    const self: Tab = {
      name: `tab ${tabs.length + 1}`,
      platform,
      get state() {
        return state
      },
      get heard() {
        return heard
      },
      onEvent: () => {},
      spoilage: null,
      refusals: 0,
      kill() {
        state = 'dead'
        backlog.length = 0
        for (const member of channels) if (member.owner === owner) channels.delete(member)
        view.abandon(() => schedule.random.below(2) === 0)
        locks.forsake(owner, false)
      },
      freeze() {
        if (state !== 'alive') return
        state = 'frozen'
        profile.froze = true
        view.abandon(() => true)
        locks.forsake(owner, true)
      },
      resume() {
        if (state !== 'frozen') return
        state = 'alive'
        for (const run of backlog.splice(0)) schedule.soon('backlog', () => deliver('backlog', run))
      },
      cut: view.cut,
      live(life) {
        if (life === 'visible' || life === 'hidden') visible = life === 'visible'
        for (const { hear, signal } of listeners) {
          if (!signal.aborted) soon('life', () => hear(life))
        }
      },
    }
    tabs.push(self)
    return self
  }

  return profile
}

interface Asked {
  owner: object
  grant(): void
  lose(): void
}

function createLocks() {
  const queues = new Map<string, Asked[]>()
  const clients = new Map<object, string>()
  const leave = (name: string, asked: Asked) => {
    const queue = queues.get(name) ?? []
    const rest = queue.filter((other) => other !== asked)
    queues.set(name, rest)
    if (queue[0] === asked) rest[0]?.grant()
  }
  const enter = (name: string, asked: Asked, steal: boolean) => {
    const [holder, ...line] = queues.get(name) ?? []
    if (!holder) queues.set(name, [asked])
    else if (steal) {
      queues.set(name, [asked, ...line])
      holder.lose()
    } else queues.set(name, [holder, ...line, asked])
    if (steal || !holder) asked.grant()
  }
  return {
    /** `null` where it is taken and only a free one is wanted. */
    ask(
      name: string,
      owner: object,
      o: {
        ifAvailable: boolean
        steal: boolean
        grant(held: Held): void
        lose(hear: () => void): void
      },
    ) {
      if (o.ifAvailable && (queues.get(name) ?? []).length > 0) return null
      let lose = () => {}
      const lost = new Promise<void>((gone) => {
        lose = gone
      })
      let held = false
      const asked: Asked = {
        owner,
        grant() {
          held = true
          o.grant({ release: () => leave(name, asked), lost })
        },
        lose: () => o.lose(lose),
      }
      enter(name, asked, o.steal)
      return { isHeld: () => held, leave: () => leave(name, asked) }
    },
    list(): LockState[] {
      return [...queues].flatMap(([name, queue]) =>
        queue.map(({ owner }, at) => {
          const client = clients.get(owner) ?? `page ${clients.size + 1}`
          clients.set(owner, client)
          return { name, isHeld: at === 0, client }
        }),
      )
    },
    /** Everything that an owner holds or waits for is free again; `tells` it of what it held. */
    forsake(owner: object, tells: boolean) {
      for (const [name, queue] of queues) {
        for (const asked of queue.filter((one) => one.owner === owner)) {
          const wasHeld = queue[0] === asked
          leave(name, asked)
          if (tells && wasHeld) asked.lose()
        }
      }
    },
  }
}
