import { expect, it, vi } from 'vitest'
import type { Breaker } from '../../src/client/breaker.js'
import { createObserver } from '../../src/client/observer.js'
import { createWorld } from '../../src/testing.js'

it('loads what judges an engine only once there is one to judge: a user who leaves is none', async () => {
  const platform = createWorld().tab()
  const created = vi.spyOn(platform, 'monotonic')
  const report = vi.fn()
  const observe = createObserver({
    platform,
    breaker: { isOpen: () => true } as Breaker,
    url: null,
    pump: async () => {},
    epoch: () => null,
    isKilled: () => false,
    report,
    signal: new AbortController().signal,
  })
  observe({ kind: 'left' })
  await vi.dynamicImportSettled()
  expect(created).not.toHaveBeenCalled()
  observe({ kind: 'pushed', opId: 'one', error: null })
  await vi.dynamicImportSettled()
  expect(created).toHaveBeenCalled()
  expect(report).not.toHaveBeenCalled()
})
