import { audit } from '../../src/flows/audit.js'
import { keyText } from '../../src/lib/keys.js'
import { auditPlatform, memorySource } from './memory.js'
import { judgeSlowly } from './oracle.js'
import { makeStores, rules } from './planting.js'
import { createRandom } from './random.js'

export interface Trial {
  rows: number
  planted: Record<string, number>
  /** What the oracle and the audit do not agree on. */
  disputes: string[]
}

/** Audits two stores made from a seed, and holds every verdict against the oracle's. */
export async function runTrial(seed: number): Promise<Trial> {
  const random = createRandom(seed)
  // A few of them are longer than a page.
  const stores = makeStores(
    random,
    random.below(200) === 0 ? 480 + random.below(700) : random.below(24),
  )
  const { left, right, inFlight, planted } = stores
  const keys = [...new Map([...left, ...right].map(([key]) => [keyText(key), key])).values()]
  const expected = new Map<string, string>()
  const counts = { equal: 0, defaults: 0, missing: 0, extra: 0, changed: 0, inFlight: 0 }
  for (const key of keys) {
    if (inFlight.has(key)) {
      counts.inFlight++
      continue
    }
    const { kind, paths } = judgeSlowly(left.get(key), right.get(key), rules)
    counts[kind]++
    if (kind !== 'equal' && kind !== 'defaults') {
      expected.set(keyText(key), `${keyText(key)} ${kind} ${paths}`)
    }
  }
  const flying = new Set([...inFlight].map(keyText))
  const report = await audit({
    platform: auditPlatform(),
    left: memorySource('left', { cards: left }),
    right: memorySource('right', { cards: right }),
    rules: { tables: { cards: rules } },
    inFlight: (_, key) => flying.has(keyText(key)),
  })
  const found = new Map(
    report.divergences.map(({ key, kind, paths }) => [
      keyText(key),
      `${keyText(key)} ${kind} ${paths}`,
    ]),
  )
  const [table] = report.tables
  const disputes = [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => expected.get(key) !== found.get(key))
    .map((key) => `seed ${seed}: expected ${expected.get(key)}, found ${found.get(key)}`)
  for (const [name, count] of Object.entries(counts)) {
    const got = table?.[name as keyof typeof counts]
    if (got !== count) disputes.push(`seed ${seed}: ${count} ${name}, found ${got}`)
  }
  return { rows: keys.length, planted, disputes }
}
