import { FlagdCore } from '@openfeature/flagd-core'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export function load(): Contender {
  const isMeant = {
    and: [{ '===': [{ var: 'plan' }, PLAN] }, { in: [{ var: 'country' }, COUNTRIES] }],
  }
  const half = {
    fractional: [
      ['on', 50],
      ['off', 50],
    ],
  }
  const flag = {
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: 'off',
    targeting: { if: [isMeant, half, 'off'] },
  }
  return {
    name: '@openfeature/flagd-core',
    entry: `
      import { FlagdCore } from '@openfeature/flagd-core'
      export const start = (payload) => { const core = new FlagdCore(); core.setConfigurations(payload); return core }`,
    payload: JSON.stringify({ flags: { [FLAG]: flag } }),
    start(payload) {
      const core = new FlagdCore()
      core.setConfigurations(payload)
      return ({ id, plan, country }) =>
        core.resolveBooleanEvaluation(FLAG, false, { targetingKey: id, plan, country }).value
    },
  }
}
