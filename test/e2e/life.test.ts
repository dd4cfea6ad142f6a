import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LifeServer, serveLife } from './life/server.js'

const WAIT = { timeout: 60_000, interval: 50 }

let server: LifeServer
let folder: string
let browser: Browser

beforeAll(async () => {
  server = await serveLife()
})

beforeEach(async () => {
  await server.publish(0)
  server.isOpen = true
  folder = await mkdtemp(join(tmpdir(), 'graysync-life-'))
  // Not Playwright: it takes every page for focused, which makes freezing do nothing, and forbids pages to be kept.
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    userDataDir: folder,
    args: ['--no-sandbox', '--disable-background-networking'],
  })
})

afterEach(async () => {
  await browser.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
})

afterAll(() => server.close())

/** Polled from outside: a page in the background paints nothing, and would never look. */
async function untilReady(page: Page): Promise<void> {
  const isReady = () => page.evaluate(() => 'life' in window).catch(() => false)
  await expect.poll(isReady, WAIT).toBe(true)
}

async function open(search = ''): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${server.url}${search}`)
  await untilReady(page)
  return page
}

const show = (page: Page) =>
  page.evaluate(() => {
    const snapshot = window.life.gray.getSnapshot()
    const { phase, running } = snapshot
    if (snapshot.phase !== 'running') return { phase, running }
    return { phase, running, role: snapshot.role, blocked: snapshot.blocked?.by ?? null }
  })

const expectShown = (page: Page, shown: object) =>
  expect.poll(() => show(page), WAIT).toMatchObject(shown)

async function openPair(search = ''): Promise<{ leader: Page; follower: Page }> {
  const leader = await open(search)
  await expectShown(leader, { role: 'writer' })
  const follower = await open(search)
  await expectShown(follower, { role: 'follower' })
  return { leader, follower }
}

/** Ends the renderer, as out-of-memory does. */
async function crash(page: Page): Promise<void> {
  const gone = new Promise((resolve) => page.once('error', resolve))
  const session = await page.createCDPSession()
  session.send('Page.crash').catch(() => undefined)
  await gone
}

async function setLife(page: Page, state: 'frozen' | 'active'): Promise<void> {
  const session = await page.createCDPSession()
  await session.send('Page.setWebLifecycleState', { state })
  await session.detach()
}

describe('a tab that leads', () => {
  it.each([
    ['is closed', (page: Page) => page.close()],
    ['crashes', crash],
  ])('and %s is replaced by the one that follows', async (_, end) => {
    const { leader, follower } = await openPair()
    const opId = await follower.evaluate(() => window.life.write('a'))
    expect(opId).toEqual(expect.any(String))
    await end(leader)
    await expectShown(follower, { running: 'legacy', role: 'writer' })
    expect(await follower.evaluate(() => window.starts)).toBe(1)
  })

  it('and is frozen lets another lead, and follows it when it goes on', async () => {
    const { leader, follower } = await openPair()
    await setLife(leader, 'frozen')
    await expectShown(follower, { role: 'writer' })
    await setLife(leader, 'active')
    await expectShown(leader, { role: 'follower', running: 'legacy' })
  })

  it('and is frozen with an engine that can not stop loses the lease while work waits', async () => {
    const { leader, follower } = await openPair('?nostop')
    await setLife(leader, 'frozen')
    await follower.evaluate(() => window.life.write('a'))
    await expectShown(follower, { role: 'writer' })
    await setLife(leader, 'active')
    await expectShown(leader, { running: null, blocked: 'FENCED' })
    expect(await leader.evaluate(() => window.life.send())).toBe('FENCED')
    expect(await follower.evaluate(() => window.life.send())).toBe('200')
    expect(await leader.evaluate(() => window.starts)).toBe(1)
  })

  it('and is kept with an engine that can not stop starves nobody, and believes nothing when it is shown again', async () => {
    const { leader, follower } = await openPair('?nostop')
    await leader.goto(`${server.url}stale`)
    await expectShown(follower, { role: 'writer' })
    await leader.goBack()
    await untilReady(leader)
    // A browser that did not keep the page after all has loaded it anew.
    const isKept = await leader.evaluate(() => window.starts === 1)
    await expectShown(leader, isKept ? { running: null, blocked: 'FENCED' } : { role: 'follower' })
    await expectShown(follower, { role: 'writer' })
  })

  it('is one, where two copies of the SDK are in its page', async () => {
    const page = await open('?twice')
    await expect.poll(() => page.evaluate(() => window.starts), WAIT).toBe(1)
    const locks = await page.evaluate(() => navigator.locks.query())
    const inLine = locks.pending?.filter(({ name }) => name === 'graysync-writer')
    expect(inLine).toHaveLength(1)
  })
})

describe('a tab without graysync', () => {
  it('is found by the worker, and holds back a handover until it is closed', async () => {
    const first = await open('?worker')
    await first.evaluate(() => window.life.write('a'))
    const stale = await browser.newPage()
    await stale.goto(`${server.url}stale`)
    await server.publish(100_000)
    await first.reload()
    await untilReady(first)
    await expectShown(first, { running: 'legacy', role: 'writer', blocked: 'OLD_TAB' })
    await stale.close()
    await first.reload()
    await untilReady(first)
    await expectShown(first, { running: 'refactored', role: 'writer', blocked: null })
  })

  it('is not what a second tab of the app is taken for', async () => {
    const first = await open('?worker')
    await first.evaluate(() => window.life.write('a'))
    const second = await open('?worker')
    await server.publish(100_000)
    await first.reload()
    await second.reload()
    const pages = [first, second]
    const running = async () => {
      const shown = await Promise.all(pages.map(show).map((one) => one.catch(() => null)))
      return shown.map((one) => one?.running)
    }
    await expect.poll(running, WAIT).toEqual(['refactored', 'refactored'])
  })
})

describe('background sync', () => {
  it('sends once, and by the same ids, what waits after every tab is gone', async () => {
    server.isOpen = false
    server.records.length = 0
    const page = await open('?worker')
    const session = await page.createCDPSession()
    const found = new Promise<string>((resolve) => {
      session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const [registration] = registrations
        if (registration) resolve(registration.registrationId)
      })
    })
    await session.send('ServiceWorker.enable')
    const registrationId = await found
    const id = await page.evaluate(async () => {
      await window.life.gray.setConsent('granted')
      window.life.gray.use('cards')
      return (await window.life.gray.feedback({ text: 'hello' })).id
    })
    const elsewhere = await browser.newPage()
    await elsewhere.goto(`${server.url}stale`)
    const other = await elsewhere.createCDPSession()
    await other.send('ServiceWorker.enable')
    await page.close()
    const waiting = await readOutbox(elsewhere)
    expect(waiting).toContain(id)
    expect(waiting.length).toBeGreaterThan(1)
    server.isOpen = true
    const origin = server.url.slice(0, -1)
    const tag = 'graysync-outbox'
    const sync = () =>
      other.send('ServiceWorker.dispatchSyncEvent', {
        origin,
        registrationId,
        tag,
        lastChance: false,
      })
    await sync()
    await sync()
    await expect.poll(() => readOutbox(elsewhere), WAIT).toEqual([])
    // What the page wrote while it closed goes along.
    expect(server.records).toEqual(expect.arrayContaining(waiting))
    expect(new Set(server.records).size).toBe(server.records.length)
  })
})

/** The ids of all that waits on this disk. */
function readOutbox(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const opening = indexedDB.open('graysync')
    const db = await new Promise<IDBDatabase>((resolve) => {
      opening.onsuccess = () => resolve(opening.result)
    })
    const reading: IDBRequest<{ json: string }[]> = db
      .transaction('chunks')
      .objectStore('chunks')
      .getAll()
    const chunks = await new Promise<{ json: string }[]>((resolve) => {
      reading.onsuccess = () => resolve(reading.result)
    })
    db.close()
    return chunks.flatMap(({ json }) => JSON.parse(json).map(({ uid }: { uid: string }) => uid))
  })
}
