import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium as driver, type Page } from 'playwright'
import { endGroup } from './group.js'
import { type KeyboardTab, type Make, toSelector } from './tab.js'

const PATH = process.env.CHROMIUM ?? '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  '--remote-debugging-port=0',
  // So that a page can tell how much it holds.
  '--enable-precise-memory-info',
  '--js-flags=--expose-gc',
]
const PORT_FILE = 'DevToolsActivePort'
// What a killed Chromium leaves, and the next one stumbles over.
const LEFT = ['SingletonLock', 'SingletonCookie', 'SingletonSocket', PORT_FILE]

/** Chromium over the DevTools protocol, as a process of its own. */
export const chromium: Make<KeyboardTab> = {
  name: 'Chromium',
  keepsStorage: true,
  absence: existsSync(PATH) ? null : `no Chromium at ${PATH}`,
  async launch(folder, { quotaKb } = {}) {
    const profile = join(folder, 'profile')
    for (const name of LEFT) await rm(join(profile, name), { force: true })
    const { child, browser } = await start(profile)
    const kill = async () => {
      await endGroup(child)
      await browser.close().catch(() => undefined)
    }
    return {
      async openTab() {
        const [context] = browser.contexts()
        if (!context) throw new Error('no context')
        return toTab(await context.newPage(), quotaKb)
      },
      kill,
      close: kill,
    }
  },
}

async function start(profile: string): Promise<{ child: ChildProcess; browser: Browser }> {
  const child = spawn(PATH, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    detached: true,
    stdio: 'ignore',
  })
  const endpoint = await readEndpoint(join(profile, PORT_FILE))
  return { child, browser: await driver.connectOverCDP(endpoint) }
}

async function readEndpoint(file: string): Promise<string> {
  for (let i = 0; i < 300; i++) {
    const [port, path] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
    if (port && path) return `ws://127.0.0.1:${port}${path}`
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('Chromium did not start within 30 s')
}

function toTab(page: Page, quotaKb: number | undefined): KeyboardTab {
  return {
    async open(url) {
      await page.goto(url)
      if (quotaKb === undefined) return
      const session = await page.context().newCDPSession(page)
      const { origin } = new URL(url)
      await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: quotaKb * 1_024 })
    },
    click: (testId) => page.click(toSelector(testId)),
    async type(testId, text) {
      await page.click(toSelector(testId))
      await page.keyboard.type(text)
    },
    press: (key, { shift = false } = {}) => page.keyboard.press(shift ? `Shift+${key}` : key),
    write: (text) => page.keyboard.type(text),
    run: <A extends readonly unknown[], T>(work: (...args: A) => T, ...args: A) =>
      page.evaluate(
        ([source, given]) => new Function('given', `return (${source})(...given)`)(given),
        [String(work), args] as const,
      ) as Promise<Awaited<T>>,
    close: () => page.close(),
  }
}
