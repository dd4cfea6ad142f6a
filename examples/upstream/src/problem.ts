import type { ContentfulStatusCode } from 'hono/utils/http-status'
import * as v from 'valibot'

/** A refusal that the client reads: a code, and what was wrong with which field. Never what the field held. */
export interface Problem {
  code: string
  message: string
  field?: string
}

export class Refusal extends Error {
  readonly status: ContentfulStatusCode
  readonly problem: Problem

  constructor(status: ContentfulStatusCode, problem: Problem, cause?: unknown) {
    super(problem.message, { cause })
    this.status = status
    this.problem = problem
  }
}

export function refuse(status: ContentfulStatusCode, problem: Problem, cause?: unknown): Refusal {
  return new Refusal(status, problem, cause)
}

/** Reads unknown input, or refuses it with the name of the first field that is wrong. */
export function parse<T extends v.GenericSchema>(
  schema: T,
  input: unknown,
  at = '',
): v.InferOutput<T> {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const issue = result.issues[0]
  const field = [at, v.getDotPath(issue)].filter(Boolean).join('.')
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    throw refuse(400, { code: 'PGRST204', message: `${field} is not a column of the table`, field })
  }
  throw refuse(400, {
    code: 'INVALID',
    message: `${field || 'The body'} ${complaint(issue)}`,
    field,
  })
}

// A message of our own says it in words; a generic one of valibot may quote what was received.
function complaint(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith('Invalid')) return issue.message
  const expected = issue.expected === null ? '' : ` (${issue.expected})`
  return `is not valid: ${issue.type.replaceAll('_', ' ')}${expected}`
}

/** PostgreSQL's refusal of data (classes 22 and 23), for example of text that its JSON cannot hold. */
export function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^2[23]...$/.test(String(error.code))
}
