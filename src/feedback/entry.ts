import { mintId } from '../lib/id.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Feedback, TelemetryRecord } from '../model/record.js'

const CATEGORIES: readonly unknown[] = ['bug', 'idea', 'question', 'praise', 'other']
const SEVERITIES: readonly unknown[] = ['low', 'medium', 'high']
const TEXT_LENGTH = 10_000
const CONTACT_LENGTH = 254
const FACTS = 30
const NAME_LENGTH = 64
const FACT_LENGTH = 1_000
const ID = /^[\w-]{8,64}$/

/**
 * Makes the record of what a user says about the app. Nothing is added that the user did not see:
 * only the context that came with the entry goes along.
 */
export function toFeedbackRecord(
  platform: Pick<Platform, 'now' | 'randomBytes'>,
  entry: Feedback,
): TelemetryRecord {
  if (typeof entry !== 'object' || entry === null) {
    throw new GraySyncError('FEEDBACK', `feedback: wanted an object, got ${String(entry)}`)
  }
  const { category = 'other', rating, severity, contact, context = {}, id } = entry
  const text = toText('text', entry.text, TEXT_LENGTH)
  if (text === '' && rating === undefined) refuse('text', 'say something or rate', entry.text)
  if (!CATEGORIES.includes(category)) refuse('category', CATEGORIES.join(', '), category)
  if (rating !== undefined && ![1, 2, 3, 4, 5].includes(rating)) {
    refuse('rating', 'a whole number from 1 to 5', rating)
  }
  if (severity !== undefined && !SEVERITIES.includes(severity)) {
    refuse('severity', SEVERITIES.join(', '), severity)
  }
  if (id !== undefined && !(typeof id === 'string' && ID.test(id)))
    refuse('id', '8 to 64 letters, digits, _ or -', id)

  const at = platform.now()
  const address = contact === undefined ? '' : toText('contact', contact, CONTACT_LENGTH)
  return {
    uid: id ?? mintId(at, platform.randomBytes(16)),
    name: 'graysync.feedback.submitted',
    at,
    lane: 'feedback',
    attributes: {
      'graysync.feedback.category': category,
      ...(rating !== undefined && { 'graysync.feedback.rating': rating }),
      ...(severity !== undefined && { 'graysync.feedback.severity': severity }),
      ...(address !== '' && { 'graysync.feedback.contact': address }),
      ...toFacts(context),
    },
    body: text,
  }
}

function toFacts(context: unknown): Record<string, string | number | boolean> {
  if (typeof context !== 'object' || context === null) refuse('context', 'an object', context)
  const facts = Object.entries(context)
  if (facts.length > FACTS) refuse('context', `at most ${FACTS} facts`, `${facts.length}`)
  return Object.fromEntries(
    facts.map(([name, value]) => {
      const field = `context.${name.slice(0, NAME_LENGTH)}`
      if (name.length > NAME_LENGTH)
        refuse(field, `a name of at most ${NAME_LENGTH} characters`, name)
      if (typeof value === 'string') toText(field, value, FACT_LENGTH)
      else if (typeof value !== 'boolean' && !Number.isFinite(value)) {
        refuse(field, 'a text, a number or a boolean', value)
      }
      return [`graysync.feedback.context.${name}`, value]
    }),
  )
}

function toText(field: string, value: unknown, length: number): string {
  if (typeof value !== 'string') refuse(field, 'a text', value)
  const text = value.trim()
  if (text.length > length) refuse(field, `at most ${length} characters`, `${text.length}`)
  return text
}

function refuse(field: string, wanted: string, got: unknown): never {
  const shown = typeof got === 'string' ? `"${got.slice(0, 40)}"` : String(got)
  throw new GraySyncError('FEEDBACK', `feedback.${field}: wanted ${wanted}, got ${shown}`)
}
