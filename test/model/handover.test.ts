import { describe, expect, it } from 'vitest'
import { check } from './handover/checker.js'
import { GUARDED, UNGUARDED } from './handover/configurations.js'

const quick = ({ isQuick }: { isQuick: boolean }) => isQuick

describe('the handover, in every order of events', { timeout: 300_000 }, () => {
  it.each(GUARDED.filter(quick))(
    'loses, doubles and reorders nothing with $name',
    ({ protocol }) => {
      const { fault, trace, complete } = check(protocol)
      expect(fault, trace.join('\n')).toBeNull()
      expect(complete).toBe(true)
    },
  )

  it.each(UNGUARDED.filter(quick))('would fail if $name', ({ protocol }) => {
    const { fault, trace } = check(protocol)
    expect(fault).not.toBeNull()
    expect(trace.length).toBeGreaterThan(3)
  })
})
