import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import puppeteer, { type CDPSession, type Page } from 'puppeteer-core'
import { chromium } from './chromium.js'
import { toBrowser } from './group.js'
import { type Make, type Tab, toSelector } from './tab.js'

const LEFT = ['SingletonLock', 'SingletonCookie', 'SingletonSocket', 'DevToolsActivePort']

/** Chromium whose tabs can crash, freeze and lose the network. Playwright takes every page for focused, which makes freezing do nothing. */
export const lifelike: Make = {
  ...chromium,
  async launch(folder) {
    const userDataDir = join(folder, 'profile')
    for (const name of LEFT) await rm(join(userDataDir, name), { force: true })
    const browser = await puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      userDataDir,
      args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'],
    })
    return toBrowser(browser, toTab)
  },
}

function toTab(page: Page): Tab {
  let limiting: CDPSession | undefined
  return {
    async open(url) {
      await page.goto(url)
    },
    click: (testId) => page.locator(toSelector(testId)).click(),
    async type(testId, text) {
      await page.locator(toSelector(testId)).click()
      await page.keyboard.type(text)
    },
    run: <A extends readonly unknown[], T>(work: (...args: A) => T, ...args: A) =>
      page.evaluate<unknown[], (...args: unknown[]) => T>(work as never, ...args) as Promise<
        Awaited<T>
      >,
    close: () => page.close(),
    async crash() {
      const gone = new Promise((resolve) => page.once('error', resolve))
      const session = await page.createCDPSession()
      session.send('Page.crash').catch(() => undefined)
      await gone
    },
    async setFrozen(isFrozen) {
      const session = await page.createCDPSession()
      await session.send('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' })
      await session.detach()
    },
    setOffline: (isOffline) => page.setOfflineMode(isOffline),
    async setQuota(bytes) {
      // The limit is the session's.
      limiting ??= await page.createCDPSession()
      const { origin } = new URL(page.url())
      const limit = bytes === null ? {} : { quotaSize: bytes }
      await limiting.send('Storage.overrideQuotaForOrigin', { origin, ...limit })
    },
  }
}
