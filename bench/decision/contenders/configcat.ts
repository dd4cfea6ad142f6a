import { createConsoleLogger, getClient, LogLevel, PollingMode, User } from 'configcat-js'
import { COUNTRIES, type Contender, FLAG, PLAN } from '../scene.js'

const IS_ONE_OF = 0

export function load(): Contender {
  const condition = (attribute: string, list: string[]) => ({
    u: { a: attribute, c: IS_ONE_OF, l: list },
  })
  const rule = {
    c: [condition('plan', [PLAN]), condition('country', COUNTRIES)],
    p: [
      { p: 50, v: { b: true }, i: 'on' },
      { p: 50, v: { b: false }, i: 'off' },
    ],
  }
  const config = {
    p: { u: 'https://localhost', r: 0, s: FLAG },
    f: { [FLAG]: { t: 0, r: [rule], v: { b: false }, i: 'off' } },
  }
  let starts = 0
  return {
    name: 'configcat-js',
    entry: `
      import { getClient, PollingMode } from 'configcat-js'
      export const start = (key, cache) => getClient(key, PollingMode.ManualPoll, { cache })`,
    payload: `${Date.now()}\nW/"1"\n${JSON.stringify(config)}`,
    async start(payload) {
      starts += 1
      // One client is kept for each key, so that every start needs a key of its own.
      const key = `configcat-sdk-1/${String(starts).padStart(22, '0')}/${'0'.repeat(22)}`
      const client = getClient(key, PollingMode.ManualPoll, {
        cache: { get: () => payload, set: () => {} },
        logger: createConsoleLogger(LogLevel.Off),
      })
      await client.waitForReady()
      const snapshot = client.snapshot()
      return ({ id, plan, country }) =>
        snapshot.getValue(FLAG, false, new User(id, undefined, country, { plan, country }))
    },
  }
}
