import type { Engine, Guarantee, Tier } from '../model/engine.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Answer } from './transport.js'

/** What was observed of this profile's engines and server; kept across boots. */
export interface Evidence {
  /** The version of each engine that was seen to send through `ctx.fetch`: another one has to show it again. */
  sends: Partial<Record<EngineName, string>>
  /** The server answered `duplicate` to a repeated operation id. */
  duplicate: boolean
  /** The server answered `fenced` to an old term, and named the term in each answer since. */
  fenced: boolean
  /** The version of each engine that was seen to stop clean, and not otherwise since. */
  stops: Partial<Record<EngineName, string>>
}

export const NO_EVIDENCE: Evidence = { sends: {}, duplicate: false, fenced: false, stops: {} }

/** What was seen of an engine: an answer to a send, or its stop. */
export type Sighting = Pick<Answer, 'outcome' | 'echoes'> | { isClean: boolean }

/** Evidence is gained by what is seen, and lost by what is seen later. */
export function learn(
  evidence: Evidence,
  { engine, version, seen }: { engine: EngineName; version: string; seen: Sighting },
): Evidence {
  if ('isClean' in seen) {
    const { [engine]: _, ...others } = evidence.stops
    return { ...evidence, stops: seen.isClean ? { ...others, [engine]: version } : others }
  }
  return {
    ...evidence,
    sends: { ...evidence.sends, [engine]: version },
    duplicate: evidence.duplicate || seen.outcome === 'duplicate',
    fenced: seen.outcome === 'fenced' || (evidence.fenced && seen.echoes !== false),
  }
}

export interface Engines<Op extends Operation> {
  legacy: Engine<Op>
  refactored?: Engine<Op>
}

interface Need {
  tier: Tier
  member: string
  met: boolean
}

/** The tier that members and evidence reach together, and what the higher ones lack. */
export function assess<Op extends Operation>(
  engines: Engines<Op> | undefined,
  evidence: Evidence,
  /** Each write to the rows of an engine meets a replica of the control record. */
  guards: (engine: EngineName) => boolean,
): Guarantee {
  const needs = engines ? listNeeds(engines, evidence, guards) : []
  const missing = needs
    .filter((need) => !need.met)
    .map(({ member, tier }) => ({ member, raisesTo: tier }))
  const order: Tier[] = ['none', 'contained', 'keyed', 'fenced']
  const lacking = new Set(missing.map((need) => need.raisesTo))
  let tier: Tier = 'none'
  for (const next of order.slice(1)) {
    if (!engines?.refactored || lacking.has(next)) break
    tier = next
  }
  const canDrain = engines?.refactored?.queue && engines.legacy.queue
  if (tier === 'none' && canDrain) tier = 'drain'
  return { tier, missing }
}

function listNeeds<Op extends Operation>(
  engines: Engines<Op>,
  evidence: Evidence,
  guards: (engine: EngineName) => boolean,
): Need[] {
  const needs: Need[] = []
  for (const name of ['legacy', 'refactored'] as const) {
    const engine = engines[name]
    const need = (tier: Tier, member: string, met: boolean) =>
      needs.push({ tier, member: `${name}.${member}`, met })
    need('drain', 'queue.size', Boolean(engine?.queue))
    need('contained', 'queue.exporter', Boolean(engine?.queue?.exporter))
    need('contained', 'queue.importer', Boolean(engine?.queue?.importer))
    need('contained', 'ctx.fetch', engine !== undefined && engine.version === evidence.sends[name])
    const isClean = engine !== undefined && engine.version === evidence.stops[name]
    need('fenced', 'stop is clean', isClean)
    need('fenced', 'grayWrites', guards(name))
    need('keyed', 'replay', Boolean(engine?.replay && engine.replay !== 'unsafe'))
  }
  needs.push({ tier: 'keyed', member: 'server answers duplicate', met: evidence.duplicate })
  needs.push({ tier: 'fenced', member: 'server answers fenced', met: evidence.fenced })
  return needs
}
