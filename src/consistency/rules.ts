import { valueAt } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { CompareRules, IdleRule, TableRules } from '../model/source.js'
import { ANY, liesBeneath, parsePath, type Step } from './path.js'

/** A rule as the host wrote it, and what it met so far; `because` is `null` once it met something it rules. */
interface Written {
  rule: keyof TableRules
  path: string
  steps: readonly Step[]
  value: unknown
  because: IdleRule['because'] | null
}

/** What holds at one place of a row, and beneath it: a node of the trie of all paths. */
export interface Rule {
  named: ReadonlyMap<string, Rule>
  any: Rule | null
  ignored: boolean
  /** Values that an engine fills in by itself. */
  fills: readonly unknown[]
  unordered: boolean
  tolerance: number
  shown: boolean
  /** Rules of this place that met nothing yet. */
  waiting: Written[]
}

/** The rules of one table, ready for walking. */
export interface RuleSet {
  root: Rule
  isDeleted(row: Readonly<Record<string, unknown>>): boolean
  idle(): IdleRule[]
  /** Places that never count. */
  ignored(): (readonly Step[])[]
}

type Row = Readonly<Record<string, unknown>>

const NAMES: readonly (keyof TableRules)[] = [
  'ignore',
  'defaults',
  'unordered',
  'tolerance',
  'show',
  'tombstone',
]

/** Compiles the rules of all tables; throws OPTION naming the rule that can't apply. */
export function compileRules(rules: CompareRules): ReadonlyMap<string, RuleSet> {
  const tables = Object.entries(rules.tables)
  return new Map(tables.map(([table, written]) => [table, compileTable(written, table)]))
}

/** Compiles the rules of one table; a table without any counts every field. */
export function compileTable(rules: TableRules, table: string): RuleSet {
  const written = readRules(rules, `compare.tables.${table}`)
  const steps = written.find(({ rule }) => rule === 'tombstone')?.steps as string[] | undefined
  return {
    root: build(written.map((one) => ({ one, rest: one.steps }))),
    isDeleted: steps ? (row: Row) => valueAt(row, steps) === true : () => false,
    ignored: () =>
      written.flatMap(({ rule, steps }) =>
        rule === 'ignore' || rule === 'tombstone' ? [steps] : [],
      ),
    idle: () =>
      written.flatMap(({ rule, path, because }) => (because ? [{ rule, path, because }] : [])),
  }
}

/** The rule of a field or member; what is said of any name holds for a named one too. */
export function ruleAt(rule: Rule, name: string): Rule | null {
  return rule.named.get(name) ?? rule.any
}

/** Notes that a rule's place holds a value. */
export function meet(rule: Rule, value: unknown): void {
  rule.waiting = rule.waiting.filter((written) => {
    const fits = isFit(written.rule, value)
    if (fits) written.because = null
    else if (value !== undefined && value !== null) written.because = 'unfit'
    return !fits
  })
}

function isFit(rule: keyof TableRules, value: unknown): boolean {
  if (rule === 'unordered') return Array.isArray(value)
  return rule === 'tolerance' ? typeof value === 'number' : true
}

function readRules(rules: TableRules, at: string): Written[] {
  const strange = Object.keys(rules).find((name) => !(NAMES as readonly string[]).includes(name))
  if (strange) throw new GraySyncError('OPTION', `${at}.${strange}: there is no such rule`)
  const lists = (['ignore', 'unordered', 'show'] as const).flatMap((rule) =>
    (rules[rule] ?? []).map((path) => read(rule, path, true, at)),
  )
  const valued = (['defaults', 'tolerance'] as const).flatMap((rule) =>
    Object.entries(rules[rule] ?? {}).map(([path, value]) => read(rule, path, value, at)),
  )
  const { tombstone } = rules
  const written = [...lists, ...valued]
  if (tombstone !== undefined) written.push(read('tombstone', tombstone, true, at))
  for (const one of written) refuseHidden(one, written, at)
  return written
}

function read(rule: keyof TableRules, path: string, value: unknown, at: string): Written {
  const refuse = (why: string) => new GraySyncError('OPTION', `${at}.${rule} "${path}": ${why}`)
  const steps = parsePath(path)
  if (!steps) throw refuse('a step of the path is empty')
  if (rule === 'tombstone' && steps.includes(ANY)) throw refuse('must name one place, without *')
  if (rule === 'tolerance' && !(typeof value === 'number' && value > 0 && value < Infinity)) {
    throw refuse(`wants a number above 0, got ${String(value)}`)
  }
  if (rule === 'defaults' && !(Array.isArray(value) && value.length > 0)) {
    throw refuse('wants a list of values')
  }
  return { rule, path, steps, value, because: 'unseen' }
}

/** A list without order is judged as a whole, and what is ignored not at all: a rule beneath would never apply. */
function refuseHidden(one: Written, all: readonly Written[], at: string): void {
  if (one.rule === 'ignore' || one.rule === 'tombstone') return
  const over = all.find(
    (other) =>
      other !== one &&
      (other.rule === 'ignore' || (other.rule === 'unordered' && isInside(one, other))) &&
      liesBeneath(one.steps, other.steps),
  )
  if (!over) return
  throw new GraySyncError(
    'OPTION',
    `${at}.${one.rule} "${one.path}" never applies: ${over.rule} "${over.path}" stands above it`,
  )
}

function isInside(one: Written, list: Written): boolean {
  return one.rule !== 'unordered' && one.steps.length > list.steps.length
}

interface Placed {
  one: Written
  rest: readonly Step[]
}

function build(placed: readonly Placed[]): Rule {
  const here = placed.filter(({ rest }) => rest.length === 0).map(({ one }) => one)
  const below = (fits: (step: Step) => boolean) =>
    placed.flatMap(({ one, rest: [step, ...rest] }) =>
      step !== undefined && fits(step) ? [{ one, rest }] : [],
    )
  const names = new Set(
    placed.flatMap(({ rest: [step] }) => (typeof step === 'string' ? step : [])),
  )
  const anywhere = below((step) => step === ANY)
  const valuesOf = (rule: keyof TableRules) =>
    here.filter((one) => one.rule === rule).map(({ value }) => value)
  return {
    named: new Map(
      [...names].map((name) => [name, build(below((step) => step === name || step === ANY))]),
    ),
    any: anywhere.length > 0 ? build(anywhere) : null,
    ignored: here.some(({ rule }) => rule === 'ignore' || rule === 'tombstone'),
    fills: valuesOf('defaults').flat(),
    unordered: valuesOf('unordered').length > 0,
    tolerance: Math.max(0, ...(valuesOf('tolerance') as number[])),
    shown: valuesOf('show').length > 0,
    waiting: here,
  }
}
