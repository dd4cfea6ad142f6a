import { createInstance } from '@featurevisor/sdk'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export function load(): Contender {
  const conditions = [
    { attribute: 'plan', operator: 'equals', value: PLAN },
    { attribute: 'country', operator: 'in', value: COUNTRIES },
  ]
  const traffic = [{ key: 'half', segments: 'meant', percentage: 50_000, allocation: [] }]
  const datafile = {
    schemaVersion: '2',
    revision: '1',
    segments: { meant: { conditions } },
    features: { [FLAG]: { key: FLAG, bucketBy: 'id', traffic } },
  }
  return {
    name: '@featurevisor/sdk',
    entry: `
      import { createInstance } from '@featurevisor/sdk'
      export const start = (datafile) => createInstance({ datafile })`,
    payload: JSON.stringify(datafile),
    start(payload) {
      const instance = createInstance({ datafile: payload, logLevel: 'fatal' })
      return ({ id, plan, country }) => instance.isEnabled(FLAG, { id, plan, country })
    },
  }
}
