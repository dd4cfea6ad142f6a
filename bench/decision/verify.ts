import { join } from 'node:path'
import { loadBundled } from './bundle.js'
import { ROLLOUT } from './contenders/graysync.js'
import { interleave, sampleOfAsync } from './measure.js'

type Door = typeof import('../../src/rollout.js')

const PARAMS = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** Our check of an envelope beside the bare check of the same signature with an imported key. */
export async function measureVerify(): Promise<{ oursNs: number; bareNs: number }> {
  const { signRollout, verifyEnvelope } = await loadBundled<Door>(
    join(import.meta.dirname, '../../src/rollout.ts'),
  )
  const { subtle } = crypto
  const pair = await subtle.generateKey(PARAMS, true, ['sign', 'verify'])
  const [privateKey, publicKey] = await Promise.all(
    [pair.privateKey, pair.publicKey].map(async (key) => ({
      ...(await subtle.exportKey('jwk', key)),
      kid: 'one',
    })),
  )
  if (!privateKey || !publicKey) throw new Error('no keys')
  const envelope = await signRollout(ROLLOUT, privateKey, subtle)
  const keys = [publicKey]
  const at = envelope.lastIndexOf('.')
  const signed = new TextEncoder().encode(envelope.slice(0, at))
  const signature = Buffer.from(envelope.slice(at + 1), 'base64url')
  const [oursNs = Number.NaN, bareNs = Number.NaN] = await interleave(
    [
      sampleOfAsync(() => verifyEnvelope(envelope, keys, subtle)),
      sampleOfAsync(() => subtle.verify(PARAMS, pair.publicKey, signature, signed)),
    ],
    { rounds: 2_001, times: 1, warmUp: 300 },
  )
  return { oursNs, bareNs }
}
