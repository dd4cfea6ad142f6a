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

/** Takes the right to send, under a term that no other tab has. */
export async function takeTerm({
  control,
  platform,
}: Pick<BootOptions, 'control' | 'platform'>): Promise<Control> {
  const taken = await stepControl(control, { at: platform.now(), kind: 'writer' }, (present) => ({
    ...present,
    term: present.term + 1,
  }))
  if (!taken) throw new GraySyncError('STORE', 'the control record can’t be written')
  return taken
}

/** Takes the right to send, decides once, and answers which flow comes next. */
export async function boot(o: BootOptions): Promise<Boot> {
  const control = await takeTerm(o)
  const decision = await o.decide(control.owner ?? control.handover?.from ?? 'legacy')
  return { control, decision, next: chooseNext(o, control, decision) }
}

function chooseNext(o: BootOptions, control: Control, decision: Decision): Boot['next'] {
  if (!o.mayHandOver) return 'run'
  if (control.handover) return 'resume'
  return o.canSwitch && decision.engine !== control.owner ? 'handover' : 'run'
}
