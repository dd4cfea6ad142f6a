import { afterEach, describe, expect, it } from 'vitest'
import { watchVitals } from '../../src/platform/vitals.js'

let ending: AbortController

afterEach(() => ending.abort())

function watch() {
  ending = new AbortController()
  return watchVitals(ending.signal)
}

/** Keeps the main thread busy, as no page may. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describe('the vitals of a page', () => {
  it('count a long task once, with the time it took', async () => {
    const { takeLongTasks } = watch()
    const seen = new Promise((resolve) => {
      new PerformanceObserver(resolve).observe({ type: 'longtask' })
    })
    setTimeout(block, 0, 120)
    await seen
    const tasks = takeLongTasks()
    expect(tasks?.count).toBeGreaterThanOrEqual(1)
    expect(tasks?.ms).toBeGreaterThanOrEqual(120)
    expect(takeLongTasks()?.ms).toBeLessThan(tasks?.ms ?? 0)
  })

  it('name the browser and its memory', () => {
    const vitals = watch()
    expect(vitals.machine()).toMatchObject({
      browser: 'Chrome',
      version: expect.stringMatching(/^\d+$/),
      mobile: false,
      cores: navigator.hardwareConcurrency,
    })
    expect(vitals.heapBytes()).toBeGreaterThan(1_000_000)
  })
})
