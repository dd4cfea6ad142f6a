const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][\da-zA-Z-]*))*))?(?:\+[\da-zA-Z-]+(?:\.[\da-zA-Z-]+)*)?$/

const DIGITS = /^\d+$/

/** A version by precedence: three numbers, then the parts of the pre-release. Build metadata never counts. */
export interface Semver {
  core: readonly string[]
  pre: readonly string[]
}

/** Reads a version of Semantic Versioning 2.0.0, or answers `null`. */
export function parseSemver(text: string): Semver | null {
  const match = SEMVER.exec(text)
  return match && { core: match.slice(1, 4), pre: match[4]?.split('.') ?? [] }
}

/** Below zero when `a` comes before `b`, above when after. */
export function compareSemver(a: Semver, b: Semver): number {
  const core = compareParts(a.core, b.core)
  if (core) return core
  if (a.pre.length && b.pre.length) return compareParts(a.pre, b.pre)
  return b.pre.length - a.pre.length
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  for (const [at, part] of a.entries()) {
    const order = comparePart(part, b[at] ?? '')
    if (order) return order
  }
  return a.length - b.length
}

/** An empty part, where one list has ended, comes before all. */
function comparePart(a: string, b: string): number {
  const isNumber = DIGITS.test(a)
  const isOtherNumber = DIGITS.test(b)
  if (isNumber !== isOtherNumber) return isNumber && b ? -1 : 1
  // Numbers may have more digits than a double holds: without leading zeros the longer one is the greater.
  if (isNumber && a.length !== b.length) return a.length - b.length
  return a === b ? 0 : a < b ? -1 : 1
}
