import { type ControlConnection, readFact } from '../store/control.js'
import { type Breaker, type BreakerEvent, CLOSED, parseBreaker, stepBreaker } from './breaker.js'
import { stepControl } from './control.js'

const keyOf = (version: string) => `breaker:${version}`

/** What is kept of one version of the refactored engine. */
export async function readBreaker(
  connection: ControlConnection,
  version: string,
): Promise<Breaker> {
  return parseBreaker(await readFact(connection, keyOf(version)))
}

/** Keeps the scores. What another tab wrote of a trip meanwhile stays, and is the answer: also that it was lifted again. */
export function keepScores(
  connection: ControlConnection,
  version: string,
  breaker: Breaker,
): Promise<Breaker> {
  return connection.run(async (db) => {
    const tx = db.transaction('control', 'readwrite', { durability: 'relaxed' })
    const row = await tx.store.get(keyOf(version))
    const kept = parseBreaker(row && 'value' in row ? row.value : null)
    if (kept.state !== 'closed' || kept.trips > breaker.trips) return kept
    await tx.store.put({ key: keyOf(version), value: breaker })
    await tx.done
    return breaker
  })
}

/** A trip, or the end of one, goes into the journal in the same transaction. */
export async function keepStep(
  connection: ControlConnection,
  version: string,
  event: BreakerEvent & { kind: 'trip' | 'rollout' },
  entry: { at: number; detail: Readonly<Record<string, unknown>> },
): Promise<Breaker> {
  const kept = { breaker: CLOSED }
  await stepControl(
    connection,
    { at: entry.at, kind: `breaker.${event.kind}`, detail: { version, ...entry.detail } },
    (control) => control,
    async (tx) => {
      const facts = tx.objectStore('control')
      const row = await facts.get(keyOf(version))
      kept.breaker = stepBreaker(parseBreaker(row && 'value' in row ? row.value : null), event)
      await facts.put({ key: keyOf(version), value: kept.breaker })
    },
  )
  return kept.breaker
}
