import type { EngineName } from '../../src/model/operation.js'

/** How a server tells that a request came before. */
export type ServerKind =
  /** Not at all: what comes twice counts twice. */
  | 'weak'
  /** By the id of the operation. */
  | 'keyed'
  /** By the id, and it refuses a sender whose term is over. */
  | 'fenced'
  /** Takes whole rows with a version, ignores lower ones, and refuses a sender whose term is over. */
  | 'versioned'

/** What is wrong with a server on purpose, to see that it is noticed: it loses what it said it took, or forgets what it had. */
export type Flaw = 'loses' | 'forgets'

/** One request that changes something, as the server saw it. */
export interface Arrival {
  opId: string
  engine: EngineName
  term: number
  device: string
  outcome: 'applied' | 'duplicate' | 'fenced'
  /** The row that it brought lacks what it did. */
  isBare: boolean
}

/** What an engine sends: one token, or its row as it is. */
export interface Note {
  id: string
  token: string
  tokens: readonly string[]
}

export interface Server {
  /** Everything that arrived, in order. */
  readonly arrivals: readonly Arrival[]
  readonly rows: ReadonlyMap<string, readonly string[]>
  /** Takes a request, and answers what makes the response. */
  serve(request: Request): () => Response
}

export function createServer(kind: ServerKind, flaw?: Flaw): Server {
  const arrivals: Arrival[] = []
  const rows = new Map<string, readonly string[]>()
  const ledger = new Set<string>()
  const highest = new Map<string, number>()

  const isFenced = (device: string, term: number): boolean => {
    const fences = kind === 'fenced' || kind === 'versioned'
    if (fences && term < (highest.get(device) ?? 0)) return true
    highest.set(device, term)
    return false
  }

  const apply = (opId: string, note: Note): Arrival['outcome'] => {
    const row = rows.get(note.id) ?? []
    if (kind === 'versioned' && note.tokens.length <= row.length) return 'duplicate'
    if (flaw !== 'forgets') ledger.add(opId)
    if (flaw === 'loses' && note.id === 'b') return 'applied'
    rows.set(note.id, kind === 'versioned' ? note.tokens : [...row, note.token])
    return 'applied'
  }

  const judge = (opId: string, device: string, term: number, note: Note): Arrival['outcome'] => {
    if ((kind === 'keyed' || kind === 'fenced') && ledger.has(opId)) return 'duplicate'
    return isFenced(device, term) ? 'fenced' : apply(opId, note)
  }

  return {
    arrivals,
    rows,
    serve(request) {
      const { headers } = request
      if (request.method !== 'POST') return () => new Response(null, { status: 404 })
      const opId = headers.get('graysync-operation') ?? ''
      const device = headers.get('graysync-device') ?? ''
      const term = Number(headers.get('graysync-term'))
      const note = JSON.parse(decodeURIComponent(headers.get('note') ?? 'null')) as Note
      const outcome = judge(opId, device, term, note)
      const engine = headers.get('engine') as EngineName
      const isBare = kind === 'versioned' && !note.tokens.includes(note.token)
      arrivals.push({ opId, engine, term, device, outcome, isBare })
      return () =>
        new Response(null, {
          status: outcome === 'fenced' ? 409 : 200,
          headers: { 'graysync-outcome': outcome, 'graysync-term': String(term) },
        })
    },
  }
}
