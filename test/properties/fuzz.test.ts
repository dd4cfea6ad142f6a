import { expect, test } from 'vitest'
import { fuzzRollout } from '../../scripts/rollout/fuzz.js'

test('broken envelopes and payloads throw coded errors only, and move nobody', async () => {
  const { line, failures } = await fuzzRollout(3_000, 20_261_123)
  console.log(line)
  expect(failures).toEqual([])
}, 60_000)
