import { EventEmitter } from 'node:events'
import { Unleash } from 'unleash-client'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

export function load(): Contender {
  const feature = {
    name: FLAG,
    type: 'release',
    enabled: true,
    stale: false,
    impressionData: false,
    variants: [],
    strategies: [
      {
        name: 'flexibleRollout',
        parameters: { rollout: '50', stickiness: 'default', groupId: FLAG },
        constraints: [
          { contextName: 'plan', operator: 'IN', values: [PLAN], inverted: false },
          { contextName: 'country', operator: 'IN', values: COUNTRIES, inverted: false },
        ],
      },
    ],
  }
  return {
    name: 'unleash-client',
    entry: null,
    payload: JSON.stringify([feature]),
    start(payload) {
      const features = new Map(JSON.parse(payload).map((one: { name: string }) => [one.name, one]))
      // Filled at once: the client's own repository asks a server before it answers.
      const repository = Object.assign(new EventEmitter(), {
        start: async () => {},
        stop: () => {},
        getToggle: (name: string) => features.get(name),
        getToggles: () => [...features.values()],
        getSegment: () => undefined,
        getTogglesWithSegmentData: () => [],
      })
      const client = new Unleash({
        appName: 'bench',
        url: 'http://localhost',
        disableAutoStart: true,
        disableMetrics: true,
        skipInstanceCountWarning: true,
        repository: repository as never,
      })
      repository.emit('ready')
      return ({ id, plan, country }) =>
        client.isEnabled(FLAG, { userId: id, properties: { plan, country } })
    },
  }
}
