import type { EngineName } from '../../src/model/operation.js'
import { makeKeys, sign } from '../support/rollout.js'

/** Signed rollouts, one a version, that want one engine or the other. */
export interface Plans {
  key: JsonWebKey
  /** Versions rise with `turn`. An engine that is to drain before it is left must not be killed. */
  envelope(goal: EngineName | 'legacy, drained', turn: number): string
}

/** Signing and the first import of what is loaded late take real time: both are done before a world begins. */
export async function signPlans(turns = 24): Promise<Plans> {
  await Promise.all([
    import('../../src/flows/audit.js'),
    import('../../src/client/desk.js'),
    import('../../src/client/speaker.js'),
  ])
  const keys = await makeKeys()
  const all: Record<EngineName | 'legacy, drained', string>[] = []
  for (let turn = 0; turn < turns; turn++) {
    const version = turn + 1
    const [legacy, refactored, drained] = await Promise.all([
      sign(keys, { version, kill: true }),
      sign(keys, { version }),
      sign(keys, { version, onShrink: 'handover', stages: [{ name: 'all', share: 0 }] }),
    ])
    all.push({ legacy, refactored, 'legacy, drained': drained })
  }
  return {
    key: keys.public,
    envelope(goal, turn) {
      const envelope = all[turn]?.[goal]
      if (!envelope) throw new Error(`no rollout was signed for turn ${turn}`)
      return envelope
    },
  }
}
