import { IDBFactory } from 'fake-indexeddb'
import fc from 'fast-check'
import { readControl } from '../../src/engine/control.js'
import { createCoordinator } from '../../src/engine/coordinator.js'
import { readJournal } from '../../src/engine/journal.js'
import { append, settle } from '../../src/engine/oplog.js'
import { takeTerm } from '../../src/flows/boot.js'
import type { Control, JournalEntry, LoggedOperation } from '../../src/model/engine.js'
import { GraySyncError, isGraySyncError } from '../../src/model/errors.js'
import type { Platform } from '../../src/model/platform.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { judgeJournal, type Sum } from './oracle.js'

/** Who is at work in one profile at once, each with a mind of its own. */
interface Cast {
  /** Tabs that boot one after the other and hand over; each takes the handover of the one before back. */
  leaders: number
  /** Tabs that append operations. */
  writers: number
  operations: number
}

interface World {
  platform: Platform
  /** A connection whose transactions begin when the scheduler says so. */
  connect(who: string): ControlConnection
  /** Ids by writer, as `append` resolved. */
  accepted: string[][]
  acked: string[]
  committed: string[]
}

const cast: fc.Arbitrary<Cast> = fc.record({
  leaders: fc.integer({ min: 1, max: 3 }),
  writers: fc.integer({ min: 1, max: 3 }),
  operations: fc.integer({ min: 1, max: 4 }),
})

/** Boots, takes back what another tab left, and hands over until it is done or another tab took over. */
async function lead(world: World, name: string): Promise<void> {
  const { platform } = world
  const control = world.connect(name)
  const present = await takeTerm({ platform, control })
  const { handover } = present
  const tokens = { claim: present.claim, term: present.term }
  const join = (which: { id: string; from: Control['owner']; claim: number; term: number }) => {
    const from = which.from ?? 'legacy'
    const to = from === 'legacy' ? ('refactored' as const) : ('legacy' as const)
    const order = { ...which, from, to, platform, control, onStep: () => {} }
    return createCoordinator(order)
  }
  if (handover?.finishing) return join({ ...handover, ...tokens }).finish()
  if (handover) {
    const before = join({ ...handover, ...tokens })
    if (!(await before.abort(new GraySyncError('ABORTED', 'by the next tab')))) return
  }
  const { owner, claim, term } = await readControl(control)
  const coordinator = join({ id: name, from: owner, claim: claim + 1, term })
  await coordinator.prepare()
  await coordinator.fence()
  await coordinator.check()
  await coordinator.saved({})
  await coordinator.imported({})
  await coordinator.commit()
  world.committed.push(name)
  await coordinator.finish()
}

/** Appends one after the other, and hears of some from the server, twice and late. */
async function write(world: World, writer: number, operations: number): Promise<void> {
  const log = world.connect(`writer ${writer}`)
  const ids: string[] = []
  world.accepted[writer] = ids
  for (let n = 0; n < operations; n++) {
    const opId = `${writer}-${n}`
    const op = { entity: 'notes', entityId: 'a', kind: 'append', opId }
    await append(log, { op, userId: null, at: 1, applied: false })
    ids.push(opId)
    if (n % 2 === 0) continue
    const by = { state: 'acked', by: 'legacy' } as const
    await Promise.all([settle(log, opId, by), settle(log, opId, by)])
    world.acked.push(opId)
  }
}

/** Only losing to another tab is no failure. */
async function unlessFenced(work: Promise<void>): Promise<void> {
  await work.catch((cause) => {
    if (!isGraySyncError(cause) || cause.code !== 'FENCED') throw cause
  })
}

/** Ends what the last leader left, as the next boot would. */
async function comeToRest(world: World, connection: ControlConnection): Promise<void> {
  const { handover, claim, term } = await readControl(connection)
  if (!handover) return
  const { platform } = world
  const order = { ...handover, claim, term, platform, control: connection, onStep: () => {} }
  const coordinator = createCoordinator(order)
  if (handover.finishing) await coordinator.finish()
  else await coordinator.abort(new GraySyncError('ABORTED', 'at last'))
}

