import { assess, type Evidence, learn, NO_EVIDENCE, type Sighting } from '../engine/guarantee.js'
import type { Replicas } from '../engine/replicas.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { EngineName, Operation } from '../model/operation.js'
import { type ControlConnection, changeFact } from '../store/control.js'
import type { Emitter } from './events.js'
import type { Profile } from './profile.js'
import type { Presence } from './state.js'

/** What the guarantee rests on. */
export interface Proof {
  /** Takes what was seen of an engine, as evidence gained or lost. */
  witness(engine: EngineName, seen: Sighting): Promise<void>
  /** Something changed that the guarantee depends on. */
  reassess(): void
}

export interface ProofOptions<Op extends Operation> {
  control: ControlConnection | null
  profile: Profile
  engines: GraySyncOptions<Op>['engines']
  replicas: Replicas
  state: Presence
  emitter: Emitter
}

export function createProof<Op extends Operation>(o: ProofOptions<Op>): Proof {
  const { control, profile, engines, state } = o
  const reassess = () => {
    const guarantee = assess(engines, profile.evidence, o.replicas.guards)
    const before = state.get().guarantee
    state.amend({ guarantee })
    if (before.tier !== guarantee.tier) o.emitter.emit('guaranteeChanged', guarantee)
  }
  return {
    async witness(engine, seen) {
      const sighting = { engine, version: engines?.[engine]?.version ?? '', seen }
      const before = profile.evidence
      profile.evidence = learn(before, sighting)
      if (JSON.stringify(before) === JSON.stringify(profile.evidence) || !control) return
      reassess()
      // Other tabs see other things: each adds to what is on the disk.
      await changeFact<Evidence>(control, 'evidence', (held) =>
        learn({ ...NO_EVIDENCE, ...held }, sighting),
      )
    },
    reassess,
  }
}
