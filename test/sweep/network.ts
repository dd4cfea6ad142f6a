import type { Tab } from './profile.js'
import type { Schedule } from './schedule.js'

/** What happens to one request on its way. */
export type Mishap =
  /** It comes twice, the second time when it is long over. */
  | 'duplicate'
  /** The answer comes after the sender has given up. */
  | 'late answer'
  /** The server takes it, and the answer is lost. */
  | 'lost answer'
  /** It reaches the server after the sender has given up. */
  | 'late request'
  | 'lost request'

export interface Network {
  online: boolean
  /** What happens to the next request that changes something, by sender. */
  mishap: Map<Tab, Mishap>
  /** Drawn for every request that changes something, where nothing else is to happen to it. */
  weather: () => Mishap | null
  carry(tab: Tab, request: Request, o: { answer(make: () => Response): void; fail(): void }): void
  /** Requests that are still on their way to the server. */
  readonly underWay: number
}

const WAY_MS = 20
export const LATE_MS = 25_000

export function createNetwork(
  schedule: Schedule,
  serve: (request: Request) => () => Response,
): Network {
  let underWay = 0
  const reach = (ms: number, request: Request, answer: (make: () => Response) => void) => {
    underWay++
    schedule.after(ms, () => {
      underWay--
      answer(serve(request))
    })
  }
  const network: Network = {
    online: true,
    mishap: new Map(),
    weather: () => null,
    get underWay() {
      return underWay
    },
    carry(tab, request, { answer, fail }) {
      const way = () => 1 + schedule.random() * WAY_MS
      if (!network.online) return void schedule.after(1, fail)
      const mishap =
        request.method === 'POST' ? (network.mishap.get(tab) ?? network.weather()) : null
      if (mishap) network.mishap.delete(tab)
      const home = (ms: number) => (make: () => Response) =>
        void schedule.after(ms, () => answer(make))
      switch (mishap) {
        case null:
          return reach(way(), request, home(way()))
        case 'duplicate':
          reach(way(), request, home(way()))
          return reach(LATE_MS * schedule.random(), request, () => {})
        case 'late answer':
          return reach(way(), request, home(LATE_MS))
        case 'lost answer':
          return reach(way(), request, () => void schedule.after(way(), fail))
        case 'late request':
          return reach(LATE_MS * schedule.random(), request, home(way()))
        case 'lost request':
          return void schedule.after(way(), fail)
      }
    },
  }
  return network
}
