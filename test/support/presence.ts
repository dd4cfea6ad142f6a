/**
 * Whether what these tests need is on this machine. Says why they are skipped where it is not, and
 * fails there when GRAYSYNC_REQUIRE_ALL=1.
 */
export function isPresent(tests: string, absence: string | null): boolean {
  if (absence === null) return true
  if (process.env.GRAYSYNC_REQUIRE_ALL === '1') {
    throw new Error(`${tests}: ${absence}; GRAYSYNC_REQUIRE_ALL=1 lets none be skipped`)
  }
  process.stdout.write(`${tests}: skipped, ${absence}\n`)
  return false
}
