import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Bench, openBench } from './support.js'
import { logs, type OtlpRecord, record } from './telemetry.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const isHere = existsSync(executablePath)
if (!isHere)
  process.stdout.write(`Dashboard page tests: skipped, no browser at ${executablePath}\n`)

describe.skipIf(!isHere)('the page of the dashboard', () => {
  let bench: Bench
  let browser: Browser
  let server: ReturnType<typeof serve>
  let origin: string

  beforeAll(async () => {
    bench = await openBench()
    server = serve({ fetch: bench.app.fetch, port: 0, hostname: '127.0.0.1' })
    await new Promise<void>((resolve) => server.once('listening', () => resolve()))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
    await send('device-1', [
      feedback('<img src=x onerror="document.title=1"><b>卡片</b>'),
      record('exception', { 'exception.type': '<i>Error', 'graysync.fingerprint': 'f1' }),
      record('graysync.sync.window', { 'graysync.engine': 'legacy', 'graysync.acked': 7 }),
      record('graysync.handover', {
        'graysync.handover.from': 'legacy',
        'graysync.handover.outcome': 'committed',
      }),
      record('graysync.divergence', {
        'graysync.divergence.table': 'cards',
        'graysync.divergence.count': 2,
      }),
    ])
    const rollout = {
      ...{ schema: 1, rollout: 'sync-engine', version: 1, issuedAt: 1, admit: 'held' },
      ...{
        hash: { version: 1, salt: 's' },
        stage: 'ten',
        stages: [{ name: 'ten', share: 10_000 }],
      },
    }
    await bench.app.request('/rollouts/sync-engine', {
      method: 'PUT',
      body: await bench.sign(rollout),
    })
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
    await bench.database.close()
  })

  const send = (installation: string, records: readonly OtlpRecord[]) =>
    bench.app.request('/v1/logs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(logs(installation, records)),
    })
  const feedback = (body: string) =>
    record('graysync.feedback.submitted', { 'graysync.feedback.rating': 4 }, { body })

  async function open(o: Parameters<Browser['newContext']>[0] = {}): Promise<{
    page: Page
    complaints: string[]
  }> {
    const page = await (await browser.newContext({ locale: 'en', ...o })).newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(`${origin}/dashboard`)
    await page.locator('#live[data-state=live]').waitFor()
    return { page, complaints }
  }

  test('what users wrote is text, never markup, and nothing offends the policy', async () => {
    const { page, complaints } = await open()
    const said = page.getByText('<img src=x onerror="document.title=1"><b>卡片</b>')
    expect(await said.count()).toBe(1)
    expect(await page.locator('main img, main b, main i:not([class])').count()).toBe(0)
    expect(await page.title()).toBe('graysync')
    expect(complaints).toEqual([])
    await page.close()
  })

  test('feedback appears as it arrives, without a reload, with the contact that its user gave', async () => {
    const { page } = await open()
    const contact = { 'graysync.feedback.contact': '<b>ada@example.org' }
    await send('device-2', [
      record('graysync.feedback.submitted', contact, { body: 'just arrived' }),
    ])
    const entry = page.getByRole('listitem').filter({ hasText: 'just arrived' })
    await entry.getByText('<b>ada@example.org').waitFor()
    await page.close()
  })

  test('it speaks the language of the browser, switches by keyboard, and remembers', async () => {
    const { page } = await open({ locale: 'zh-CN' })
    expect(await page.locator('#h-devices').textContent()).toBe('设备')
    expect(await page.locator('html').getAttribute('lang')).toBe('zh')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.locator('#h-devices').textContent()).toBe('Devices')
    expect(await page.locator('[data-gate]').textContent()).toContain('Held')
    await page.reload()
    await page.locator('#live[data-state=live]').waitFor()
    expect(await page.locator('#h-devices').textContent()).toBe('Devices')
    await page.close()
  })

  test('every word has a Chinese and an English form', async () => {
    const path = new URL('../public/words.js', import.meta.url).href
    const { WORDS } = await import(path)
    expect(Object.keys(WORDS.zh)).toEqual(Object.keys(WORDS.en))
  })

  test('a lost connection is said, and found again', async () => {
    const { page } = await open()
    await page.context().setOffline(true)
    await page.evaluate(() => window.dispatchEvent(new Event('offline')))
    if ('closeAllConnections' in server) server.closeAllConnections()
    await page.locator('#live[data-state=lost]').waitFor()
    await page.context().setOffline(false)
    await page.locator('#live[data-state=live]').waitFor({ timeout: 20_000 })
    await page.close()
  }, 40_000)

  test.each([
    [390, 'light'],
    [390, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)(
    'at %i px, %s, it fits and has no fault that axe finds',
    async (width, colorScheme) => {
      const { page } = await open({ viewport: { width, height: 800 }, colorScheme })
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      expect(overflow).toBe(0)
      const axe = await readFile(
        createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
        'utf8',
      )
      await page.evaluate(axe)
      const faults = await page.evaluate(
        'axe.run().then((result) => result.violations.map((one) => one.id))',
      )
      expect(faults).toEqual([])
      await page.close()
    },
  )
})
