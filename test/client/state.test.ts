import { describe, expect, it } from 'vitest'
import { createPresence } from '../../src/client/state.js'

const GUARANTEE = { tier: 'none', missing: [] } as const
const IDLE = { phase: 'idle', decision: null, running: null } as const

function open() {
  const state = createPresence(GUARANTEE, () => {})
  const heard = { count: 0 }
  state.subscribe(() => {
    heard.count++
  })
  return { state, heard }
}

describe('the snapshot', () => {
  it('is the same object while nothing changes, also where the same is said again', () => {
    const { state, heard } = open()
    state.amend({ pending: { count: 2, oldestAt: 5 } })
    const before = state.get()
    state.amend({ pending: { count: 2, oldestAt: 5 }, guarantee: { ...GUARANTEE } })
    expect(state.get()).toBe(before)
    expect(heard.count).toBe(1)
    state.amend({ pending: { count: 3, oldestAt: 5 } })
    expect(state.get()).not.toBe(before)
    expect(heard.count).toBe(2)
  })

  it('stays closed, whatever ends later', () => {
    const { state, heard } = open()
    state.show({ ...IDLE, phase: 'closed' })
    state.show(IDLE)
    expect(state.get().phase).toBe('closed')
    expect(heard.count).toBe(1)
  })

  it('can not be changed by who reads it', () => {
    expect(Object.isFrozen(open().state.get())).toBe(true)
  })
})

describe('what waits for the state to settle', () => {
  it('runs once, at once where it is settled already', () => {
    const { state } = open()
    let runs = 0
    const count = () => {
      runs++
    }
    state.onceSettled(count)
    expect(runs).toBe(0)
    const error = new Error('of the test') as never
    state.show({ phase: 'halted', decision: null, running: null, error })
    state.show({ phase: 'halted', decision: null, running: null, error })
    expect(runs).toBe(1)
    state.onceSettled(count)
    expect(runs).toBe(2)
  })
})
