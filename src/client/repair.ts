import { applyRepair, planRepair, type RepairSides, undoRepair } from '../consistency/repair.js'
import { mintId } from '../lib/id.js'
import { keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type {
  Repair,
  RepairOptions,
  RepairOutcome,
  RepairPlan,
  RepairReport,
} from '../model/repair.js'
import { openRepair } from '../store/repairs.js'
import { openLedgersOf } from './compare.js'
import type { Core } from './core.js'
import type { Opened } from './open.js'

/** Plans how one side becomes equal to the other, or takes up what was planned; a person says when. */
export async function planMending<Op extends Operation>(
  { core, voice }: Opened<Op>,
  o: RepairOptions,
): Promise<Repair> {
  const { running } = core.state.get()
  const left = running ? core.options.engines?.[running]?.data : undefined
  if (!left) throw new GraySyncError('AUDIT', 'the engine that owns this profile gives no `data`')
  const { database } = core.stores
  if (!database) throw new GraySyncError('STORE', 'what takes a repair back can’t be kept here')
  const id =
    typeof o.of === 'string' ? o.of : mintId(core.platform.now(), core.platform.randomBytes(16))
  const sides: RepairSides = {
    left,
    right: o.against,
    rules: core.options.compare ?? { tables: {} },
  }
  const record = openRepair(database, id)
  const { of } = o
  const plan =
    typeof of === 'string'
      ? await record.plan()
      : await planRepair({ ...sides, divergences: of.divergences, winner: o.winner })
  if (typeof of !== 'string') await record.keepPlan(plan)
  const loser = plan.winner === 'left' ? sides.right : sides.left
  const conclude = async (action: 'apply' | 'undo', report: RepairReport) => {
    const outcome = { ...report, differing: await countDiffering(sides, plan) }
    voice.say({ about: 'repair', action, winner: plan.winner, planned: plan.steps.length, outcome })
    return outcome
  }
  return {
    id,
    plan,
    async apply() {
      await markRepaired(core, sides, plan)
      const { convert } = o
      const order = { ...sides, plan, keep: record.keepUndo, ...(convert && { convert }) }
      return conclude('apply', await applyRepair(order))
    },
    async undo(): Promise<RepairOutcome> {
      const report = await undoRepair(loser, await record.undo())
      await record.forgetUndo()
      return conclude('undo', report)
    },
  }
}

async function countDiffering(sides: RepairSides, plan: RepairPlan): Promise<number> {
  const divergences = plan.steps.map(({ table, key }) => ({
    table,
    key,
    kind: 'changed' as const,
    paths: [],
    values: {},
  }))
  return (await planRepair({ ...sides, divergences, winner: plan.winner })).steps.length
}

/** So that the next incremental audit says why these rows are equal. */
async function markRepaired<Op extends Operation>(
  core: Core<Op>,
  { left, right }: RepairSides,
  plan: RepairPlan,
): Promise<void> {
  const ledgers = openLedgersOf(core, left, right)
  for (const table of new Set(plan.steps.map((step) => step.table))) {
    const known = await ledgers.read(table)
    if (!known) continue
    const keys = new Set(
      plan.steps.flatMap((step) => (step.table === table ? keyText(step.key) : [])),
    )
    const entries = known.entries.map((entry) =>
      keys.has(keyText(entry.key)) ? { ...entry, repaired: true } : entry,
    )
    await ledgers.write(table, { ...known, entries })
  }
}
