import { InMemoryProvider, OpenFeature } from '@openfeature/web-sdk'
import { COUNTRIES, type Contender, FLAG, type Person, PLAN } from '../scene.js'

/** Its rule is code that the host writes, and its context is one for the page: the hash is the only one that is needed here. */
export function load(): Contender {
  let person: Person = { id: '', plan: '', country: '' }
  const isIn = (id: string) => {
    let hash = 0x811c9dc5
    for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
    return (hash >>> 0) % 100 < 50
  }
  return {
    name: '@openfeature/web-sdk InMemoryProvider',
    entry: `
      import { InMemoryProvider, OpenFeature } from '@openfeature/web-sdk'
      export const start = async (flags) => {
        await OpenFeature.setProviderAndWait(new InMemoryProvider(flags))
        return OpenFeature.getClient()
      }`,
    payload: JSON.stringify({ plan: PLAN, countries: COUNTRIES }),
    async start(payload) {
      const { plan, countries } = JSON.parse(payload)
      const provider = new InMemoryProvider({
        [FLAG]: {
          variants: { on: true, off: false },
          defaultVariant: 'off',
          disabled: false,
          contextEvaluator: () =>
            person.plan === plan && countries.includes(person.country) && isIn(person.id)
              ? 'on'
              : 'off',
        },
      })
      await OpenFeature.setProviderAndWait(provider)
      const client = OpenFeature.getClient()
      return (next) => {
        person = next
        return client.getBooleanValue(FLAG, false)
      }
    },
  }
}
