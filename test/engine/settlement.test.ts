import { describe, expect, it } from 'vitest'
import { createSettlements } from '../../src/engine/settlement.js'
import { createWorld } from '../../src/testing.js'

function open() {
  const world = createWorld()
  const platform = world.tab()
  return { world, platform, settlements: createSettlements(platform) }
}

describe('a promise of an operation', () => {
  it('settles for all who wait, with the time since the first began to', async () => {
    const { world, settlements } = open()
    const first = settlements.wait('a')
    world.advance(40)
    const second = settlements.wait('a')
    world.advance(2)
    expect(settlements.acked('a', 'legacy', 0)).toMatchObject({ durationMs: 42 })
    const acked = { status: 'acked', by: 'legacy', durationMs: 42 }
    expect(await Promise.all([first.settled, second.settled])).toEqual([acked, acked])
    expect(settlements.has('a')).toBe(false)
  })

  it('of an earlier session has taken the time since its acceptance, and never less than none', () => {
    const { world, platform, settlements } = open()
    const acceptedAt = platform.now()
    world.advance(90_000)
    expect(settlements.acked('a', 'legacy', acceptedAt)).toMatchObject({ durationMs: 90_000 })
    const later = platform.now() + 5
    expect(settlements.acked('a', 'legacy', later)).toMatchObject({ durationMs: 0 })
  })

  it('names the operation and the cause where it died', async () => {
    const { settlements } = open()
    const { settled } = settlements.wait('a')
    const cause = new Error('no such folder')
    settlements.died('a', cause)
    expect(await settled).toMatchObject({
      status: 'dead',
      error: { code: 'ABORTED', message: 'operation a: no such folder', cause },
    })
  })

  it('that is dropped is no longer waited for, and the others are', async () => {
    const { settlements } = open()
    const [kept, dropped] = [settlements.wait('a'), settlements.wait('a')]
    dropped.drop()
    dropped.drop()
    expect(settlements.opIds()).toEqual(['a'])
    settlements.deferAll()
    expect(await kept.settled).toEqual({ status: 'deferred' })
    expect(settlements.opIds()).toEqual([])
  })
})
