import { StatsigOnDeviceEvalClient } from '@statsig/js-on-device-eval-client'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export function load(): Contender {
  const condition = (field: string, targetValue: string[]) => ({
    type: 'user_field',
    operator: 'any_case_sensitive',
    field,
    targetValue,
    additionalValues: {},
    idType: 'userID',
  })
  const rule = {
    id: 'half',
    name: 'half',
    salt: 'half',
    passPercentage: 50,
    conditions: [condition('plan', [PLAN]), condition('country', COUNTRIES)],
    returnValue: true,
    idType: 'userID',
  }
  const gate = {
    name: FLAG,
    type: 'feature_gate',
    salt: FLAG,
    enabled: true,
    defaultValue: false,
    rules: [rule],
    idType: 'userID',
    entity: 'feature_gate',
  }
  const specs = {
    feature_gates: [gate],
    dynamic_configs: [],
    layer_configs: [],
    time: 1,
    has_updates: true,
  }
  return {
    name: '@statsig/js-on-device-eval-client',
    entry: `
      import { StatsigOnDeviceEvalClient } from '@statsig/js-on-device-eval-client'
      export const start = (key, specs) => {
        const client = new StatsigOnDeviceEvalClient(key)
        client.dataAdapter.setData(specs)
        client.initializeSync()
        return client
      }`,
    payload: JSON.stringify(specs),
    start(payload) {
      const client = new StatsigOnDeviceEvalClient('client-key', {
        networkConfig: { preventAllNetworkTraffic: true },
        loggingEnabled: 'disabled',
        logLevel: 0,
      })
      client.dataAdapter.setData(payload)
      client.initializeSync({ disableBackgroundCacheRefresh: true })
      return ({ id, plan, country }) =>
        client.checkGate(
          FLAG,
          { userID: id, country, custom: { plan } },
          { disableExposureLog: true },
        )
    },
  }
}
