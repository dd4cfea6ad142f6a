import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { adopt } from '../../src/engine/adoption.js'
import { readControl } from '../../src/engine/control.js'
import { type Coordinator, createCoordinator } from '../../src/engine/coordinator.js'
import { readJournal } from '../../src/engine/journal.js'
import { append, readOpen, settle } from '../../src/engine/oplog.js'
import type { Control, HandoverState } from '../../src/model/engine.js'
import { GraySyncError } from '../../src/model/errors.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld, type Tab } from '../../src/testing.js'

const HANDOVER: HandoverState = {
  id: 'h1',
  from: 'legacy',
  to: 'refactored',
  startedAt: 1_700_000_000_000,
  finishing: false,
}
const STABLE: Control = {
  key: 'control',
  minReader: 1,
  flip: 3,
  term: 7,
  claim: 4,
  owner: 'legacy',
  phase: 'stable',
  handover: null,
  switched: false,
}
const UNDER_WAY: Control = { ...STABLE, claim: 5, owner: null, handover: HANDOVER }

/** Every state in which a record can be found. */
const STATES = {
  stable: STABLE,
  preparing: { ...UNDER_WAY, owner: 'legacy', phase: 'preparing' },
  fenced: { ...UNDER_WAY, phase: 'fenced' },
  saved: { ...UNDER_WAY, phase: 'saved' },
  imported: { ...UNDER_WAY, phase: 'imported' },
  finishing: {
    ...UNDER_WAY,
    owner: 'refactored',
    switched: true,
    phase: 'stable',
    handover: { ...HANDOVER, finishing: true },
  },
} satisfies Record<string, Control>
type State = keyof typeof STATES
type Step = Exclude<keyof Coordinator, 'check' | 'isMine'>

const RAISED = { flip: 4, term: 8 }
const BACK: Partial<Control> = { ...RAISED, owner: 'legacy', phase: 'stable', handover: null }

/** What each step makes of each state; what is not here writes nothing. */
const TABLE: Record<Step, Partial<Record<State, Partial<Control>>>> = {
  prepare: { stable: { claim: 5, phase: 'preparing', handover: HANDOVER } },
  fence: { preparing: { ...RAISED, owner: null, phase: 'fenced' } },
  saved: { fenced: { phase: 'saved' } },
  imported: { saved: { phase: 'imported' } },
  commit: {
    imported: {
      ...RAISED,
      owner: 'refactored',
      switched: true,
      phase: 'stable',
      handover: { ...HANDOVER, finishing: true },
    },
  },
  finish: { finishing: { handover: null } },
  abort: { preparing: BACK, fenced: BACK, saved: BACK, imported: BACK },
}
const STEPS = Object.keys(TABLE) as Step[]
const cells = STEPS.flatMap((step) =>
  (Object.keys(STATES) as State[]).map((state) => [step, state] as const),
)

async function open(state: Control, change: { id?: string; claim?: number } = {}) {
  const platform: Tab = createWorld({ indexedDB: new IDBFactory() }).tab()
  const connection = connectControl(platform)
  await connection.run(async (db) => void (await db.put('control', state)))
  const seen: Control[] = []
  const coordinator = createCoordinator({
    platform,
    control: connection,
    id: 'h1',
    from: 'legacy',
    to: 'refactored',
    claim: 5,
    term: 7,
    onStep: (control) => seen.push(control),
    ...change,
  })
  return { platform, connection, coordinator, seen }
}

async function take(coordinator: Coordinator, step: Step): Promise<'done' | 'refused'> {
  try {
    if (step !== 'abort') await coordinator[step]({})
    else if (!(await coordinator.abort(new GraySyncError('ABORTED', 'of the test'))))
      return 'refused'
    return 'done'
  } catch (cause) {
    expect(cause).toMatchObject({ code: 'FENCED' })
    return 'refused'
  }
}

async function expectUntouched(connection: ControlConnection, state: Control): Promise<void> {
  expect(await readControl(connection)).toEqual(state)
  expect((await readJournal(connection)).entries).toEqual([])
}

