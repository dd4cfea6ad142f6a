import { Dexie } from 'dexie'
import { createGraySync, type GraySync } from '../../src/index.js'
import { signRollout } from '../../src/rollout.js'
import { type CardOp, createEngine, open, TABLES, toPromise } from './engine.js'

/** What one handover took. All in ms. */
export interface Crossing {
  /** From the fence to the commit: nobody may send in between. */
  fenced: number
  /** From the first step to the fence, while the owner still writes. */
  prepared: number
  /** A bare Dexie write of 1,000 rows, right before. */
  bare: number
  /** The longest time that the page did not answer. */
  blocked: number
  moved: number
}

const CARDS = 10_000
const IMAGES = 200
const IMAGE_BYTES = 100_000
const BARE_ROWS = 1_000
const AT_ONCE = 100

function makeCard(n: number): Record<string, unknown> {
  return {
    id: `card-${String(n).padStart(6, '0')}`,
    title: `Card number ${n}`,
    body: 'A few words that somebody wrote. '.repeat(16),
    tags: ['one', 'two', 'three'],
    updatedAt: new Date(n),
  }
}

function makeOperation(n: number): CardOp {
  const { id, ...row } = makeCard(n)
  return { entity: 'cards', entityId: String(id), kind: 'put', row }
}

async function fill(name: string): Promise<void> {
  const db = await open(name)
  const tx = db.transaction(TABLES, 'readwrite')
  for (let n = 0; n < CARDS; n++) tx.objectStore('cards').put(makeCard(n))
  for (let n = 0; n < IMAGES; n++) {
    const data = `data:image/png;base64,${String(n)
      .padStart(8, 'A')
      .repeat(IMAGE_BYTES / 8)}`
    tx.objectStore('images').put({ id: `image-${n}`, data })
  }
  await new Promise((resolve, reject) => {
    tx.oncomplete = resolve
    tx.onabort = () => reject(tx.error)
  })
  db.close()
}

/** A new key with its private part. */
async function makeKey(): Promise<JsonWebKey> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  return { kid: 'bench', kty, crv, x, y, d } as JsonWebKey
}

interface Beginning {
  key: JsonWebKey
  version: number
  share: number
  onQueued?(count: number): void
  watch?(gray: GraySync<CardOp>): void
}

async function begin({ key, version, share, onQueued, watch }: Beginning) {
  const rollout = {
    schema: 1 as const,
    rollout: 'bench',
    version,
    issuedAt: Date.now(),
    hash: { version: 1 as const, salt: 'bench' },
    stage: 'all',
    stages: [{ name: 'all', share }],
  }
  const { d: _, ...shown } = key
  const legacy = await createEngine('legacy', onQueued)
  const refactored = await createEngine('refactored')
  const gray = createGraySync<CardOp>({
    app: { name: 'bench', version: '1' },
    rollout: { keys: [shown], bootstrap: await signRollout(rollout, key, crypto.subtle) },
    engines: { legacy, refactored },
  })
  watch?.(gray)
  await gray.start()
  return gray
}

async function wipe(): Promise<void> {
  for (const { name } of await indexedDB.databases()) {
    if (name) await toPromise(indexedDB.deleteDatabase(name))
  }
}

async function writeBare(): Promise<number> {
  const db = new Dexie('bare')
  db.version(1).stores({ cards: 'id' })
  const rows = Array.from({ length: BARE_ROWS }, (_, n) => makeCard(n))
  const cards = db.table('cards')
  // The first write makes the database.
  await cards.bulkPut(rows)
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    await cards.clear()
    const before = performance.now()
    await cards.bulkPut(rows)
    times.push(performance.now() - before)
  }
  const took = times.sort((a, b) => a - b)[2] ?? 0
  db.close()
  return took
}

/** What the page that measures has to know about a profile. */
export interface Filled {
  key: JsonWebKey
  bare: number
}

/** A new profile with `operations` on the way and its rows beside it. */
export async function fillProfile(operations: number): Promise<Filled> {
  await wipe()
  const bare = await writeBare()
  await fill('legacy')
  const key = await makeKey()
  let onQueued = (_: number) => {}
  const queued = new Promise<void>((resolve) => {
    onQueued = (count) => {
      if (count === operations) resolve()
    }
  })
  const gray = await begin({ key, version: 1, share: 0, onQueued })
  for (let n = 0; n < operations; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, operations - n) }, (_, at) => n + at)
    await Promise.all(some.map((each) => gray.enqueue(makeOperation(each))))
  }
  await queued
  await gray.close()
  return { key, bare }
}

/** Moves that profile, in a page that has done nothing else: what another left in its memory is not counted. */
export async function measureCrossing({ key, bare }: Filled): Promise<Crossing> {
  const steps = new Map<string, number>()
  let moved = 0
  let blocked = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) blocked = Math.max(blocked, duration)
  })
  observer.observe({ type: 'longtask' })
  const watch = (gray: GraySync<CardOp>) => {
    gray.subscribe(() => {
      const state = gray.getSnapshot()
      const step = state.phase === 'handover' ? state.step : state.phase
      if (!steps.has(step)) steps.set(step, performance.now())
    })
    gray.on('handoverFinished', (done) => {
      moved = done.moved
      if (done.outcome !== 'committed')
        throw new Error(`the handover ended ${JSON.stringify(done)}`)
    })
  }
  const after = await begin({ key, version: 2, share: 100_000, watch })
  await new Promise<void>((resolve) => {
    const off = after.subscribe(() => {
      if (after.getSnapshot().running === null) return
      off()
      resolve()
    })
  })
  if (after.getSnapshot().running !== 'refactored')
    throw new Error(JSON.stringify(after.getSnapshot()))
  for (const entry of observer.takeRecords()) blocked = Math.max(blocked, entry.duration)
  observer.disconnect()
  await after.close()
  const at = (step: string) => steps.get(step) ?? Number.NaN
  return {
    bare,
    prepared: at('fenced') - at('preparing'),
    fenced: at('stable') - at('fenced'),
    blocked,
    moved,
  }
}