function judge(
  world: World,
  control: Control,
  journal: readonly JournalEntry[],
  rows: readonly LoggedOperation[],
): string[] {
  const wrong = judgeJournal(journal)
  if (control.phase !== 'stable' || control.handover) wrong.push(`it rests in ${control.phase}`)
  for (const ids of world.accepted) {
    const held = rows.filter(({ opId }) => ids.includes(opId)).map(({ opId }) => opId)
    if (held.join() !== ids.join()) wrong.push(`${ids} was accepted, the op-log has ${held}`)
  }
  for (const { opId, state, assigned } of rows) {
    const expected = world.acked.includes(opId) ? 'acked' : 'open'
    if (state !== expected) wrong.push(`${opId} is ${state}`)
    if (state === 'open' && assigned !== control.owner) {
      wrong.push(`${opId} waits for ${assigned}, ${control.owner} owns the profile`)
    }
  }
  const told = journal.filter(({ kind }) => kind === 'handover.committed')
  if (told.map(({ handover }) => handover).join() !== world.committed.join()) {
    wrong.push(`${world.committed} committed, the journal has ${told.length}`)
  }
  return [...wrong, ...judgeSteps(journal)]
}

/** Between the first step of a handover and its end there is no step of another. */
function judgeSteps(journal: readonly JournalEntry[]): string[] {
  let under: string | null = null
  return journal.flatMap(({ kind, handover }) => {
    if (!kind.startsWith('handover.')) return []
    const isFirst = kind === 'handover.preparing'
    const isRight = isFirst ? under === null : under === handover
    if (isFirst) under = handover
    if (kind === 'handover.finished' || kind === 'handover.aborted') under = null
    return isRight ? [] : [`${kind} of ${handover} under ${under}`]
  })
}

/** Coordinators and writers in one profile, in every order of their transactions that the scheduler tries. */
export async function runInterleavings(o: {
  seed: number
  runs: number
  path?: string
}): Promise<Sum> {
  const orders = fc.asyncProperty(fc.scheduler(), cast, async (scheduler, { leaders, ...rest }) => {
    const platform = createWorld({ indexedDB: new IDBFactory() }).tab()
    const direct = connectControl(platform)
    const world: World = {
      platform,
      connect: (who) => ({
        ...direct,
        run: (work) => scheduler.schedule(Promise.resolve(), who).then(() => direct.run(work)),
      }),
      accepted: [],
      acked: [],
      committed: [],
    }
    const all = [
      ...Array.from({ length: leaders }, (_, n) => unlessFenced(lead(world, `leader ${n}`))),
      ...Array.from({ length: rest.writers }, (_, n) => write(world, n, rest.operations)),
    ]
    await scheduler.waitFor(Promise.all(all))
    await comeToRest(world, direct)
    const { entries } = await readJournal(direct)
    const rows = await direct.run((db) => db.getAll('oplog'))
    const wrong = judge(world, await readControl(direct), entries, rows)
    direct.close()
    if (wrong.length > 0) throw new Error(wrong.join('; '))
  })
  const found = await fc.check(orders, {
    seed: o.seed,
    numRuns: o.runs,
    ...(o.path && { path: o.path }),
  })
  const { failed, counterexample, counterexamplePath, errorInstance } = found
  const failure = [
    String(errorInstance),
    `  ${counterexample?.map((one) => fc.stringify(one)).join('\n  ')}`,
    `  npm run sweep -- --kind interleavings --seed ${found.seed} --path ${counterexamplePath}`,
  ]
  return {
    runs: found.numRuns,
    doubled: 0,
    stale: 0,
    virtualMs: 0,
    failures: failed ? [failure.join('\n')] : [],
  }
}
