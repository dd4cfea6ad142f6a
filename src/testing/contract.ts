import type { Engine, Tier } from '../model/engine.js'
import type { Identified, Operation } from '../model/operation.js'
import { setTimer } from '../platform/platform.js'
import { type Bench, createBench } from './bench.js'
import { checkQueue } from './contract-queue.js'
import { checkStore } from './contract-store.js'
import { type Check, createChecks, demand, toText } from './demand.js'

export interface EngineCheckOptions<Op extends Operation> {
  /** An operation that the engine knows, each about an entity of its own; `index` counts from 0. */
  operation(index: number): Op
  /** Rows by table for `store.hydrate`, in the shape of the other engine. @default none */
  rows?: Readonly<Record<string, readonly unknown[]>>
  /** How long a member, and the first send, may take, in milliseconds. @default 5000 */
  timeoutMs?: number
}

/** What an adapter keeps of its contract. */
export interface EngineCheck {
  /** The tier that its members reach; `gray.guarantee` needs evidence from the server and the other engine beside it. */
  tier: Tier
  /** Each member that is not there, or does not do what it has to. */
  missing: readonly { member: string; raisesTo: Tier; why: string }[]
}

/**
 * Runs an adapter through its contract, without a network and outside of any handle: give it an engine whose queue and
 * store may be emptied. Never rejects for what the engine does.
 *
 * @example
 * const { tier, missing } = await checkEngine(createFakeEngine(['cards']), {
 *   operation: (index) => ({ entity: 'cards', entityId: `card-${index}`, kind: 'put' }),
 * })
 * for (const { member, why } of missing) console.log(tier, member, why)
 */
export async function checkEngine<Op extends Operation>(
  engine: Engine<Op>,
  o: EngineCheckOptions<Op>,
): Promise<EngineCheck> {
  const timeoutMs = o.timeoutMs ?? 5_000
  const { check, missing } = createChecks(timeoutMs)
  const bench = createBench(engine, timeoutMs)
  const ops = Array.from({ length: 9 }, (_, index): Identified<Op> => {
    const op = o.operation(index)
    return { ...op, opId: op.opId ?? crypto.randomUUID() }
  })
  await checkKnows(engine, ops, check)
  if (await check('start', 'drain', () => bench.run(async () => {}))) {
    await checkStore(engine, { rows: o.rows ?? {}, op: ops[8] }, check)
    const patience = () => new Promise<void>((resolve) => setTimer(resolve, timeoutMs / 5))
    await checkQueue({ engine, bench, check, patience }, ops)
    await checkLife(engine, bench, check)
  }
  await check('replay', 'keyed', async () =>
    demand(
      engine.replay !== undefined && engine.replay !== 'unsafe',
      'a repeated request may count twice',
    ),
  )
  const tiers = ['drain', 'contained', 'keyed', 'fenced'] as const
  const lacking = new Set(missing.map(({ raisesTo }) => raisesTo))
  const first = tiers.findIndex((tier) => lacking.has(tier))
  return { tier: first < 0 ? 'fenced' : (tiers[first - 1] ?? 'none'), missing }
}

async function checkKnows<Op extends Operation>(
  engine: Engine<Op>,
  ops: readonly Identified<Op>[],
  check: Check,
): Promise<void> {
  const { knows } = engine
  if (!knows) return
  await check('knows', 'drain', async () => {
    for (const op of ops) demand(knows.call(engine, op) === true, `it does not know ${toText(op)}`)
    const strange = knows.call(engine, { entity: '-', entityId: '-', kind: '-' })
    demand(typeof strange === 'boolean', `of what it does not know it says ${toText(strange)}`)
  })
}

async function checkLife<Op extends Operation>(
  engine: Engine<Op>,
  { seen, run }: Bench<Op>,
  check: Check,
): Promise<void> {
  let canStop = false
  await check('stop', 'fenced', async () => {
    await run(async ({ stop }) => {
      canStop = stop !== undefined
    })
    demand(canStop, 'there is none')
    demand(seen.isClean, 'it was not clean, with nothing on the wire')
    demand(seen.lateSends === 0, 'it sent after it had stopped')
  })
  await check('ctx.fetch', 'contained', async () =>
    demand(seen.sends > 0, 'nothing was sent through it'),
  )
  await check('ctx.ack', 'drain', async () =>
    demand(seen.ended.length === 0, `${seen.ended.join()} ended, and no server had answered`),
  )
  await check('fenceWrites', 'fenced', async () =>
    demand(seen.isFenced || !(engine.store || engine.data), 'no write met the fence'),
  )
}
