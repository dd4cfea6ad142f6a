import { mintId } from '../lib/id.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Feedback, TelemetryRecord } from '../model/record.js'

const CATEGORIES: readonly unknown[] = ['bug', 'idea', 'question', 'praise', 'other']
const RATINGS: readonly unknown[] = [1, 2, 3, 4, 5]
const SCORES: Readonly<Record<string, readonly [number, number]>> = { csat: [1, 5], nps: [0, 10] }
const FILE_BYTES = 5_000_000
const FILE_TYPE = /^(image\/(png|jpeg|webp|gif)|text\/plain|application\/(json|pdf))$/
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
  check(entry)
  const { text, category = 'other', rating, severity, contact = '', context = {}, id } = entry
  const { survey, file } = entry
  const at = platform.now()
  return {
    uid: id ?? mintId(at, platform.randomBytes(16)),
    name: survey ? 'graysync.survey.answered' : 'graysync.feedback.submitted',
    at,
    lane: 'feedback',
    attributes: {
      ...(survey && {
        'graysync.survey.id': survey.id,
        'graysync.survey.kind': survey.kind,
        'graysync.survey.score': survey.score,
      }),
      ...(!survey && { 'graysync.feedback.category': category }),
      ...(file && {
        'graysync.feedback.file.type': file.type,
        'graysync.feedback.file.bytes': file.size,
      }),
      ...(rating !== undefined && { 'graysync.feedback.rating': rating }),
      ...(severity !== undefined && { 'graysync.feedback.severity': severity }),
      ...(contact.trim() !== '' && { 'graysync.feedback.contact': contact.trim() }),
      ...toFacts(context),
    },
    body: text.trim(),
  }
}

/** Throws FEEDBACK with the name of the first field that is wrong. */
function check(entry: Feedback): void {
  if (typeof entry !== 'object' || entry === null) {
    throw new GraySyncError('FEEDBACK', `feedback: wanted an object, got ${String(entry)}`)
  }
  const {
    text,
    category = 'other',
    rating,
    severity = 'low',
    contact = '',
    id = 'to-be-made',
  } = entry
  checkText('text', text, TEXT_LENGTH)
  if (text.trim() === '' && rating === undefined && !entry.survey) {
    refuse('text', 'a word or a rating', text)
  }
  checkOneOf('category', category, CATEGORIES)
  checkOneOf('rating', rating ?? 1, RATINGS)
  checkOneOf('severity', severity, SEVERITIES)
  checkText('contact', contact, CONTACT_LENGTH)
  if (typeof id !== 'string' || !ID.test(id)) refuse('id', '8 to 64 letters, digits, _ or -', id)
  if (entry.survey !== undefined) checkAnswer(entry.survey)
  if (entry.file !== undefined) checkFile(entry.file)
}

function checkAnswer(answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) refuse('survey', 'an object', answer)
  const { id, kind, score } = answer as Partial<Record<string, unknown>>
  if (typeof id !== 'string' || id === '') refuse('survey.id', 'a text that is not empty', id)
  checkText('survey.id', id, NAME_LENGTH)
  checkOneOf('survey.kind', kind, Object.keys(SCORES))
  const [from, to] = SCORES[String(kind)] ?? [0, 0]
  const isScore = Number.isInteger(score) && Number(score) >= from && Number(score) <= to
  if (!isScore) refuse('survey.score', `an integer from ${from} to ${to}`, score)
}

function checkFile(file: unknown): void {
  if (!(file instanceof Blob)) refuse('file', 'a Blob', file)
  else if (!FILE_TYPE.test(file.type)) refuse('file', 'a picture, text, JSON or PDF', file.type)
  else if (file.size > FILE_BYTES) refuse('file', `at most ${FILE_BYTES} bytes`, file.size)
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
      if (typeof value === 'string') checkText(field, value, FACT_LENGTH)
      else if (typeof value !== 'boolean' && !Number.isFinite(value)) {
        refuse(field, 'a text, a number or a boolean', value)
      }
      return [`graysync.feedback.context.${name}`, value]
    }),
  )
}

function checkText(field: string, value: unknown, length: number): void {
  if (typeof value !== 'string') refuse(field, 'a text', value)
  else if (value.trim().length > length) refuse(field, `at most ${length} characters`, value)
}

function checkOneOf(field: string, value: unknown, allowed: readonly unknown[]): void {
  if (!allowed.includes(value)) refuse(field, `one of ${allowed.join(', ')}`, value)
}

function refuse(field: string, wanted: string, got: unknown): never {
  const shown = typeof got === 'string' ? `"${got.slice(0, 40)}"` : String(got)
  throw new GraySyncError('FEEDBACK', `feedback.${field}: wanted ${wanted}, got ${shown}`)
}
