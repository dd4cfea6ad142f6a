import type { ErrorCode } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Shadow, ShadowComparison } from '../model/shadow.js'
import type { AuditReport } from '../model/source.js'
import { findDifferences } from './equality.js'
import { joinPath } from './path.js'

/** Calls that fail one after the other, and writes that are tried: with these a shadow is switched off. */
const MOST_ERRORS = 5
const MOST_REFUSED = 20
const MOST_PATHS = 20

/** What was seen of a shadow. */
export type Sight =
  | { saw: 'filled' | 'applied' | 'refused' }
  | { saw: 'error'; code: ErrorCode }
  /** Where a plan differs from the owner's. */
  | { saw: 'plan'; paths: readonly string[] }
  | { saw: 'compared'; report: AuditReport; at: number }
  | { saw: 'end'; code: ErrorCode }

/** A shadow under watch. */
export interface Watched {
  shadow: Shadow
  /** Errors since the last call that went well. */
  streak: number
  /** How often plans differed, by path. */
  paths: Readonly<Record<string, number>>
}

export function beginWatch(engine: EngineName): Watched {
  const plans = { same: 0, different: 0 }
  return {
    shadow: { engine, state: 'filling', applied: 0, refused: 0, errors: 0, plans, compared: null },
    streak: 0,
    paths: {},
  }
}

/** Counts a sight, and switches the shadow off where it was one too many. What is seen of one that is off changes nothing. */
export function watch(watched: Watched, sight: Sight): Watched {
  const { shadow, streak, paths } = watched
  if (shadow.state === 'off') return watched
  switch (sight.saw) {
    case 'filled':
      return { ...watched, shadow: { ...shadow, state: 'running' } }
    case 'applied':
      return { ...watched, streak: 0, shadow: { ...shadow, applied: shadow.applied + 1 } }
    case 'refused': {
      const next = { ...shadow, refused: shadow.refused + 1 }
      return { ...watched, shadow: next.refused < MOST_REFUSED ? next : off(next, 'SUSPENDED') }
    }
    case 'error': {
      const next = { ...shadow, errors: shadow.errors + 1 }
      const isLast = streak + 1 >= MOST_ERRORS
      return { ...watched, streak: streak + 1, shadow: isLast ? off(next, sight.code) : next }
    }
    case 'plan': {
      const { same, different } = shadow.plans
      const isSame = sight.paths.length === 0
      const plans = isSame ? { same: same + 1, different } : { same, different: different + 1 }
      return { ...watched, shadow: { ...shadow, plans }, paths: countPaths(paths, sight.paths) }
    }
    case 'compared': {
      const compared = summarise(sight.report, sight.at)
      return { ...watched, shadow: { ...shadow, compared } }
    }
    case 'end':
      return { ...watched, shadow: off(shadow, sight.code) }
  }
}

function off(shadow: Shadow, because: ErrorCode): Shadow {
  return { ...shadow, state: 'off', because }
}

function countPaths(
  counts: Readonly<Record<string, number>>,
  paths: readonly string[],
): Readonly<Record<string, number>> {
  const next = { ...counts }
  for (const path of paths) {
    const isKnown = Object.hasOwn(next, path)
    if (isKnown || Object.keys(next).length < MOST_PATHS) next[path] = (next[path] ?? 0) + 1
  }
  return next
}

function summarise({ tables, divergences }: AuditReport, at: number): ShadowComparison {
  const sum = (name: 'compared' | 'missing' | 'extra' | 'changed') =>
    tables.reduce((total, table) => total + table[name], 0)
  const paths = new Set(
    divergences.flatMap((one) => one.paths.map((path) => `${one.table}.${path}`)),
  )
  return {
    at,
    rows: sum('compared'),
    missing: sum('missing'),
    extra: sum('extra'),
    changed: sum('changed'),
    paths: [...paths].sort().slice(0, MOST_PATHS),
  }
}

/** Where two lists of planned requests differ: method, address, and bodies whatever the order of their keys. Never a value. */
export function comparePlans(mine: unknown, theirs: unknown): string[] {
  const [left, right] = [mine, theirs].map(toComparable)
  const found = findDifferences(left, right, null).map(({ steps }) => joinPath(steps) || 'requests')
  return [...new Set(found)]
}

/** Requests as one tree; a body that is JSON counts as what it says. */
function toComparable(plan: unknown): unknown {
  if (!Array.isArray(plan)) return plan
  return plan.map((request: Readonly<Record<string, unknown>>) => ({
    method: String(request.method ?? 'GET').toUpperCase(),
    url: String(request.url),
    body: readBody(request.body),
  }))
}

function readBody(body: unknown): unknown {
  if (typeof body !== 'string') return body
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
