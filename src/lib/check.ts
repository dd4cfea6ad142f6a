/** What is wrong with a value, and where: `path` in the notation of JSON path. */
export interface Wrong {
  path: string
  want: string
  got: unknown
}

/** Looks at a value and answers the first thing that is wrong, or `null`. */
export type Check = (value: unknown, path: string) => Wrong | null

export function satisfies(want: string, is: (value: unknown) => boolean): Check {
  return (value, path) => (is(value) ? null : { path, want, got: value })
}

// Plain functions: what is computed while a module loads stays in every bundle that touches it.
export const isBoolean: Check = (value, path) =>
  typeof value === 'boolean' ? null : { path, want: 'true or false', got: value }

export const isText: Check = (value, path) =>
  typeof value === 'string' && value !== ''
    ? null
    : { path, want: 'a text that is not empty', got: value }

export function isInteger(from: number, to: number = Number.MAX_SAFE_INTEGER): Check {
  const want = `an integer from ${from} to ${to}`
  return satisfies(want, (value) => isWithin(value, from, to) && Number.isInteger(value))
}

export function isNumber(from: number, to: number): Check {
  return satisfies(`a number from ${from} to ${to}`, (value) => isWithin(value, from, to))
}

function isWithin(value: unknown, from: number, to: number): boolean {
  return typeof value === 'number' && value >= from && value <= to
}

export function isOneOf(...allowed: readonly unknown[]): Check {
  const want = allowed.map((one) => JSON.stringify(one)).join(' or ')
  return satisfies(want, (value) => allowed.includes(value))
}

/** Every member satisfies `member`; at most `most` of them. */
export function isList(member: Check, most: number): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return { path, want: 'a list', got: value }
    if (value.length > most) {
      return { path, want: `a list of at most ${most}`, got: `${value.length} members` }
    }
    return firstWrong(value.keys(), (at) => member(value[at], `${path}[${at}]`))
  }
}

/** An object whose named members satisfy their checks; other members are not looked at. */
export function isRecord(
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return { path, want: 'an object', got: value }
    }
    const members = value as Readonly<Record<string, unknown>>
    const look = (checks: Readonly<Record<string, Check>>, name: string) =>
      checks[name]?.(members[name], `${path}.${name}`) ?? null
    return (
      firstWrong(Object.keys(required), (name) => look(required, name)) ??
      firstWrong(Object.keys(optional), (name) =>
        members[name] === undefined ? null : look(optional, name),
      )
    )
  }
}

export function firstWrong<T>(items: Iterable<T>, check: (item: T) => Wrong | null): Wrong | null {
  for (const item of items) {
    const wrong = check(item)
    if (wrong) return wrong
  }
  return null
}
