import { isGraySyncError } from '../../src/model/errors.js'
import {
  compileRollout,
  type DecisionInput,
  parseRollout,
  type Rollout,
  signRollout,
  verifyEnvelope,
} from '../../src/rollout.js'
import type { NamedKey } from '../keys.js'

export interface Fuzzed {
  line: string
  failures: string[]
}

interface Keys {
  private: NamedKey
  public: NamedKey
}

type Random = (below: number) => number

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }

const NOISE: readonly unknown[] = [
  null,
  undefined,
  true,
  '',
  -1,
  1e308,
  'refactored',
  [],
  {},
  [[]],
  '\ud800',
  100_000,
  'a'.repeat(5_000),
]

/**
 * Breaks envelopes and payloads in every way it can think of, and checks two things: nothing but a GraySyncError is ever thrown,
 * and no envelope but the very one that was signed is ever verified, so that no unverified byte decides.
 */
export async function fuzzRollout(runs: number, seed: number): Promise<Fuzzed> {
  const random = randomOf(seed)
  const [keys, stranger] = await Promise.all([makeKeys('pinned'), makeKeys('pinned')])
  const envelope = await signRollout(everybody(), keys.private, crypto.subtle)
  const counts = { verified: 0, parsed: 0, refused: 0, legacy: 0 }
  const failures: string[] = []
  const attempt = async (run: number, trial: () => Promise<void> | void): Promise<void> => {
    try {
      await trial()
    } catch (error) {
      counts.refused += 1
      if (!isGraySyncError(error)) failures.push(`seed ${seed}, run ${run}: ${String(error)}`)
    }
  }

  for (let run = 0; run < runs; run++) {
    const broken =
      run % 50 === 0
        ? await signRollout(everybody(), stranger.private, crypto.subtle)
        : breakText(envelope, random)
    await attempt(run, async () => {
      const bytes = await verifyEnvelope(broken, [keys.public], crypto.subtle)
      counts.verified += 1
      if (broken !== envelope)
        failures.push(`seed ${seed}, run ${run}: verified ${broken.slice(0, 200)}`)
      compileRollout(parseRollout(bytes))(input())
    })
    await attempt(run, () => {
      const rollout = parseRollout(breakPayload(random))
      counts.parsed += 1
      const decision = compileRollout(rollout)(input())
      decision.explain()
      if (decision.engine === 'legacy') counts.legacy += 1
    })
  }
  const line = `fuzz:rollout seed ${seed}: ${runs} envelopes (${counts.verified} verified, being whole) and ${runs} payloads (${counts.parsed} parsed, ${counts.legacy} of them legacy), ${counts.refused} refused, ${failures.length} failures`
  return { line, failures }
}

/** A generator that a seed repeats (mulberry32). */
function randomOf(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

async function makeKeys(kid: string): Promise<Keys> {
  const pair = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const [secret, open] = await Promise.all([
    crypto.subtle.exportKey('jwk', pair.privateKey),
    crypto.subtle.exportKey('jwk', pair.publicKey),
  ])
  return { private: { ...secret, kid } as NamedKey, public: { ...open, kid } as NamedKey }
}

function everybody(): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version: 1,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'salt' },
    segments: [
      {
        name: 'all',
        constraints: [
          { attribute: 'plan', operator: 'NOT_IN', values: ['none'] },
          { attribute: 'plan', operator: 'REGEX', value: '^x', inverted: true },
          { attribute: 'app', operator: 'SEMVER_GT', value: '1.0.0' },
          { attribute: 'cards', operator: 'NUM_GTE', value: '1' },
          { attribute: 'currentTime', operator: 'DATE_AFTER', value: '2020-01-01T00:00:00Z' },
        ],
      },
    ],
    deny: ['x'],
    allow: ['y'],
    preference: { optIn: true, optOut: true },
    holdout: 0,
    stage: 'all',
    stages: [{ name: 'all', share: 100_000, startAt: 0, where: ['all'], probation: { days: 1 } }],
    shadow: { share: 1 },
    audit: { intervalMs: 1, sample: 1 },
    telemetry: { sample: 1 },
    guardrails: {},
    feedback: {},
  }
}

function input(): DecisionInput {
  return {
    subject: { id: 'user-1', attributes: { plan: 'pro', app: '2.0.0', cards: 3, tags: ['a'] } },
    now: 1_800_000_000_000,
    owner: 'legacy',
    preference: null,
    rolledBack: false,
    supported: true,
    override: null,
    cached: false,
  }
}

const ALPHABET = 'ABCxyz019-_.=+/ \n\0é{}"'

function breakText(text: string, random: Random): string {
  let broken = text
  for (let times = random(3); times >= 0; times--) {
    const at = random(broken.length + 1)
    const length = random(2) ? 1 : random(40)
    const noise = Array.from({ length: random(4) }, () => ALPHABET[random(ALPHABET.length)]).join(
      '',
    )
    const parts = broken.split('.')
    const ways: readonly (() => string)[] = [
      () => broken.slice(0, at) + noise + broken.slice(at + length),
      () => broken.slice(0, at),
      () => broken.slice(0, at) + broken.slice(at, at + length) + broken.slice(at),
      () => [parts[random(3)], parts[random(3)], parts[random(3)]].join('.'),
      () => [forgeHeader(random), ...parts.slice(1)].join('.'),
      () => [parts[0], Buffer.from(breakPayload(random)).toString('base64url'), parts[2]].join('.'),
    ]
    broken = ways[random(ways.length)]?.() ?? broken
  }
  return broken
}

function forgeHeader(random: Random): string {
  const alg = ['ES256', 'EdDSA', 'none', 'HS256', 'ES256K', null, 7][random(7)]
  const kid = ['pinned', 'other', '', null, ['pinned'], { pinned: 1 }][random(6)]
  const header = [{ alg, kid }, [alg, kid], kid, null, { alg, kid, crit: ['b64'], b64: false }][
    random(5)
  ]
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

function breakPayload(random: Random): Uint8Array {
  const document: unknown = structuredClone(everybody())
  for (let times = random(3); times >= 0; times--) replaceSomewhere(document, random)
  const bytes = new TextEncoder().encode(JSON.stringify(document))
  if (random(3) > 0) return bytes
  const at = random(bytes.length)
  bytes[at] = random(256)
  return random(2) ? bytes : bytes.slice(0, random(bytes.length))
}

function replaceSomewhere(document: unknown, random: Random): void {
  let holder = document as Record<string, unknown>
  for (;;) {
    const names = Object.keys(holder)
    const name = names[random(names.length)]
    if (name === undefined) return
    const inner = holder[name]
    if (typeof inner === 'object' && inner !== null && random(4) > 0) {
      holder = inner as Record<string, unknown>
      continue
    }
    if (random(8) === 0) holder[`${name}${random(9)}`] = inner
    else holder[name] = structuredClone(NOISE[random(NOISE.length)])
    return
  }
}
