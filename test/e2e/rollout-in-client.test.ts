import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
import { openProfile, type Profile } from './support/browser.js'
import { expectArrived } from './support/cloud.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const WAIT = { timeout: 60_000, interval: 50 }
const EVERYBODY: Partial<Rollout> = { stages: [{ name: 'first', share: 100_000 }] }
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** Long enough for an engine whose sends are refused to try several times. */
const QUIET_MS = 2_500

declare global {
  interface Window {
    /** When this page first asked for a reload, epoch ms. */
    reloadAskedAt?: number
    show?(state: DocumentVisibilityState): void
  }
}

let upstream: TestUpstream
let profile: Profile

beforeAll(async () => {
  upstream = await startUpstream()
})
afterEach(() => profile?.close())
afterAll(() => upstream?.close())

const engine = (page: Page) => page.getByTestId('engine')
const reload = (page: Page) => page.getByTestId('reload')
const card = (page: Page, title: string) => page.getByTestId('card').filter({ hasText: title })
const countPending = async (page: Page) =>
  Number(await page.getByTestId('pending').getAttribute('data-count'))

interface Shown {
  engine: string | null
  reason: string | null
  role: string | null
  phase: string | null
}

async function readShown(page: Page): Promise<Shown> {
  const read = (name: string) => engine(page).getAttribute(`data-${name}`)
  return {
    engine: await read('engine'),
    reason: await read('reason'),
    role: await read('role'),
    phase: await read('phase'),
  }
}

async function expectShown(page: Page, shown: Partial<Shown>): Promise<void> {
  await expect.poll(() => readShown(page), WAIT).toMatchObject({ phase: 'running', ...shown })
}

async function writeCard(page: Page, title: string): Promise<void> {
  await page.getByTestId('new-card').click()
  await page.getByTestId('card-title').fill(title)
  await page.getByTestId('save-card').click()
  await card(page, title).waitFor()
}

/** By the second start a fresh profile is on what is published. */
async function enter(page: Page, shown: Partial<Shown>): Promise<void> {
  await reload(page).waitFor()
  await reload(page).click()
  await expectShown(page, shown)
}

/** Notes in the page when it begins to ask for a reload. */
async function watchReload(page: Page): Promise<void> {
  await page.evaluate(() => {
    const look = () => {
      if (document.querySelector('[data-testid=reload]')) window.reloadAskedAt ??= Date.now()
    }
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true })
    look()
  })
}

async function awaitReload(page: Page): Promise<number> {
  await expect.poll(() => page.evaluate(() => window.reloadAskedAt), WAIT).toBeTypeOf('number')
  return page.evaluate(() => window.reloadAskedAt ?? Number.NaN)
}

/** Every request of the refactored engine to send, from now on. */
function watchSends(page: Page): string[] {
  const sends: string[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/api/apply')) sends.push(request.postData() ?? '')
  })
  return sends
}

/** Lets a test say whether the page is seen: a headless browser shows every tab. */
async function steerVisibility(): Promise<void> {
  await profile.context.addInitScript(() => {
    let shown: DocumentVisibilityState = 'visible'
    Object.defineProperty(Document.prototype, 'visibilityState', { get: () => shown })
    window.show = (state) => {
      shown = state
      document.dispatchEvent(new Event('visibilitychange'))
    }
  })
}

const show = (page: Page, state: DocumentVisibilityState) =>
  page.evaluate((next) => window.show?.(next), state)

