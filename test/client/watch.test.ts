import { afterEach, expect, it, vi } from 'vitest'
import type { Breaker } from '../../src/client/breaker.js'
import { createWatch } from '../../src/client/watch.js'
import { createWorld } from '../../src/testing.js'
import { rest } from '../support/session.js'

afterEach(() => vi.unstubAllGlobals())

it.each([
  ['/rollouts/sync-engine', 'https://api.test/v1/apply', 'https://api.test/'],
  ['/rollouts/sync-engine', 'https://app.test/apply', 'https://app.test/rollouts/sync-engine'],
  ['https://api.test/rollout', 'https://api.test/v1/apply', 'https://api.test/rollout'],
  ['https://app.test/rollout', 'https://api.test/v1/apply', 'https://api.test/'],
  [null, 'https://api.test/v1/apply', 'https://api.test/'],
])('with its rollout at %s a page asks, of what failed at %s, %s', async (url, failed, probe) => {
  // A frame that was given its document by another page, whose address it has for a base.
  vi.stubGlobal('location', { href: 'about:srcdoc' })
  vi.stubGlobal('document', { baseURI: 'https://app.test/cards' })
  const asked: string[] = []
  const world = createWorld()
  world.answer((request) => {
    asked.push(request.url)
    return new Response()
  })
  let failures = 0
  const breaker: Pick<Breaker, 'isOpen' | 'take' | 'keep'> = {
    isOpen: () => false,
    take: () => void failures++,
    keep: async () => {},
  }
  const watch = createWatch({
    platform: world.tab(),
    breaker: breaker as Breaker,
    url,
    pump: async () => {},
    epoch: () => 0,
    isKilled: () => false,
    report: () => {},
    signal: new AbortController().signal,
  })
  const answer = { method: 'POST', isWrite: true, hasOperation: true, outcome: null, echoes: null }
  watch.see({ kind: 'answered', answer: { ...answer, url: failed, status: 500 } })
  await rest()
  expect({ asked, failures }).toEqual({ asked: [probe], failures: 1 })
})
