import type { Rollout } from '../../../src/model/rollout.js'
import { compileRollout, parseRollout } from '../../../src/rollout.js'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export const ROLLOUT: Rollout = {
  schema: 1,
  rollout: FLAG,
  version: 1,
  issuedAt: 1_700_000_000_000,
  hash: { version: 1, salt: FLAG },
  segments: [
    {
      name: 'meant',
      constraints: [
        { attribute: 'plan', operator: 'IN', values: [PLAN] },
        { attribute: 'country', operator: 'IN', values: COUNTRIES },
      ],
    },
  ],
  stage: 'half',
  stages: [{ name: 'half', share: 50_000, where: ['meant'] }],
}

export function load(): Contender {
  // Verification, which is measured by itself, hands over bytes.
  const verified = new TextEncoder().encode(JSON.stringify(ROLLOUT))
  const now = Date.now()
  return {
    name: 'graysync',
    entry: `
      import { compileRollout, parseRollout, verifyEnvelope } from '../../src/rollout.ts'
      export const start = async (envelope, keys) =>
        compileRollout(parseRollout(await verifyEnvelope(envelope, keys, crypto.subtle)))`,
    payload: JSON.stringify(ROLLOUT),
    start() {
      const decideFor = compileRollout(parseRollout(verified))
      return ({ id, plan, country }) =>
        decideFor({
          subject: { id, attributes: { plan, country } },
          now,
          owner: 'legacy',
          preference: null,
          rolledBack: false,
          supported: true,
          override: null,
          cached: true,
        }).engine === 'refactored'
    },
  }
}