describe('a step of a handover', () => {
  it.each(cells)('%s, from %s, does what the table says', async (step, state) => {
    const { connection, coordinator, seen } = await open(STATES[state])
    const change = TABLE[step][state]
    const answer = await take(coordinator, step)
    expect(answer).toBe(change ? 'done' : 'refused')
    if (change) {
      const next = { ...STATES[state], ...change }
      expect(await readControl(connection)).toEqual(next)
      expect((await readJournal(connection)).entries).toMatchObject([
        { flip: next.flip, term: next.term, handover: 'h1' },
      ])
      expect(seen).toEqual(step === 'abort' ? [] : [next])
    } else {
      await expectUntouched(connection, STATES[state])
      expect(seen).toEqual([])
    }
    connection.close()
  })

  it.each(cells)('%s, from %s, does nothing under a claim that is over', async (step, state) => {
    // A step that needs no claim is one that may be repeated by whoever comes next.
    const isFree = step === 'finish' && state === 'finishing'
    const later = { ...STATES[state], claim: 6 }
    const { connection, coordinator } = await open(later)
    expect(await take(coordinator, step)).toBe(isFree ? 'done' : 'refused')
    if (!isFree) await expectUntouched(connection, later)
    connection.close()
  })

  it.each(cells)('%s, from %s, does nothing to another handover', async (step, state) => {
    const { connection, coordinator } = await open(STATES[state], { id: 'h2' })
    const begins = step === 'prepare' && state === 'stable'
    expect(await take(coordinator, step)).toBe(begins ? 'done' : 'refused')
    if (!begins) await expectUntouched(connection, STATES[state])
    connection.close()
  })

  it('prepare needs a claim that nobody has had', async () => {
    const had: Control = { ...STABLE, claim: 5 }
    const { connection, coordinator } = await open(had)
    expect(await take(coordinator, 'prepare')).toBe('refused')
    await expectUntouched(connection, had)
    connection.close()
  })

  it('prepare needs the term under which its tab began', async () => {
    const taken: Control = { ...STABLE, term: 8 }
    const { connection, coordinator } = await open(taken)
    expect(await take(coordinator, 'prepare')).toBe('refused')
    await expectUntouched(connection, taken)
    connection.close()
  })

  it('prepare needs the owner that it moves away from', async () => {
    const moved: Control = { ...STABLE, owner: 'refactored' }
    const { connection, coordinator } = await open(moved)
    expect(await take(coordinator, 'prepare')).toBe('refused')
    await expectUntouched(connection, moved)
    connection.close()
  })

  it('is named in the journal, with why it was taken back', async () => {
    const { connection, coordinator } = await open(STABLE)
    await coordinator.prepare()
    await coordinator.abort(new GraySyncError('QUOTA', 'no room'))
    expect((await readJournal(connection)).entries).toMatchObject([
      { kind: 'handover.preparing', detail: { from: 'legacy', to: 'refactored' } },
      { kind: 'handover.aborted', detail: { because: 'QUOTA', message: 'no room' } },
    ])
    connection.close()
  })
})

describe('operations that wait for an owner', () => {
  it.each([
    ['commit', 'imported', 'refactored'],
    ['abort', 'saved', 'legacy'],
  ] as const)('get one at %s', async (step, state, owner) => {
    const { connection, coordinator } = await open(STATES[state])
    const accept = (opId: string) =>
      append(connection, {
        op: { opId, entity: 'cards', entityId: 'a', kind: 'put' },
        userId: null,
        at: 1,
        applied: false,
      })
    expect((await accept('waiting')).row.assigned).toBeNull()
    const { op } = (await accept('done')).row
    await adopt(connection, [{ opId: 'own', op, userId: null, state: 'open' }], { at: 1 })
    await settle(connection, 'done', { state: 'acked', by: 'legacy' })
    await take(coordinator, step)
    const rows = await connection.run((db) => db.getAll('oplog'))
    expect(rows.map((row) => [row.opId, row.assigned])).toEqual([
      ['own', owner],
      ['waiting', owner],
      ['done', null],
    ])
    expect((await readOpen(connection)).map((row) => row.opId)).toEqual(['own', 'waiting'])
    connection.close()
  })
})

describe('a coordinator', () => {
  it('stands until another one took its handover over or back', async () => {
    const { connection, coordinator } = await open(STATES.fenced)
    await expect(coordinator.check()).resolves.toBeUndefined()
    await coordinator.abort(new GraySyncError('ABORTED', 'by the next tab'))
    await expect(coordinator.check()).rejects.toMatchObject({ code: 'FENCED' })
    connection.close()
  })

  it.each([
    [4, undefined],
    [5, 'STORE_BLOCKED'],
  ])('believes no answer that came late: %i of them', async (count, code) => {
    const { platform, connection, coordinator } = await open(STATES.fenced)
    let readings = 0
    // Two readings a question, half a second apart while it is slow.
    platform.monotonic = () => Math.min(readings++, count * 2) * 500
    const outcome = await coordinator.check().catch((cause: GraySyncError) => cause.code)
    expect(outcome).toBe(code)
    connection.close()
  })
})
