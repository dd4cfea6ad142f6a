import {
  createGraySync,
  type Engine,
  type GraySync,
  type Identified,
  type Operation,
  type Shadow,
} from '../../src/index.js'
import { signRollout } from '../../src/rollout.js'
import { idbSource } from '../../src/sources.js'

interface CardOp extends Operation {
  row: Readonly<Record<string, unknown>>
}

/** How long the owner's engine and the user waited for operations, in ms each. */
export interface Latencies {
  accepted: number[]
  acked: number[]
}

const TABLE = 'cards'

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** An engine over a database of its own, whose server acknowledges at once. */
async function createEngine(name: string): Promise<Engine<CardOp>> {
  const db = await open(name)
  const write = (work: (cards: IDBObjectStore) => void) =>
    new Promise<void>((resolve, reject) => {
      const tx = db.transaction(TABLE, 'readwrite', { durability: 'relaxed' })
      work(tx.objectStore(TABLE))
      tx.oncomplete = () => resolve()
      tx.onabort = () => reject(tx.error)
    })
  const apply = ({ entityId, row }: Identified<CardOp>) =>
    write((cards) => cards.put({ ...row, id: entityId }))
  return {
    version: '1',
    replay: 'keyed',
    data: idbSource(db, { name }),
    store: {
      hydrate: (_, rows) =>
        write((cards) => {
          for (const row of rows) cards.put(row)
        }),
      apply,
      clear: () => write((cards) => cards.clear()),
    },
    start: (ctx) => ({
      async push(op) {
        await apply(op)
        ctx.ack(op.opId)
      },
      stop: () => ({ clean: true, inflight: [] }),
    }),
  }
}

async function signEverybody(share: number): Promise<{ open: JsonWebKey; bootstrap: string }> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  const open = { kid: 'bench', kty, crv, x, y } as JsonWebKey
  const rollout = {
    schema: 1 as const,
    rollout: 'bench',
    version: 1,
    issuedAt: Date.now(),
    hash: { version: 1 as const, salt: 'bench' },
    stage: 'none',
    stages: [{ name: 'none', share: 0 }],
    shadow: { share },
    audit: { intervalMs: 60_000 },
  }
  return {
    open,
    bootstrap: await signRollout(rollout, { ...open, d } as JsonWebKey, crypto.subtle),
  }
}

let gray: GraySync<CardOp> | null = null

/** Starts a handle, and waits for its shadow where there is to be one. */
async function begin(withShadow: boolean): Promise<void> {
  const { open: key, bootstrap } = await signEverybody(withShadow ? 100_000 : 0)
  gray = createGraySync<CardOp>({
    app: { name: 'bench', version: '1' },
    rollout: { keys: [key], bootstrap },
    engines: { legacy: await createEngine('legacy'), refactored: await createEngine('refactored') },
  })
  await gray.start()
  const handle = gray
  if (!withShadow) return
  await new Promise<void>((resolve) => {
    const off = handle.subscribe(() => {
      if (handle.getSnapshot().shadow?.state !== 'running') return
      off()
      resolve()
    })
  })
}

/** Some operations one after the other, each from the user's hand to its acknowledgement. */
async function run(from: number, count: number): Promise<Latencies> {
  if (!gray) throw new Error('begin first')
  const latencies: Latencies = { accepted: [], acked: [] }
  for (let n = from; n < from + count; n++) {
    const at = performance.now()
    const row = { title: `card ${n}`, text: 'text '.repeat(80), tags: ['a', `t${n % 7}`] }
    const accepted = await gray.enqueue({ entity: TABLE, entityId: `card ${n}`, kind: 'put', row })
    latencies.accepted.push(performance.now() - at)
    await accepted.settled
    latencies.acked.push(performance.now() - at)
  }
  return latencies
}

/** Resolves once the shadow has nothing more to do: its work is to be counted for nobody else. */
async function settle(): Promise<Shadow | null> {
  const read = () => gray?.getSnapshot().shadow ?? null
  for (let before = -1; before !== (read()?.applied ?? -1); ) {
    before = read()?.applied ?? -1
    // The snapshot is brought up to date once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
  }
  return read()
}

export const bench = { begin, run, settle }

Object.assign(globalThis, { bench })
