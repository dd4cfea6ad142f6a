import { expect, it } from 'vitest'
import { harmful, harmless } from './planting.js'
import { runTrial } from './trial.js'

it('an audit says of 300 pairs of stores what a slow oracle says', {
  timeout: 30_000,
}, async () => {
  const planted = new Set<string>()
  for (let seed = 1; seed <= 300; seed++) {
    const trial = await runTrial(seed)
    expect(trial.disputes).toEqual([])
    for (const name of Object.keys(trial.planted)) planted.add(name)
  }
  const kinds = [...Object.keys(harmful), ...Object.keys(harmless), 'missing', 'extra', 'inFlight']
  expect([...planted].sort()).toEqual(kinds.sort())
})
