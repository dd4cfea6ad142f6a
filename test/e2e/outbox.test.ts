import type { Page } from 'playwright'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Chromium, startChromium } from '../support/chromium.js'
import { type Collector, openCollector } from '../support/collector.js'
import { until } from '../support/desk.js'
import { buildPage, openOutagePage, runOutage } from '../support/outage.js'
import type { OutagePage } from '../support/outage-page.js'

declare const outage: OutagePage
let collector: Collector
let browser: Chromium

beforeEach(async () => {
  collector = await openCollector({ page: await buildPage() })
  browser = await startChromium()
})

afterEach(async () => {
  await browser.close()
  await collector.close()
})

const open = () => openOutagePage(browser.open(new URL('/', collector.url).href))
const emit = (page: Page, count: number) =>
  page.evaluate((n) => Array.from({ length: n }, (_, index) => outage.emit(index)), count)
describe('the last moment of a page', () => {
  it('reaches upstream, each record once, though nobody opens the page again', async () => {
    const page = await open()
    const uids = await emit(page, 40)
    await page.goto('about:blank')
    await until(() => collector.stored.size === 40)
    expect(collector.arrivals.sort()).toEqual(uids.sort())
  })

  it('without a network is on disk when the page is opened again', async () => {
    collector.fault = 'reset'
    const page = await open()
    const uids = await emit(page, 40)
    await page.goto('about:blank')
    collector.fault = 'none'
    expect(collector.stored.size).toBe(0)
    await open()
    await until(() => collector.stored.size === 40)
    expect([...collector.stored.keys()].sort()).toEqual(uids.sort())
  })
})

describe('a backlog', () => {
  it('outlives reloads and a killed browser, and arrives once', async () => {
    collector.fault = '503'
    const page = await open()
    const uids = await emit(page, 60)
    await page.evaluate(() => outage.flush())
    await page.reload()
    await browser.kill()
    collector.fault = 'none'
    await open()
    await until(() => collector.stored.size === 60)
    expect(collector.arrivals.sort()).toEqual(uids.sort())
  })

  it('of a tab closed in an outage is sent by the next one', async () => {
    const result = await runOutage(
      { name: 'tab closed', fault: 'reset', mishap: 'close' },
      { events: 60, outageMs: 3_000, waitMs: 15_000 },
    )
    expect(result).toMatchObject({ alone: 60, doubles: 0 })
  })
})
