import type { ErrorCode } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Blocked, Core } from './core.js'
import { wasSwitched } from './stores.js'

/** How a tab shows that it runs no engine, and why. */
export interface Refusal {
  refuse(by: ErrorCode, fix: string): void
  /** A newer build of the app wrote what is stored: this one takes operations and sends nothing. */
  waitForUpdate(): void
  /** There is no control record, and no engine that may run without. */
  refuseBare(): void
  /** Decides without a control record. */
  decideBare(): void
  /** Why there is no control record. */
  whyBare(): Blocked
  whyNoEngine(name: EngineName): string
}

export function createRefusal<Op extends Operation>(
  core: Core<Op>,
  holdsLease: () => boolean,
): Refusal {
  const { platform, state, stores } = core

  const refuse = (by: ErrorCode, fix: string) => {
    const decision = core.decision()
    const role = holdsLease() ? 'writer' : 'follower'
    state.show({ phase: 'running', decision, running: null, role, blocked: { by, fix } })
  }

  const decideBare = () =>
    core.decided(core.decide(wasSwitched(platform) ? 'refactored' : 'legacy'))

  const whyBare = () => ({
    by: stores.refused?.code ?? 'STORE',
    fix: stores.refused?.message ?? 'storage is not available',
  })

  return {
    refuse,
    refuseBare() {
      decideBare()
      const { by, fix } = whyBare()
      refuse(by, fix)
    },
    decideBare,
    waitForUpdate() {
      decideBare()
      state.amend({ reload: 'required' })
      refuse('NEWER_STATE', stores.refused?.message ?? 'update the app')
    },
    whyBare,
    whyNoEngine: (name) =>
      core.options.engines
        ? `this profile is on ${name}: ship an app that has that engine`
        : 'decide only: give `engines` to run one',
  }
}
