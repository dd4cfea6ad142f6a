const DAY_MS = 86_400_000

/** An HTTP date as epoch ms; `null` for anything else. */
export function parseHttpDate(text: string | null): number | null {
  if (!text || !/^[A-Z][a-z]+, .+ GMT$/.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}

/** How long a server asks to be left alone: seconds, or an instant by the server's own clock. At most a day. */
export function readRetryAfter(headers: Headers, now: number): number | null {
  const text = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, DAY_MS)
  const at = parseHttpDate(text)
  if (at === null) return null
  return Math.min(Math.max(at - (parseHttpDate(headers.get('date')) ?? now), 0), DAY_MS)
}

/** The server's clock when it answered; `null` where the header is absent or hidden by CORS. */
export function readServerTime(headers: Headers): number | null {
  const at = parseHttpDate(headers.get('date'))
  if (at === null) return null
  const age = headers.get('age')?.trim() ?? ''
  return at + (/^\d+$/.test(age) ? Number(age) * 1000 : 0)
}
