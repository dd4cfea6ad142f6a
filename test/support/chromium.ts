import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright'

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
]

/** A Chromium with a profile that outlives it. */
export interface Chromium {
  open(url: string): Promise<Page>
  /** Ends every process of it at once, as a crash or an out-of-memory does, and starts anew on the same profile. */
  kill(): Promise<void>
  close(): Promise<void>
}

export async function startChromium(): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'graysync-profile-'))
  let running = await launch(profile)

  const end = async () => {
    const { process: child, browser } = running
    const gone = new Promise((resolve) => child.once('exit', resolve))
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    await gone
    await browser.close().catch(() => undefined)
  }

  return {
    async open(url) {
      const [context] = running.browser.contexts()
      if (!context) throw new Error('no context')
      const page = await context.newPage()
      await page.goto(url)
      return page
    },
    async kill() {
      await end()
      for (const name of [
        'SingletonLock',
        'SingletonCookie',
        'SingletonSocket',
        'DevToolsActivePort',
      ]) {
        await rm(join(profile, name), { force: true })
      }
      running = await launch(profile)
    },
    async close() {
      await end()
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function launch(profile: string): Promise<{ process: ChildProcess; browser: Browser }> {
  const path = process.env.CHROMIUM ?? '/usr/bin/chromium'
  const child = spawn(path, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    detached: true,
    stdio: 'ignore',
  })
  const endpoint = await readEndpoint(join(profile, 'DevToolsActivePort'))
  return { process: child, browser: await chromium.connectOverCDP(endpoint) }
}

async function readEndpoint(file: string): Promise<string> {
  for (let i = 0; i < 300; i++) {
    const [port, path] = (await readFile(file, 'utf8').catch(() => '')).split('\n')
    if (port && path) return `ws://127.0.0.1:${port}${path}`
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('Chromium did not start within 30 s')
}
