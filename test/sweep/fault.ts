import type { Tab } from './profile.js'
import type { Trial } from './trial.js'

export const FAULTS = ['kill', 'quota', 'unknown', 'cut', 'freeze', 'network'] as const
export type Fault = (typeof FAULTS)[number]

/** Lets a fault happen to a tab right before it hears of one of its events. */
export function arm(trial: Trial, tab: Tab, point: number, fault: Fault): void {
  tab.onEvent = (number) => {
    if (number === point) strike(trial, tab, fault)
  }
}

export function strike(trial: Trial, tab: Tab, fault: Fault): void {
  const { random } = trial.schedule
  switch (fault) {
    case 'kill':
      tab.kill()
      return
    case 'freeze':
      tab.freeze()
      return
    case 'cut':
      tab.cut()
      return
    case 'quota':
      tab.spoilage = { kind: 'abort', name: 'QuotaExceededError' }
      return
    case 'unknown':
      if (random.below(4) === 0) tab.refusals = 1
      else {
        tab.spoilage = random.pick([
          { kind: 'abort', name: 'UnknownError' },
          { kind: 'deaf' },
          { kind: 'late', ms: 8_000 },
        ] as const)
      }
      return
    case 'network':
      trial.network.mishap.set(
        tab,
        random.pick(['duplicate', 'late answer', 'lost answer', 'late request'] as const),
      )
  }
}