describe('a kill', () => {
  it('stops the sends of a visible client within two seconds, and loses no edit', async () => {
    await upstream.publish(EVERYBODY)
    profile = await openProfile()
    const page = await profile.open(`${upstream.url}/`)
    await enter(page, { engine: 'refactored', reason: 'IN_SHARE' })
    await writeCard(page, 'before the kill')
    await expectArrived(upstream, ['before the kill'])
    await watchReload(page)

    const publishedAt = Date.now()
    await upstream.publish({ kill: true })
    const noticedAt = await awaitReload(page)
    console.log(`a kill was noticed ${noticedAt - publishedAt} ms after it was published`)
    expect(noticedAt - publishedAt).toBeLessThan(2_000)
    expect(await readShown(page)).toMatchObject({ engine: 'refactored', reason: 'IN_SHARE' })

    const sends = watchSends(page)
    await writeCard(page, 'after the kill')
    await expect.poll(() => countPending(page), WAIT).toBe(1)
    await page.waitForTimeout(QUIET_MS)
    expect(sends).toEqual([])
    expect(await countPending(page)).toBe(1)
    await expectArrived(upstream, ['before the kill'])
    await card(page, 'after the kill').waitFor()

    await reload(page).click()
    await expectShown(page, { engine: 'legacy', reason: 'KILLED' })
    for (const title of ['before the kill', 'after the kill']) await card(page, title).waitFor()
    await expectArrived(upstream, ['before the kill', 'after the kill'])
    expect(profile.complaints).toEqual([])
  })

  it('is noticed by a hidden client when it wakes', async () => {
    await upstream.publish(EVERYBODY)
    profile = await openProfile()
    await steerVisibility()
    const page = await profile.open(`${upstream.url}/`)
    await enter(page, { engine: 'refactored' })
    await watchReload(page)
    await show(page, 'hidden')
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/rollouts/')) asked.push(request.url())
    })
    await upstream.publish({ kill: true })
    await page.waitForTimeout(QUIET_MS)
    expect(asked).toEqual([])
    expect(await reload(page).count()).toBe(0)

    const wokenAt = Date.now()
    await show(page, 'visible')
    const noticedAt = await awaitReload(page)
    console.log(`a kill was noticed ${noticedAt - wokenAt} ms after the page was shown`)
    expect(noticedAt - wokenAt).toBeLessThan(2_000)
    const sends = watchSends(page)
    await writeCard(page, 'after the wake')
    await page.waitForTimeout(QUIET_MS)
    expect(sends).toEqual([])
    expect(profile.complaints).toEqual([])
  })

  it('reaches a hidden tab that leads through the visible one that follows', async () => {
    await upstream.publish(EVERYBODY)
    profile = await openProfile()
    await steerVisibility()
    const leader = await profile.open(`${upstream.url}/`)
    await enter(leader, { engine: 'refactored', role: 'writer' })
    const follower = await profile.open(`${upstream.url}/`)
    await expectShown(follower, { engine: 'refactored', role: 'follower' })
    await show(leader, 'hidden')
    await watchReload(leader)
    const publishedAt = Date.now()
    await upstream.publish({ kill: true })
    const noticedAt = await awaitReload(leader)
    console.log(`a hidden leader heard of a kill ${noticedAt - publishedAt} ms after it`)
    expect(noticedAt - publishedAt).toBeLessThan(2_000)
    const sends = watchSends(leader)
    await writeCard(follower, 'in front of a hidden leader')
    await leader.waitForTimeout(QUIET_MS)
    expect(sends).toEqual([])
    expect(profile.complaints).toEqual([])
  })
})

