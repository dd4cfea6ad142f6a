/** The instant that a text names in epoch ms, `NaN` where it names none. Asks no clock. */
export function readInstant(text: string): number {
  return Date.parse(text)
}
