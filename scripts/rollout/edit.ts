import type { Rollout, Stage } from '../../src/model/rollout.js'

/** What the publisher is told to do. */
export interface Order {
  command: string
  /** Percent. */
  share?: number
  stage?: string
  /** Percent whose profiles run the other engine in shadow. */
  shadow?: number
  /** A whole payload to publish in place of the present one. */
  document?: Rollout
}

/** Shares count thousandths of a percent. */
export const SLOTS_A_PERCENT = 1_000

/** The plan of a new rollout: a tenth, a half, everybody. */
export function draftRollout(name: string, now: number): Rollout {
  return {
    schema: 1,
    rollout: name,
    version: 1,
    issuedAt: now,
    maxAgeMs: 30 * 86_400_000,
    hash: { version: 1, salt: name },
    stage: null,
    stages: [
      { name: 'round-one', share: 10_000 },
      { name: 'round-two', share: 50_000 },
      { name: 'full', share: 100_000 },
    ],
  }
}

const EDITS: Readonly<Record<string, (rollout: Rollout, order: Order) => Rollout>> = {
  publish: (rollout, order) => toShadow(toStage(rollout, order), order),
  halt: (rollout) => ({ ...rollout, admit: 'held' }),
  resume: (rollout) => ({ ...rollout, admit: 'open' }),
  kill: (rollout) => ({ ...rollout, kill: true }),
  unkill: (rollout) => ({ ...rollout, kill: false }),
  reset: (rollout) => ({ ...rollout, resetEpoch: (rollout.resetEpoch ?? 0) + 1 }),
}

export function isEdit(command: string): boolean {
  return Object.hasOwn(EDITS, command)
}

/** The next rollout to publish: the present one with the order carried out, and a version above every earlier one. */
export function carryOut(
  present: Rollout | null,
  draft: Rollout,
  order: Order,
  now: number,
): Rollout {
  const base = order.document ?? present ?? draft
  if (present && base.rollout !== present.rollout) {
    throw new Error(`this url publishes "${present.rollout}", the document is "${base.rollout}"`)
  }
  if (present && base.hash.salt !== present.hash.salt) {
    throw new Error(
      `the salt may never change, it would reshuffle every subject: "${present.hash.salt}" is published, got "${base.hash.salt}"`,
    )
  }
  const edited = EDITS[order.command]?.(base, order) ?? base
  return { ...edited, version: Math.max((present?.version ?? 0) + 1, now), issuedAt: now }
}

/** A share alone picks the stage that plans it; where none does, the active stage takes it. */
function toStage(rollout: Rollout, order: Order): Rollout {
  const { stages } = rollout
  const share = order.share === undefined ? undefined : Math.round(order.share * SLOTS_A_PERCENT)
  if (order.stage !== undefined && !stages.some(({ name }) => name === order.stage)) {
    throw new Error(`no stage "${order.stage}", there are: ${namesOf(stages)}`)
  }
  if (order.stage === undefined && share === undefined) return rollout
  const planned = stages.find((stage) => stage.share === share)?.name
  const active = order.stage ?? planned ?? rollout.stage ?? stages[0]?.name
  if (active === undefined) throw new Error('the document has no stages')
  return {
    ...rollout,
    stage: active,
    stages: stages.map((stage) =>
      stage.name === active && share !== undefined ? { ...stage, share } : stage,
    ),
  }
}

function toShadow(rollout: Rollout, { shadow }: Order): Rollout {
  if (shadow === undefined) return rollout
  return { ...rollout, shadow: { share: Math.round(shadow * SLOTS_A_PERCENT) } }
}

function namesOf(stages: readonly Stage[]): string {
  return stages.map(({ name }) => name).join(', ') || 'none'
}