describe('two tabs', () => {
  it('keep their engine until the leader is gone, then the follower hands over by itself', async () => {
    await upstream.publish({})
    profile = await openProfile()
    const leader = await profile.open(`${upstream.url}/`)
    await expectShown(leader, { engine: 'legacy', role: 'writer' })
    await writeCard(leader, 'by the leader')
    await expect
      .poll(async () => {
        await leader.reload()
        await expectShown(leader, { engine: 'legacy' })
        return (await readShown(leader)).reason
      }, WAIT)
      .toBe('OUT_OF_SHARE')
    const follower = await profile.open(`${upstream.url}/`)
    await expectShown(follower, { engine: 'legacy', role: 'follower', reason: 'OUT_OF_SHARE' })
    await writeCard(follower, 'by the follower')
    await card(leader, 'by the follower').waitFor()
    await expectArrived(upstream, ['by the leader', 'by the follower'])
    const tabs = [leader, follower]
    await Promise.all(tabs.map(watchReload))

    // From here on operations are under way: they are accepted, and no answer comes.
    await profile.context.route('**/api/**', (route) => route.abort())
    await writeCard(leader, 'under way in the leader')
    const publishedAt = Date.now()
    await upstream.publish(EVERYBODY)
    const [first = Number.NaN, second = Number.NaN] = await Promise.all(tabs.map(awaitReload))
    console.log(
      `two tabs asked for a reload ${first - publishedAt} and ${second - publishedAt} ms after a publish`,
    )
    expect(Math.abs(first - second)).toBeLessThan(1_000)
    await writeCard(follower, 'under way in the follower')
    for (const [tab, role] of [
      [leader, 'writer'],
      [follower, 'follower'],
    ] as const) {
      expect(await readShown(tab)).toEqual({
        engine: 'legacy',
        reason: 'OUT_OF_SHARE',
        role,
        phase: 'running',
      })
    }
    const sends = watchSends(follower)
    const titles = [
      'by the leader',
      'by the follower',
      'under way in the leader',
      'under way in the follower',
    ]
    await follower.evaluate(() => {
      document.documentElement.dataset.page = 'the same'
    })
    const closedAt = Date.now()
    await leader.close()
    await expectShown(follower, { engine: 'refactored', role: 'writer', reason: 'IN_SHARE' })
    console.log(`the follower ran refactored ${Date.now() - closedAt} ms after the leader closed`)
    expect(await follower.evaluate(() => document.documentElement.dataset.page)).toBe('the same')
    expect(await reload(follower).count()).toBe(0)
    for (const title of titles) await card(follower, title).waitFor()
    expect(await follower.getByTestId('card').count()).toBe(titles.length)
    await profile.context.unroute('**/api/**')
    await expectArrived(upstream, titles)
    expect(sends.length).toBeGreaterThan(0)
    expect(profile.complaints).toEqual([])
  })
})

describe('a start long after the network went', () => {
  /** What the handle says of itself, as the user may save it. */
  async function readSnapshot(page: Page): Promise<Snapshot> {
    await page.getByTestId('open-settings').click()
    const saved = page.waitForEvent('download')
    await page.getByTestId('support-file').click()
    const file = await (await saved).path()
    await page.keyboard.press('Escape')
    return JSON.parse(await readFile(file, 'utf8')).snapshot
  }

  it('goes on by the last good rollout after a minute, hours, days and weeks', async () => {
    await upstream.publish({ ...EVERYBODY, maxAgeMs: DAY, onExpired: 'hold' })
    profile = await openProfile()
    let page = await profile.open(`${upstream.url}/`)
    await enter(page, { engine: 'refactored', reason: 'IN_SHARE' })
    await writeCard(page, 'kept offline')
    await expectArrived(upstream, ['kept offline'])
    await page.reload()
    await expectShown(page, { engine: 'refactored', reason: 'KEPT' })
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
    const { decision: before } = await readSnapshot(page)
    await page.close()
    await upstream.stop()

    for (const away of [MINUTE, 5 * HOUR, 3 * DAY, 45 * DAY]) {
      const later = Date.now() + away
      await profile.context.clock.setSystemTime(later)
      page = await profile.open(`${upstream.url}/`)
      expect(await page.evaluate(() => Date.now())).toBeGreaterThanOrEqual(later)
      await expectShown(page, { engine: 'refactored', reason: 'KEPT' })
      await card(page, 'kept offline').waitFor()
      expect(await readSnapshot(page)).toMatchObject({
        running: 'refactored',
        reload: 'none',
        decision: { ...before, cached: true, stale: away > DAY },
      })
      await page.close()
    }
    expect(profile.complaints).toEqual([])
  })
})
