import { fillProfile, measureCrossing } from './crossing.js'
import { join } from './election.js'
import { measureWrites } from './writes.js'

let leads: Promise<number> | null = null

const bench = {
  fillProfile,
  measureCrossing,
  measureWrites,
  async join() {
    const joined = await join()
    leads = joined.leads
    return joined.role
  },
  leads: () => leads,
}
export type Bench = typeof bench

Object.assign(globalThis, { bench })
