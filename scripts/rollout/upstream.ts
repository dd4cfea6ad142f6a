import type { Rollout } from '../../src/model/rollout.js'
import { parseRollout, signRollout, verifyEnvelope } from '../../src/rollout.js'
import type { Keys } from '../keys.js'

/** The published rollout, checked as a client checks it; `null` where nothing is published yet. */
export async function readPublished(url: string, keys: Keys): Promise<Rollout | null> {
  const response = await ask(url)
  if (response.status === 404) return null
  if (!response.ok)
    throw new Error(`GET ${url} answered ${response.status}: ${await say(response)}`)
  const envelope = await response.text()
  return parseRollout(await verifyEnvelope(envelope, keys.public, crypto.subtle))
}

export async function publish(url: string, rollout: Rollout, keys: Keys): Promise<void> {
  const body = await signRollout(rollout, keys.private, crypto.subtle)
  const response = await ask(url, {
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/jose' },
  })
  if (!response.ok)
    throw new Error(`PUT ${url} answered ${response.status}: ${await say(response)}`)
}

async function ask(url: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) })
  } catch (cause) {
    throw new Error(`${url} doesn't answer; is the upstream running (npm start)?`, { cause })
  }
}

async function say(response: Response): Promise<string> {
  return (await response.text()).slice(0, 300) || response.statusText
}
