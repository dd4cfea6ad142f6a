/** What is wrong with a value, and where: `path` in the notation of JSON path, from the value on. */
export interface Wrong {
  path: string
  want: string
  got: unknown
}

interface RecordShape {
  is: 'record'
  /** Members that must be there; others than these and `may` are not looked at. */
  has?: Readonly<Record<string, Shape>>
  /** Members that may be absent. */
  may?: Readonly<Record<string, Shape>>
}

interface ListShape {
  is: 'list'
  of: Shape
  most: number
}

interface NumberShape {
  is: 'an integer' | 'a number'
  from: number
  to: number
}

interface ChoiceShape {
  is: 'one'
  of: readonly unknown[]
}

interface SuchShape {
  is: 'such'
  want: string
  that(value: unknown): boolean
}

/**
 * What a value must be. Plain data that few functions read: at a cold start a function costs more than all that it looks at,
 * and those that run most are kept so small that no browser stops to compile them.
 */
export type Shape =
  | 'text'
  | 'flag'
  | RecordShape
  | ListShape
  | NumberShape
  | ChoiceShape
  | SuchShape
  | ((value: unknown) => Wrong | null)

type Kind = 'text' | 'flag' | Exclude<Shape, string | ((value: unknown) => Wrong | null)>['is']

/** Looks at a value and answers the first thing that is wrong, or `null`. */
export function findWrong(shape: Shape, value: unknown): Wrong | null {
  if (typeof shape === 'function') return shape(value)
  return LOOKS[typeof shape === 'string' ? shape : shape.is](shape as never, value)
}

/** Says of what is wrong inside of a value where that is. */
export function within(step: string, wrong: Wrong): Wrong {
  return { ...wrong, path: step + wrong.path }
}

const LOOKS: Readonly<Record<Kind, (shape: never, value: unknown) => Wrong | null>> = {
  text: findWrongText,
  flag: (_: never, value) => (typeof value === 'boolean' ? null : miss('true or false', value)),
  record: findWrongRecord,
  list: findWrongList,
  'an integer': findWrongNumber,
  'a number': findWrongNumber,
  one: findWrongChoice,
  such: ({ want, that }: SuchShape, value) => (that(value) ? null : miss(want, value)),
}

function miss(want: string, got: unknown): Wrong {
  return { path: '', want, got }
}

function findWrongText(_: never, value: unknown): Wrong | null {
  return typeof value === 'string' && value !== '' ? null : miss('a text that is not empty', value)
}

function findWrongNumber({ is, from, to }: NumberShape, value: unknown): Wrong | null {
  const isWithin = typeof value === 'number' && value >= from && value <= to
  if (isWithin && (is === 'a number' || Number.isInteger(value))) return null
  return miss(`${is} from ${from} to ${to}`, value)
}

function findWrongChoice({ of }: ChoiceShape, value: unknown): Wrong | null {
  if (of.includes(value)) return null
  return miss(of.map((one) => JSON.stringify(one)).join(' or '), value)
}

function findWrongRecord({ has, may }: RecordShape, value: unknown): Wrong | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return miss('an object', value)
  }
  const members = value as Members
  return findInRecord(has, members, false) ?? findInRecord(may, members, true)
}

type Members = Readonly<Record<string, unknown>>

function findInRecord(
  shapes: Readonly<Record<string, Shape>> | undefined,
  members: Members,
  mayLack: boolean,
): Wrong | null {
  for (const name in shapes) {
    const value = members[name]
    if (mayLack && value === undefined) continue
    const wrong = findWrong(shapes[name] as Shape, value)
    if (wrong) return within(`.${name}`, wrong)
  }
  return null
}

function findWrongList({ of, most }: ListShape, value: unknown): Wrong | null {
  if (!Array.isArray(value)) return miss('a list', value)
  if (value.length > most) return miss(`a list of at most ${most}`, `${value.length} members`)
  for (let at = 0; at < value.length; at++) {
    const wrong = findWrong(of, value[at])
    if (wrong) return within(`[${at}]`, wrong)
  }
  return null
}
