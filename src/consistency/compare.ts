import type { DivergenceKind } from '../model/source.js'
import { type Difference, findDifferences, isEqual } from './equality.js'
import type { RuleSet } from './rules.js'

export type Row = Readonly<Record<string, unknown>>

/** What became of holding two rows against each other. */
export interface Judgement {
  kind: 'equal' | 'defaults' | 'inconclusive' | DivergenceKind
  /** Without those that an engine made by filling in a value. */
  differences: readonly Difference[]
}

const EQUAL: Judgement = { kind: 'equal', differences: [] }
const INCONCLUSIVE: Judgement = { kind: 'inconclusive', differences: [] }

/** Judges the two rows of one key; an absent row is `undefined`. */
export function judge(left: Row | undefined, right: Row | undefined, rules: RuleSet): Judgement {
  const a = living(left, rules)
  const b = living(right, rules)
  if (!a && !b) return EQUAL
  if (!b) return { kind: 'missing', differences: [] }
  if (!a) return { kind: 'extra', differences: [] }
  const all = walkWhole(a, b, rules)
  if (!all) return INCONCLUSIVE
  if (all.length === 0) return EQUAL
  const differences = all.filter((difference) => !isFilledIn(difference))
  return { kind: differences.length === 0 ? 'defaults' : 'changed', differences }
}

/** Whether a row differs for real, as far as one look tells. */
export function isSuspicious({ kind }: Judgement): boolean {
  return kind === 'missing' || kind === 'extra' || kind === 'changed'
}

/** `null` where a row can't be walked to its end: IndexedDB keeps records that hold themselves. */
function walkWhole(left: Row, right: Row, rules: RuleSet): Difference[] | null {
  try {
    return findDifferences(left, right, rules.root)
  } catch {
    return null
  }
}

/** A row that stands for a deleted one is none. */
export function living(row: Row | undefined, rules: RuleSet): Row | undefined {
  return row && rules.isDeleted(row) ? undefined : row
}

function isFilledIn({ rule, left, right }: Difference): boolean {
  return (rule?.fills ?? []).some((fill) => isEqual(fill, left, null) || isEqual(fill, right, null))
}
