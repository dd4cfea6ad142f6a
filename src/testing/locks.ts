import type { Held, LockOptions, LockState } from '../model/platform.js'

/** One tab, as the world sees it. */
export interface Life {
  id: string
  alive: boolean
  visible: boolean
  hangs: boolean
  /** What it will hear of once it no longer hangs. */
  unheard: (() => void)[]
}

export function tell(tab: Life, what: () => void): void {
  if (tab.hangs) tab.unheard.push(what)
  else what()
}

interface Waiter {
  grant(): void
  lose(): void
  owner: Life
}

/** The Web Locks of one profile. */
export interface Locks {
  request(owner: Life, name: string, o: LockOptions): Promise<Held | null>
  list(): LockState[]
  /** Takes all that a tab holds or waits for. */
  forsake(owner: Life): void
  /** Takes what a tab holds. */
  seize(owner: Life, unnoticed: boolean): void
}

export function createLocks(): Locks {
  const queues = new Map<string, Waiter[]>()

  const leave = (name: string, waiter: Waiter) => {
    const queue = queues.get(name) ?? []
    const wasFirst = queue[0] === waiter
    const rest = queue.filter((other) => other !== waiter)
    queues.set(name, rest)
    if (wasFirst) rest[0]?.grant()
  }

  const enter = (name: string, waiter: Waiter, steal: boolean) => {
    const [holder, ...line] = queues.get(name) ?? []
    if (steal && holder) {
      queues.set(name, [waiter, ...line])
      holder.lose()
    } else queues.set(name, holder ? [holder, ...line, waiter] : [waiter])
    if (steal || !holder) waiter.grant()
  }

  return {
    request: (owner, name, { signal, ifAvailable = false, steal = false }) =>
      new Promise((resolve, reject) => {
        if (!owner.alive) return
        if (ifAvailable && queues.get(name)?.[0]) return resolve(null)
        let lose = () => {}
        const lost = new Promise<void>((gone) => {
          lose = gone
        })
        const waiter: Waiter = {
          owner,
          grant: () => {
            // As in a browser, what is held is given back by nothing but its release.
            signal.removeEventListener('abort', giveUp)
            resolve({ release: () => leave(name, waiter), lost })
          },
          lose: () => tell(owner, lose),
        }
        const giveUp = () => {
          leave(name, waiter)
          reject(signal.reason)
        }
        signal.addEventListener('abort', giveUp)
        enter(name, waiter, steal)
      }),
    list: () =>
      [...queues].flatMap(([name, queue]) =>
        queue.map(({ owner }, at) => ({ name, isHeld: at === 0, client: owner.id })),
      ),
    forsake(owner) {
      for (const [name, queue] of queues) {
        for (const waiter of queue.filter((one) => one.owner === owner)) leave(name, waiter)
      }
    },
    seize(owner, unnoticed) {
      for (const [name, [first]] of queues) {
        if (first?.owner !== owner) continue
        leave(name, first)
        if (!unnoticed) first.lose()
      }
    },
  }
}
