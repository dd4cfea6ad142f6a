import { readControl } from '../engine/control.js'
import { findPassage } from '../engine/passage.js'
import type { Check, Preflight } from '../model/handle.js'
import type { Operation } from '../model/operation.js'
import { readRoom } from '../platform/room.js'
import type { Core } from './core.js'

const SPARE_BYTES = 5_000_000

/** Looks at everything that a handover of this profile needs, without changing anything. */
export async function preflight<Op extends Operation>(core: Core<Op>): Promise<Preflight> {
  const { platform, stores, options, state } = core
  const checks: Check[] = []
  const add = (name: string, ok: boolean, detail: string) => checks.push({ name, ok, detail })
  add('indexeddb', stores.control !== null, stores.refused?.message ?? 'control record readable')
  add(
    'locks',
    platform.lock !== null,
    platform.lock ? 'Web Locks' : 'no Web Locks: serve over https',
  )
  add(
    'webcrypto',
    platform.subtle !== null,
    platform.subtle ? 'WebCrypto' : 'no WebCrypto: serve over https',
  )
  const { rollout, version } = core.decision()
  add(
    'rollout',
    rollout !== null,
    rollout ? `${rollout}, version ${version}` : 'no verified rollout',
  )
  const { usage, quota } = await readRoom(platform)
  add('room', quota - usage > SPARE_BYTES, `${usage} bytes used of ${quota}`)
  const { legacy, refactored } = options.engines ?? {}
  if (!legacy || !refactored) add('engines', false, 'both engines are needed')
  else {
    const { owner, term } = stores.control
      ? await readControl(stores.control)
      : { owner: 'legacy', term: 1 }
    const [from, to] = owner === 'refactored' ? [refactored, legacy] : [legacy, refactored]
    const { roundTrip } = core
    const pristine = core.pristine && term === 0
    const passage = await findPassage({ from, to, rescues: false, pristine, roundTrip })
    add('passage', passage.way !== 'closed', passage.way === 'closed' ? passage.fix : passage.way)
  }
  return { ready: checks.every((check) => check.ok), checks, guarantee: state.get().guarantee }
}
