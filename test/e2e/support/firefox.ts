import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import puppeteer, { type Page } from 'puppeteer-core'
import { toBrowser } from './group.js'
import { type KeyboardTab, type Make, toSelector } from './tab.js'

const PATHS = process.env.FIREFOX
  ? [process.env.FIREFOX]
  : ['/usr/bin/firefox-esr', '/usr/bin/firefox']
const path = PATHS.find(existsSync)

/** Firefox over WebDriver BiDi. */
export const firefox: Make<KeyboardTab> = {
  name: 'Firefox',
  keepsStorage: true,
  absence: path ? null : `no Firefox at ${PATHS.join(' or ')}`,
  async launch(folder, { quotaKb } = {}) {
    const home = join(folder, 'home')
    await mkdir(home, { recursive: true })
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: path ?? '',
      headless: true,
      userDataDir: join(folder, 'profile'),
      env: { ...process.env, HOME: home },
      timeout: 120_000,
      protocolTimeout: 120_000,
      extraPrefsFirefox: {
        'app.update.enabled': false,
        'toolkit.telemetry.enabled': false,
        'browser.sessionstore.resume_from_crash': false,
        'toolkit.startup.max_resumed_crashes': -1,
        ...(quotaKb && { 'dom.quotaManager.temporaryStorage.fixedLimit': quotaKb }),
      },
    })
    return toBrowser(browser, toTab)
  },
}

function toTab(page: Page): KeyboardTab {
  // A tab in the background paints nothing, and what is not painted can not be pressed.
  const find = async (testId: string) => {
    await page.bringToFront()
    return page.locator(toSelector(testId))
  }
  return {
    async open(url) {
      await page.goto(url)
    },
    click: async (testId) => (await find(testId)).click(),
    async type(testId, text) {
      await (await find(testId)).click()
      await page.keyboard.type(text)
    },
    async press(key, { shift = false } = {}) {
      if (shift) await page.keyboard.down('Shift')
      await page.keyboard.press(key === 'Space' ? ' ' : key)
      if (shift) await page.keyboard.up('Shift')
    },
    write: (text) => page.keyboard.type(text),
    run: <A extends readonly unknown[], T>(work: (...args: A) => T, ...args: A) =>
      page.evaluate<unknown[], (...args: unknown[]) => T>(work as never, ...args) as Promise<
        Awaited<T>
      >,
    close: () => page.close(),
  }
}
