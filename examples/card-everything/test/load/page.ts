import { seed } from '../../src/data/commands.js'
import { generateCards } from '../../src/data/generate.js'
import type { CardOp, Row } from '../../src/data/model.js'
import { toCloud } from '../../src/data/shape.js'
import { createLegacyDatabase } from '../../src/engines/legacy/database.js'
import { createRefactoredDatabase } from '../../src/engines/refactored/database.js'
import { gray, write } from '../../src/gray.js'
import { readUser, writeEngine } from '../../src/session.js'
import type { LoadPage } from './round.js'

/** Writes go on so fast while an audit runs, some at a time: the user never pauses for as long as a shadow waits for. */
const WRITES_PER_MS = 50 / 1_000
const TICK_MS = 100
const MOST_AT_ONCE = 50
const MOST_OPEN = 100
/** Writes begin so long before an audit. */
const HEAD_START_MS = 4_000
const MOST_IN_A_REQUEST = 100
/** Rows that nobody writes: where a divergence is planted, it stays one. Their keys come last in the order of reading. */
const isKept = (id: string) => id >= 'e'

/** Connections of nobody: no fence stops what is planted. */
const owned = createRefactoredDatabase()
const shadowed = createLegacyDatabase()

async function fillServer(operations: readonly CardOp[]): Promise<void> {
  for (let from = 0; from < operations.length; from += MOST_IN_A_REQUEST) {
    const some = operations.slice(from, from + MOST_IN_A_REQUEST).map((op) => ({
      ...op,
      opId: crypto.randomUUID(),
      row: op.row && toCloud(op.entity, op.row),
    }))
    const answer = await fetch('/api/apply', {
      method: 'POST',
      headers: { authorization: `Bearer ${readUser()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ device: 'another', term: 1, operations: some }),
    })
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
  }
}

type Snapshot = ReturnType<typeof gray.getSnapshot>

/** Rejects where the shadow was switched off. */
const awaitSnapshot = (is: (snapshot: Snapshot) => boolean) =>
  new Promise<void>((resolve, reject) => {
    const look = () => {
      const snapshot = gray.getSnapshot()
      const { shadow } = snapshot
      if (shadow?.state === 'off') reject(new Error(`switched off: ${shadow.because}`))
      else if (is(snapshot)) resolve()
      else return
      off()
    }
    const off = gray.subscribe(look)
    look()
  })

const rest = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** The same numbers for the same seed. */
function createDice(from: number): (below: number) => number {
  let state = from >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function draft(id: string, text: string): Row {
  const at = new Date().toISOString()
  const content = { title: `Card ${id}`, text, images: [], tags: [] }
  return {
    id,
    userId: readUser(),
    frontContent: content,
    backContent: { ...content, title: '' },
    style: { type: 'solid' },
    folderId: null,
    createdAt: at,
    updatedAt: at,
    syncVersion: 1,
    pendingSync: true,
  }
}

/** Edits, adds and deletes cards as the app does, one after the other, until it is stopped. */
function keepWriting(ids: string[], dice: (below: number) => number) {
  const load = { written: 0, stop: async () => {} }
  let ended = false
  const think = (): CardOp => {
    const chance = dice(10)
    const at = dice(ids.length)
    const known = ids[at] ?? ''
    if (chance === 0 && ids.length > 100) {
      ids.splice(at, 1)
      return { entity: 'cards', entityId: known, kind: 'delete' }
    }
    const id = chance === 1 ? `0${dice(2 ** 31).toString(16)}` : known
    if (chance === 1) ids.push(id)
    return { entity: 'cards', entityId: id, kind: 'put', row: draft(id, `write ${dice(1e9)}`) }
  }
  const work = async () => {
    let at = performance.now()
    while (!ended) {
      await rest(TICK_MS)
      const now = performance.now()
      // A machine that is slower than this writes less, and is not overrun.
      if ((gray.getSnapshot().pending?.count ?? 0) > MOST_OPEN) {
        at = now
        continue
      }
      const due = Math.min(Math.floor((now - at) * WRITES_PER_MS), MOST_AT_ONCE)
      at = due === MOST_AT_ONCE ? now : at + due / WRITES_PER_MS
      // Who writes a row twice at one instant leaves both engines to guess which came last.
      const ops = new Map(Array.from({ length: due }, think).map((op) => [op.entityId, op]))
      await write([...ops.values()])
      load.written += ops.size
    }
  }
  const working = work()
  load.stop = () => {
    ended = true
    return working
  }
  return load
}

/** Makes one row of the shadow's store differ, past every engine; answers how, and what takes it back. */
async function plant(dice: (below: number) => number) {
  const ids = (await shadowed.cards.toCollection().primaryKeys()).filter(isKept)
  const id = ids[dice(ids.length)] ?? ''
  const row = await shadowed.cards.get(id)
  if (!row) throw new Error(`no card ${id} in the shadow`)
  // A row that is missing would come back by the engine's next read.
  const kind = (['extra', 'changed'] as const)[dice(2)] ?? 'changed'
  if (kind === 'extra') await shadowed.cards.put({ ...row, id: `zz ${id}` })
  if (kind === 'changed') await shadowed.cards.put({ ...row, folderId: 'spoilt' })
  return {
    planted: `cards ${kind === 'extra' ? `zz ${id}` : id} ${kind}`,
    async heal() {
      await shadowed.cards.delete(`zz ${id}`)
      await shadowed.cards.put(row)
    },
  }
}

const page: LoadPage = {
  async fill(cards) {
    await fillServer(seed(generateCards({ seed: 7, cards }), readUser()))
    await gray.start()
    while ((await shadowed.cards.count()) < cards) await rest(100)
    await awaitSnapshot(({ reload }) => reload === 'wanted')
  },
  async begin() {
    await gray.start()
    writeEngine('refactored')
    await awaitSnapshot(({ running, shadow }) => {
      return running === 'refactored' && shadow?.state === 'running'
    })
    while (!(await gray.audit()).clean) await rest(100)
  },
  async round(seed) {
    const dice = createDice(seed)
    const ids = (await owned.cards.toCollection().primaryKeys()).filter((id) => !isKept(id))
    const load = keepWriting(ids, dice)
    await rest(HEAD_START_MS)
    const before = { written: load.written, applied: gray.getSnapshot().shadow?.applied ?? 0 }
    const began = performance.now()
    let planting: ReturnType<typeof plant> | null = null
    const report = await gray.audit({
      tables: ['folders', 'tags', 'images', 'cards'],
      onProgress({ table }) {
        // Cards come last: their rows are not read yet.
        if (table === 'folders') planting ??= plant(dice)
      },
    })
    const ms = Math.round(performance.now() - began)
    const written = load.written - before.written
    await load.stop()
    const plot = await (planting as ReturnType<typeof plant> | null)
    if (!plot || report.right !== 'legacy') throw new Error('there is no shadow')
    await plot.heal()
    await awaitSnapshot(({ pending }) => pending?.count === 0)
    // Counts of a shadow are brought up to date once a second.
    await rest(1_200)
    const sum = (pick: (own: (typeof report.tables)[number]) => number) =>
      report.tables.reduce((total, own) => total + pick(own), 0)
    return {
      planted: plot.planted,
      told: report.divergences.map(({ table, key, kind }) => `${table} ${key} ${kind}`),
      complete: report.complete,
      compared: sum(({ compared }) => compared),
      unjudged: sum(({ inFlight, inconclusive }) => inFlight + inconclusive),
      written,
      applied: (gray.getSnapshot().shadow?.applied ?? 0) - before.applied,
      ms,
    }
  },
}

Object.assign(globalThis, { load: page })
