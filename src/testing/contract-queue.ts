import type { Engine, Queue, QueueExporter, QueueImporter } from '../model/engine.js'
import type { Identified, Operation, Pending } from '../model/operation.js'
import type { Bench } from './bench.js'
import { type Check, demand, toText } from './demand.js'

const HANDOVER = 'check'
const STATES: readonly string[] = [
  'open',
  'inflight',
  'failed',
] satisfies Pending<unknown>['state'][]

interface Rig<Op extends Operation> {
  engine: Engine<Op>
  bench: Bench<Op>
  check: Check
  /** So long a first send is waited for. */
  patience(): Promise<void>
}

/** Puts operations into the queue in every way there is, and takes them out; leaves it empty. */
export async function checkQueue<Op extends Operation>(
  rig: Rig<Op>,
  [a, b, c, late, x, y, z, w]: readonly Identified<Op>[],
): Promise<void> {
  const { engine, bench, check } = rig
  const { queue } = engine
  if (!a || !b || !c || !late || !x || !y || !z || !w) return
  const add = (...ops: Identified<Op>[]) =>
    bench.run(async ({ push }) => {
      demand(push, 'there is none: nothing gets into the queue')
      for (const op of ops) await push(op, { applied: false })
      await Promise.race([bench.sent, rig.patience()])
    })
  const before = await sizeOf(queue)
  const took = await check('push', 'contained', () => add(a, b, c, a))
  await check('queue.size', 'drain', async () => {
    demand(queue && before, 'there is no queue, or it does not answer')
    demand(before.count === 0, `it holds ${before.count} before anything was pushed`)
    const { count, seq } = await queue.size()
    const due = took ? 3 : 0
    demand(count === due, `it counts ${count} of ${due}; one was pushed twice`)
    const canMove = queue.exporter && queue.importer
    demand(
      canMove || seq !== undefined,
      'without `seq` and without an exporter nothing can be moved',
    )
    const rise = (seq ?? 0) - (before.seq ?? 0)
    demand(seq === undefined || rise === due, `\`seq\` rose by ${rise} for ${due}`)
  })
  await check('queue.exporter', 'contained', async () => demand(queue?.exporter, 'there is none'))
  await check('queue.importer', 'contained', async () => demand(queue?.importer, 'there is none'))
  if (queue?.exporter && took)
    await checkExporter(queue.exporter, [a, b, c], () => add(late), late, check)
  if (queue?.importer) await checkImporter(queue, queue.importer, [x, y, z, w], check)
  if (queue?.exporter) await empty(queue.exporter)
}

async function checkExporter<Op extends Operation>(
  exporter: QueueExporter<Op>,
  pushed: readonly Identified<Op>[],
  addLate: () => Promise<void>,
  late: Identified<Op>,
  check: Check,
): Promise<void> {
  await check('queue.exporter.read', 'contained', async () => {
    const [first, second] = [await exporter.read(), await exporter.read()]
    demand(toText(first) === toText(second), 'read twice it answers two things')
    same(idsOf(first), idsOf(pushed), 'not what was pushed, in its order')
    for (const [index, { op, state }] of first.entries()) {
      const given = pushed[index]
      const kept =
        op.entity === given?.entity && op.entityId === given.entityId && op.kind === given.kind
      demand(kept, `${toText(op)} is not ${toText(given)}`)
      demand(STATES.includes(state), `no such state: ${toText(state)}`)
    }
  })
  await check('queue.exporter.seal', 'contained', async () => {
    await exporter.read()
    await addLate()
    await exporter.seal(HANDOVER)
    await exporter.seal(HANDOVER)
    same(idsOf(await exporter.read()), [late.opId], 'only what was handed out is to go')
    await exporter.seal(HANDOVER)
    same(idsOf(await exporter.read()), [], 'what was handed out is to go')
  })
}

async function checkImporter<Op extends Operation>(
  queue: Queue<Op>,
  importer: QueueImporter<Op>,
  [x, y, z, w]: readonly [Identified<Op>, Identified<Op>, Identified<Op>, Identified<Op>],
  check: Check,
): Promise<void> {
  // Without an exporter nobody can see more of a queue than how long it is.
  const held = async () =>
    queue.exporter ? idsOf(await queue.exporter.read()) : [(await queue.size()).count]
  const after = (ids: readonly string[]) =>
    queue.exporter ? [...before, ...ids] : [Number(before[0]) + ids.length]
  const stage = async (ops: readonly Identified<Op>[], handover: string) => {
    const pending = ops.map(
      (op): Pending<Op> => ({ opId: op.opId, op, userId: null, state: 'open' }),
    )
    same(
      await importer.stage(pending, handover),
      idsOf(ops),
      'it answers other ids than it was given',
    )
  }
  const before = await held().catch(() => [])
  await check('queue.importer.stage', 'contained', async () => {
    await stage([x, y], 'a')
    same(await held(), before, 'what is staged is seen already')
    await stage([x, y, z], 'a')
  })
  await check('queue.importer.activate', 'contained', async () => {
    await importer.activate('a')
    same(await held(), after(idsOf([x, y, z])), 'not what was staged last, behind the rest')
    await importer.activate('a')
    same(await held(), after(idsOf([x, y, z])), 'doing it again changed the queue')
    await stage([x], 'b')
    await importer.activate('b')
    same(await held(), after(idsOf([x, y, z])), 'it doubled an operation that it held')
  })
  await check('queue.importer.discard', 'contained', async () => {
    const there = await held()
    await stage([w], 'c')
    await importer.discard('c')
    await importer.discard('c')
    await importer.activate('c')
    same(await held(), there, 'what was discarded came in')
  })
}

const idsOf = (ops: readonly { opId: string }[]) => ops.map(({ opId }) => opId)

function same(got: readonly unknown[], due: readonly unknown[], why: string): void {
  demand(toText(got) === toText(due), `${why}: ${toText(got)}, not ${toText(due)}`)
}

async function sizeOf<Op extends Operation>(queue: Queue<Op> | undefined) {
  try {
    return await queue?.size()
  } catch {
    return undefined
  }
}

async function empty<Op extends Operation>({ read, seal }: QueueExporter<Op>): Promise<void> {
  await read()
  await seal(HANDOVER)
}
