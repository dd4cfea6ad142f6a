import { type Evidence, NO_EVIDENCE } from '../engine/guarantee.js'
import { mintId } from '../lib/id.js'
import type { Arm, Subject } from '../model/decision.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Consent } from '../model/record.js'
import {
  type ControlConnection,
  raiseFact,
  readFact,
  settleFact,
  writeFact,
} from '../store/control.js'

/** What is known of this storage profile; kept on disk where there is one. */
export interface Profile {
  /** A random id of this installation; another one from `forget` on. */
  installation: string
  /** What is hashed: the first subject seen, or the installation. Fixed until `forget`. */
  readonly bucketingKey: string
  preference: EngineName | null
  consent: Consent
  evidence: Evidence
}

export async function openProfile(
  platform: Platform,
  control: ControlConnection | null,
  subject: Subject | null,
  consent: Consent,
): Promise<Profile> {
  const mint = () => mintInstallation(platform)
  if (!control) {
    const installation = mint()
    const bucketingKey = subject?.id ?? installation
    return { installation, bucketingKey, preference: null, consent, evidence: NO_EVIDENCE }
  }
  const installation = await settleFact(control, 'installation', mint)
  return {
    installation,
    bucketingKey: await settleFact(control, 'bucketingKey', () => subject?.id ?? installation),
    preference: await readPreference(control),
    consent: (await readFact<Consent>(control, 'consent')) ?? consent,
    evidence: { ...NO_EVIDENCE, ...(await readFact<Evidence>(control, 'evidence')) },
  }
}

export function mintInstallation(platform: Platform): string {
  return mintId(platform.now(), platform.randomBytes(16))
}

/** The user's own choice, in whichever tab it was made. */
export function readPreference(control: ControlConnection): Promise<EngineName | null> {
  return readFact<EngineName>(control, 'preference')
}

/** The arm of a stage is fixed at the first exposure, whatever happens to the device later. */
export async function settleArm(
  control: ControlConnection | null,
  rollout: string,
  stage: string,
  arm: Arm,
): Promise<Arm> {
  const key = `arm:${rollout}/${stage}`
  if (!control) return arm
  return arm === 'none'
    ? ((await readFact<Arm>(control, key)) ?? arm)
    : settleFact(control, key, () => arm)
}

/** The highest rollout version that this profile has taken; in memory where there is no disk. */
export function createSeen(control: ControlConnection | null): {
  read(): Promise<{ version: number }>
  raise(version: number): Promise<boolean>
} {
  let highest = 0
  return {
    async read() {
      return { version: control ? ((await readFact<number>(control, 'version')) ?? 0) : highest }
    },
    async raise(version) {
      if (control) return raiseFact(control, 'version', version)
      const isNew = version >= highest
      highest = Math.max(highest, version)
      return isNew
    },
  }
}

export function keep(
  control: ControlConnection | null,
  key: 'preference' | 'consent',
  value: unknown,
): Promise<void> {
  return control ? writeFact(control, key, value) : Promise.resolve()
}
