const LENGTH = 1_000

const SCRUBS: readonly (readonly [RegExp, string])[] = [
  // Position marks behind a URL stay: a stack is of no use without them.
  [/[?#][^\s"'()<>]*?(?=(?::\d+){0,2}(?:[\s"'()<>]|$))/g, '?…'],
  [/\/\/[^\s/@]+@/g, '//'],
  [/[^\s@<>"(),;:]+@[^\s@<>"'(),;:/]+\.[a-z]{2,}/gi, '[email]'],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, '[uuid]'],
  [/\beyJ[\w-]+(?:\.[\w-]*)+/g, '[token]'],
  [/(?=[\w+=-]*\d)(?=[\w+=-]*[a-z])[\w+=-]{20,}/gi, '[token]'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '[address]'],
  [/\d(?:[ -]?\d){8,}/g, '[number]'],
]

/** Takes out what may name or admit a person: queries of URLs, email addresses, ids, tokens, long numbers. */
export function scrub(text: string): string {
  // Cut twice, so that nothing half cut slips through.
  let clean = text.slice(0, 2 * LENGTH)
  for (const [pattern, by] of SCRUBS) clean = clean.replace(pattern, by)
  return clean.slice(0, LENGTH)
}
