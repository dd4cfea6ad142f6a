import { stepControl } from '../engine/control.js'
import type { Decision } from '../model/decision.js'
import type { Control } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'

export interface BootOptions {
  platform: Platform
  control: ControlConnection
  /** The refactored engine was given. */
  canSwitch: boolean
  /** Where an interrupted handover may be continued and a new one begun: this tab holds the lease. */
  mayHandOver: boolean
  decide(owner: EngineName): Decision | Promise<Decision>
}

export interface Boot {
  control: Control
  decision: Decision
  next: 'resume' | 'handover' | 'run'
}

/** Takes the right to send, decides once, and answers which flow comes next. */
export async function boot(o: BootOptions): Promise<Boot> {
  const control = await stepControl(
    o.control,
    { at: o.platform.now(), kind: 'writer' },
    (present) => ({ ...present, term: present.term + 1 }),
  )
  if (!control) throw new GraySyncError('STORE', 'the control record can’t be written')
  const decision = await o.decide(control.owner ?? control.handover?.from ?? 'legacy')
  return { control, decision, next: chooseNext(o, control, decision) }
}

function chooseNext(o: BootOptions, control: Control, decision: Decision): Boot['next'] {
  if (!o.mayHandOver) return 'run'
  if (control.handover) return 'resume'
  return o.canSwitch && decision.engine !== control.owner ? 'handover' : 'run'
}
