import {
  blames,
  blamesAnswer,
  isNeutral,
  type Observation,
  toAnswerFingerprint,
  toFingerprint,
} from '../engine/outcome.js'
import type { Answer } from '../engine/transport.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'
import type { Breaker } from './breaker.js'

/** The same fault counts once in this time. */
const AGAIN_MS = 10_000
const PROBE_MS = 5_000
/** Three operations that waited so long, and nothing was answered meanwhile. */
const SILENT_MS = 120_000
const SILENT_OPERATIONS = 3
const LOOK_MS = 10_000

export interface WatchOptions {
  platform: Platform
  breaker: Breaker
  /** A neutral place to ask where a fault names none: the rollout. */
  url: string | null
  /** Hands on what the engine did not take. */
  pump(): Promise<void>
  epoch(): number | null
  /** Its sends are refused by the rollout. */
  isKilled(): boolean
  report(cause: unknown): void
  signal: AbortSignal
}

/** Judges what is seen of the refactored engine. */
export interface Watch {
  see(observation: Observation): void
}

export function createWatch(o: WatchOptions): Watch {
  const { platform, breaker, signal } = o
  /** When a fault last counted, by its fingerprint. */
  const counted = new Map<string, number>()
  /** Handed over and not answered. */
  const unanswered = new Set<string>()
  let silentMs = 0
  let lastLook = 0
  let cancel: (() => void) | null = null

  /** What the server itself does is nobody's fault here. */
  const isServing = async (url: string | null): Promise<boolean> => {
    if (!platform.online()) return false
    if (url === null) return true
    const asking = platform.fetch(url, { method: 'HEAD', cache: 'no-store', signal })
    const late = () => new GraySyncError('NETWORK', 'no answer in time')
    return withinTime(platform, PROBE_MS, asking, late).then(
      ({ status }) => status < 500,
      () => false,
    )
  }

  /** The rollout, whose address may be relative to the page, where it lies beside what failed; else the root of what failed. */
  const toProbe = (failed: string): string => {
    const { origin } = new URL(failed)
    const beside = new URL(o.url ?? '/', globalThis.document?.baseURI ?? failed)
    return beside.origin === origin ? beside.href : `${origin}/`
  }

  const fail = async (fingerprint: string, probe: string | null): Promise<void> => {
    const now = platform.monotonic()
    if (now - (counted.get(fingerprint) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return
    counted.set(fingerprint, now)
    // Under suspicion: what it did not take is tried again as soon as that counts.
    platform.setTimer(() => signal.aborted || void o.pump(), AGAIN_MS)
    if (!(await isServing(probe))) return
    breaker.take({ kind: 'failure', at: platform.now(), epoch: o.epoch() ?? 0 })
    await breaker.keep()
  }

  const judgePush = async (opId: string, error: GraySyncError | null): Promise<void> => {
    if (!error) return void unanswered.add(opId)
    if (blames(error)) await fail(toFingerprint(error), o.url)
  }

  const judgeAnswer = async (answer: Answer): Promise<void> => {
    // Signed out, or too often: that is an answer too.
    if (isNeutral(answer.status)) silentMs = 0
    if (answer.status < 400 && answer.isWrite) {
      silentMs = 0
      // One that names its operation is counted when that operation ends.
      if (!answer.hasOperation) breaker.take({ kind: 'ok' })
    }
    if (blamesAnswer(answer)) await fail(toAnswerFingerprint(answer), toProbe(answer.url))
  }

  const forget = () => {
    unanswered.clear()
    silentMs = 0
  }

  const judge = async (seen: Observation): Promise<void> => {
    if (breaker.isOpen()) return
    switch (seen.kind) {
      case 'start':
        if (seen.error.code === 'ENGINE_START' && blames(seen.error) && (await isServing(null))) {
          await breaker.trip('start', { message: seen.error.message })
        }
        return
      case 'pushed':
        return judgePush(seen.opId, seen.error)
      case 'acked':
        unanswered.delete(seen.opId)
        silentMs = 0
        return breaker.take({ kind: 'ok' })
      case 'failed':
        unanswered.delete(seen.opId)
        silentMs = 0
        return blames(seen.cause) ? fail(toFingerprint(seen.cause), o.url) : undefined
      case 'answered':
        return judgeAnswer(seen.answer)
      case 'left':
        return forget()
      case 'stopped':
        forget()
        return breaker.keep()
    }
  }

  const look = async (): Promise<void> => {
    const since = platform.monotonic() - lastLook
    lastLook += since
    // A page that slept has seen nothing, and neither has its engine.
    const isHeard = since < 2 * LOOK_MS && platform.online() && !o.isKilled()
    if (isHeard && unanswered.size >= SILENT_OPERATIONS) silentMs += since
    else silentMs = 0
    if (silentMs >= SILENT_MS && !breaker.isOpen() && (await isServing(o.url))) {
      await breaker.trip('silence', { operations: unanswered.size })
    }
    await breaker.keep()
  }
  /** Where nothing is seen there is nothing to look at. */
  const lookLater = () => {
    cancel ??= platform.setTimer(() => {
      cancel = null
      look().catch(o.report)
      if (unanswered.size > 0) lookLater()
    }, LOOK_MS)
  }
  signal.addEventListener('abort', () => cancel?.(), { once: true })

  return {
    see(seen) {
      if (signal.aborted) return
      if (!cancel) lastLook = platform.monotonic()
      lookLater()
      judge(seen).catch(o.report)
    },
  }
}
