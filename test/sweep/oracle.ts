import type { JournalEntry } from '../../src/model/engine.js'
import type { EngineName } from '../../src/model/operation.js'
import type { Asked, Trial } from './trial.js'

/** What the oracle asks of a world at rest. */
export type Evidence = Pick<
  Trial,
  'tier' | 'asked' | 'wasWiped' | 'control' | 'journal' | 'openRows' | 'queueOf' | 'notesOf'
> & { server: Pick<Trial['server'], 'arrivals' | 'rows'>; profile: { froze: boolean } }

/** What many worlds came to. */
export interface Sum {
  runs: number
  /** Effects beyond the first, in tiers that promise none such. */
  doubled: number
  /** Notes that a thawed page left behind what the server has. */
  stale: number
  /** Time that passed in the worlds. */
  virtualMs: number
  /** Each with what runs it again. */
  failures: string[]
}

/** Everything that a world at rest has wrong; nothing where all promises are kept. */
export function judge(trial: Evidence): string[] {
  return [
    ...judgeEffects(trial),
    ...judgeOrder(trial),
    ...judgeSenders(trial),
    ...judgeJournal(trial.journal()),
    ...judgeRest(trial),
  ]
}

/** Whether its server tells what comes twice: no other tier promises that it counts once. */
function isSafe({ tier }: Evidence): boolean {
  return tier !== 'drain' && tier !== 'contained'
}

/** Effects beyond the first of an operation. */
export function countDoubled({ server }: Evidence): number {
  const tokens = [...server.rows.values()].flat()
  return tokens.length - new Set(tokens).size
}

function judgeEffects(trial: Evidence): string[] {
  const { asked, server } = trial
  const counts = new Map<string, number>()
  for (const tokens of server.rows.values()) {
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1)
  }
  return asked.flatMap(({ opId, fate }) => {
    const count = counts.get(opId) ?? 0
    if (count > 1 && isSafe(trial)) return [`${opId} (${fate}) took effect ${count} times`]
    if (count === 0 && fate === 'accepted' && !isSetBack(trial, opId)) {
      return [`${opId} was accepted and is lost`]
    }
    return count > 0 && fate === 'rejected' ? [`${opId} was rejected and took effect`] : []
  })
}

/**
 * Of a page that froze inside of an engine's own write a row of before may come back late, or one go that is not sent yet.
 * A server that goes by versions takes for old what was then built on it, and gets the other without what was done: that
 * is counted with the rows that are stale, and not held.
 */
function isSetBack({ tier, profile, server }: Evidence, opId: string): boolean {
  const isOld = () =>
    server.arrivals.some((one) => one.opId === opId && (one.outcome === 'duplicate' || one.isBare))
  return tier === 'versioned' && profile.froze && isOld()
}

/** Within one note the effects that one user asked for are in the order of acceptance. */
function judgeOrder({ asked, server }: Evidence): string[] {
  const byId = new Map(asked.map((one) => [one.opId, one]))
  const users = new Set(asked.map((one) => one.userId))
  return [...server.rows].flatMap(([id, tokens]) =>
    [...users].flatMap((userId) => {
      const order = [...new Set(tokens)].map((token) => byId.get(token))
      const numbered = order.filter(
        (one) => one?.seq != null && one.userId === userId && one.fate !== 'wiped',
      ) as Asked[]
      const seqs = numbered.map((one) => Number(one.seq))
      return seqs.every((seq, at) => at === 0 || seq > Number(seqs[at - 1]))
        ? []
        : [`note ${id} of ${userId} is out of order: ${numbered.map((one) => one.opId).join(' ')}`]
    }),
  )
}

/** Whose each term was, by the journal. */
function readOwners(journal: readonly JournalEntry[]): Map<number, EngineName | null> {
  const owners = new Map<number, EngineName | null>()
  let owner: EngineName | null = 'legacy'
  let way: { from: EngineName; to: EngineName } = { from: 'legacy', to: 'refactored' }
  for (const { kind, term, detail } of journal) {
    if (kind === 'handover.preparing') way = detail as typeof way
    if (kind === 'handover.fenced') owner = null
    if (kind === 'handover.committed') owner = way.to
    if (kind === 'handover.aborted') owner = way.from
    owners.set(term, owner)
  }
  return owners
}

function judgeSenders(trial: Evidence): string[] {
  const owners = readOwners(trial.journal())
  const wrong: string[] = []
  const highest = new Map<string, number>()
  for (const { opId, engine, term, device, outcome } of trial.server.arrivals) {
    // Where nothing can be stored there is no term, and nothing moves.
    const isRight = term === 0 ? engine === 'legacy' : owners.get(term) === engine
    // After a wipe the journal begins anew.
    if (!isRight && !trial.wasWiped) {
      wrong.push(`${opId} was sent by ${engine} under term ${term}, of ${owners.get(term)}`)
    }
    if (outcome !== 'applied') continue
    const fences = trial.tier === 'fenced' || trial.tier === 'versioned'
    const before = highest.get(device) ?? 0
    if (fences && term < before) wrong.push(`${opId} took effect under ${term} after ${before}`)
    highest.set(device, Math.max(before, term))
  }
  return wrong
}

/** The journal has no gap, and tokens only rise. */
export function judgeJournal(journal: readonly JournalEntry[]): string[] {
  return journal.flatMap(({ seq, flip, term }, at) => {
    const before = journal[at - 1]
    const isNumbered = seq === at + 1
    const rises = !before || (flip >= before.flip && term >= before.term)
    return isNumbered && rises
      ? []
      : [`journal entry ${at + 1}: number ${seq}, flip ${flip}, term ${term}`]
  })
}

function judgeRest(trial: Evidence): string[] {
  const control = trial.control()
  const wrong: string[] = []
  const { phase, owner, handover } = control ?? {}
  if (phase !== 'stable' || handover || !owner) {
    return [`the profile rests in ${phase}, owner ${owner}, handover ${JSON.stringify(handover)}`]
  }
  for (const { opId, state } of trial.openRows()) wrong.push(`${opId} is ${state} at rest`)
  for (const { opId } of trial.queueOf(owner)) wrong.push(`${opId} is queued at rest`)
  // What a wipe took would have to be pulled, and these engines do not pull. A page that froze inside of an engine's
  // own write may have written late: that is counted, and not held.
  if (trial.wasWiped || trial.profile.froze) return wrong
  return [...wrong, ...listStale(trial)]
}

/** Notes that the owner's store holds otherwise than the server. */
export function listStale(trial: Evidence): string[] {
  const owner = trial.control()?.owner
  if (!owner) return []
  // Between users the order of what they did may differ: a queue is of one user at a time.
  const toText = (tokens: readonly string[]) => [...new Set(tokens)].sort().join(' ')
  const local = new Map(trial.notesOf(owner).map((row) => [row.id, toText(row.tokens)]))
  return [...trial.server.rows].flatMap(([id, tokens]) =>
    local.get(id) === toText(tokens)
      ? []
      : [`note ${id} holds ${local.get(id)} here and ${toText(tokens)} at the server`],
  )
}
