import { murmur3 } from '../lib/murmur.js'
import { isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { makeRecord } from './record.js'
import { scrub } from './scrub.js'

/** Makes a record of something that was thrown, without what may be personal. */
export function toExceptionRecord(platform: Pick<Platform, 'now'>, thrown: unknown): Telling {
  const type = toType(thrown)
  const message = toMessage(thrown)
  const code = isGraySyncError(thrown) ? thrown.code : null
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : null
  return makeRecord(platform, 'error', 'exception', {
    'exception.type': type,
    'exception.message': message,
    'graysync.fingerprint': toFingerprint([type, code ?? '', message]),
    ...(code !== null && { 'graysync.code': code }),
    ...(cause !== null && { 'graysync.cause': scrub(`${toType(cause)}: ${toMessage(cause)}`) }),
  })
}

function toType(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : typeof thrown
}

function toMessage(thrown: unknown): string {
  if (thrown instanceof Error) return scrub(thrown.message)
  return typeof thrown === 'string' ? scrub(thrown) : ''
}

/** The same fault has the same fingerprint in every build and on every device: numbers and quoted names don't count. */
function toFingerprint([type, code, message]: readonly [string, string, string]): string {
  const pattern = message.replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '""').replace(/\d+/g, '0')
  const text = `${type}\n${code}\n${pattern}`
  return [0, 1].map((seed) => murmur3(text, seed).toString(16).padStart(8, '0')).join('')
}
