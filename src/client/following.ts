import { readControl } from '../engine/control.js'
import type { Control } from '../model/engine.js'
import { isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Core } from './core.js'
import { readPreference } from './profile.js'

/** What a tab shows while another one leads. */
export interface Following {
  begin(): void
  end(): void
  show(control: Control): void
  /** Another tab changed the control record, or the user's choice: shows it, and never rejects. */
  look(): Promise<void>
  /** Whose engine is shown: a change from it is told. */
  note(owner: EngineName | null): void
}

export function createFollowing<Op extends Operation>(
  core: Core<Op>,
  onNewer: (cause: unknown) => void,
): Following {
  const { state, signal } = core
  let isOn = false
  /** Whose engine was shown last; a handover shows none in between. */
  let owner: EngineName | null = null

  const show = (control: Control) => {
    const decision = core.decision()
    if (control.owner) {
      owner = control.owner
      state.show({ phase: 'running', decision, running: control.owner, role: 'follower' })
      return
    }
    const { from, to } = control.handover ?? { from: 'legacy', to: 'refactored' }
    state.show({ phase: 'handover', decision, running: null, from, to, step: control.phase })
  }

  const look = async () => {
    const { control: connection } = core.stores
    if (!connection) return
    core.profile.preference = await readPreference(connection)
    if (!isOn) return
    await core.breaker.read()
    const control = await readControl(connection)
    if (!isOn || signal.aborted) return
    const before = owner
    show(control)
    if (before && owner && before !== owner) {
      core.emitter.emit('engineSwitched', { from: before, to: owner })
    }
  }

  return {
    begin() {
      isOn = true
    },
    end() {
      isOn = false
    },
    show,
    look: () =>
      look().catch((cause) => {
        if (!isGraySyncError(cause) || cause.code !== 'NEWER_STATE') return void core.report(cause)
        isOn = false
        onNewer(cause)
      }),
    note(next) {
      owner = next
    },
  }
}
