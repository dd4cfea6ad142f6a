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
 * and those that run most are kept small enough that no browser stops to compile them.
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

type Simple = Exclude<Shape, (value: unknown) => Wrong | null>

/** Looks at a value and answers the first thing that is wrong, or `null`. */
export function findWrong(shape: Shape, value: unknown): Wrong | null {
  if (typeof shape === 'function') return shape(value)
  if (!fits(shape, value)) return miss(shape, value)
  if (typeof shape === 'string') return null
  if (shape.is === 'list') return findInList(shape.of, value as readonly unknown[])
  if (shape.is !== 'record') return null
  const members = value as Readonly<Record<string, unknown>>
  for (const name in shape.has) {
    const wrong = findWrong(shape.has[name] as Shape, members[name])
    if (wrong) return within(`.${name}`, wrong)
  }
  for (const name in shape.may) {
    const wrong =
      members[name] === undefined ? null : findWrong(shape.may[name] as Shape, members[name])
    if (wrong) return within(`.${name}`, wrong)
  }
  return null
}

/** Says of what is wrong inside of a value where that is. */
export function within(step: string, wrong: Wrong): Wrong {
  return { ...wrong, path: step + wrong.path }
}

/** Whether the value itself is right, whatever it holds. */
function fits(shape: Simple, value: unknown): boolean {
  if (shape === 'text') return typeof value === 'string' && value !== ''
  if (shape === 'flag') return typeof value === 'boolean'
  switch (shape.is) {
    case 'record':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'list':
      return Array.isArray(value) && value.length <= shape.most
    case 'one':
      return shape.of.includes(value)
    case 'such':
      return shape.that(value)
    default:
      if (typeof value !== 'number' || !(value >= shape.from && value <= shape.to)) return false
      return shape.is === 'a number' || Number.isInteger(value)
  }
}

function findInList(shape: Shape, list: readonly unknown[]): Wrong | null {
  for (let at = 0; at < list.length; at++) {
    const wrong = findWrong(shape, list[at])
    if (wrong) return within(`[${at}]`, wrong)
  }
  return null
}

function miss(shape: Simple, value: unknown): Wrong {
  const isTooLong = Array.isArray(value) && typeof shape === 'object' && shape.is === 'list'
  return isTooLong
    ? { path: '', want: `a list of at most ${shape.most}`, got: `${value.length} members` }
    : { path: '', want: describe(shape), got: value }
}

function describe(shape: Simple): string {
  if (shape === 'text') return 'a text that is not empty'
  if (shape === 'flag') return 'true or false'
  switch (shape.is) {
    case 'record':
      return 'an object'
    case 'list':
      return 'a list'
    case 'one':
      return shape.of.map((one) => JSON.stringify(one)).join(' or ')
    case 'such':
      return shape.want
    default:
      return `${shape.is} from ${shape.from} to ${shape.to}`
  }
}
