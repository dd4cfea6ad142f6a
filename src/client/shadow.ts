import type { Operation } from '../model/operation.js'
import type { Rollout } from '../model/rollout.js'
import type { Core } from './core.js'
import type { createShadowing, Shadowing, ShadowingOptions } from './shadowing.js'

/** Loads the code that runs a shadow. */
export type LoadShadowing = () => Promise<{ createShadowing: typeof createShadowing }>

/** Runs the other engine in shadow where the rollout wants that. The code for it is loaded after the start, and only then. */
export function createShadow<Op extends Operation>(
  core: Core<Op>,
  o: ShadowingOptions<Op> & { load: LoadShadowing },
): Shadowing<Op> {
  let shadowing: Shadowing<Op> | null = null
  let loading = false
  const load = async () => {
    const room = await o.load()
    shadowing = room.createShadowing(core, o)
    shadowing.look()
  }
  return {
    look() {
      if (shadowing) return shadowing.look()
      if (loading || !mayWant(core.rollout())) return
      loading = true
      // A chunk that can't be loaded now may be there at the next look.
      load().catch(() => {
        loading = false
      })
    },
    handed: (op) => shadowing?.handed(op),
    behind: () => shadowing?.behind() ?? [],
  }
}

function mayWant(rollout: Rollout | null): boolean {
  const { shadow, stages = [] } = rollout ?? {}
  return shadow ? shadow.share > 0 : stages.some(({ probation }) => probation)
}
