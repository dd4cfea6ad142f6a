/** The question that every contender answers: plan is pro and country is one of ten, then half of them. */
export const FLAG: string = 'sync-engine'
export const PLAN: string = 'pro'
export const COUNTRIES: string[] = ['AT', 'BE', 'CH', 'DE', 'DK', 'ES', 'FR', 'IT', 'NL', 'SE']

export interface Person {
  id: string
  plan: string
  country: string
}

const OTHERS = ['BR', 'CN', 'IN', 'JP', 'US']

/** Half are pro, two thirds live in one of the ten countries; the same people in each run. */
export const PEOPLE: readonly Person[] = Array.from({ length: 1_024 }, (_, at) => {
  const countries = at % 3 === 0 ? OTHERS : COUNTRIES
  return {
    id: `user-${at.toString(36)}-${(at * 2_654_435_761) % 4_294_967_296}`,
    plan: at % 2 === 0 ? PLAN : 'free',
    country: countries[(at * 7) % countries.length] ?? '',
  }
})

export function isMeant({ plan, country }: Person): boolean {
  return plan === PLAN && COUNTRIES.includes(country)
}

export type Evaluate = (person: Person) => boolean

export interface Contender {
  name: string
  /** What a bundler is given: the smallest set-up that answers the question in a browser; `null` where it does not run in one. */
  entry: string | null
  /** What lies in the cache before a start. */
  payload: string
  /** From the cached text to something that answers. */
  start(payload: string): Evaluate | Promise<Evaluate>
}
