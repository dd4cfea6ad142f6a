import { GrowthBookClient } from '@growthbook/growthbook'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export function load(): Contender {
  const condition = { plan: PLAN, country: { $in: COUNTRIES } }
  const rules = [{ condition, force: true, coverage: 0.5, hashAttribute: 'id', seed: FLAG }]
  return {
    name: '@growthbook/growthbook',
    entry: `
      import { GrowthBookClient } from '@growthbook/growthbook'
      export const start = (payload) => new GrowthBookClient().initSync({ payload })`,
    payload: JSON.stringify({ features: { [FLAG]: { defaultValue: false, rules } } }),
    start(payload) {
      const client = new GrowthBookClient().initSync({ payload: JSON.parse(payload) })
      return ({ id, plan, country }) => client.isOn(FLAG, { attributes: { id, plan, country } })
    },
  }
}
