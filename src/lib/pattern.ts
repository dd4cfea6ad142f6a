const MAX_LENGTH = 256

const POSIX: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\s',
}

// What one engine has and another has not: look-around, named groups, back references.
const PORTABLE = /^(?:\\[^1-9k]|\[(?:\\.|[^\\\]])*\]|\(\?:|\((?!\?)|[^\\([])*$/s
// A repeated group that repeats or branches inside can take exponential time.
const EXPLOSIVE = /\((?:\?:)?(?:\\.|[^()\\])*(?:[*+|]|\{\d+,\})(?:\\.|[^()\\])*\)(?:[*+]|\{\d+,\})/s

/**
 * Compiles a pattern of the syntax that RE2 and JavaScript share, with POSIX classes and leading `(?ims)` flags, or answers
 * `null` when it is longer than 256 characters, not valid, or dangerous.
 */
export function compilePattern(source: string, ignoreCase: boolean): RegExp | null {
  if ([...source].length > MAX_LENGTH) return null
  const [, start = '', inline = '', rest = ''] =
    /^(\^?)(?:\(\?([ims]+)\))?(.*)$/s.exec(source) ?? []
  const body = rest.replace(/\[:(\w+):\]/g, (posix, name) => POSIX[name] ?? posix)
  if (!PORTABLE.test(body) || EXPLOSIVE.test(body)) return null
  const flags = new Set(ignoreCase ? `${inline}i` : inline)
  try {
    return new RegExp(start + body, [...flags].join(''))
  } catch {
    return null
  }
}
