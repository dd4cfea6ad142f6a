import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright'

const ARGS = ['--no-sandbox', '--disable-background-networking', '--disable-quic']

export interface Profile {
  context: BrowserContext
  /** What pages said on their consoles as errors, and errors nobody caught. */
  complaints: string[]
  open(url: string): Promise<Page>
  close(): Promise<void>
}

/** A browser profile on disk of its own; `args` are added to Chromium's. */
export async function openProfile(args: readonly string[] = []): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'graysync-profile-'))
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    locale: 'en-GB',
    args: [...ARGS, ...args],
  })
  const complaints: string[] = []
  return {
    context,
    complaints,
    async open(url) {
      const page = await context.newPage()
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error' && !isNetwork(message.text())) {
          complaints.push(message.text())
        }
      })
      await page.goto(url)
      return page
    },
    async close() {
      await context.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** What Chromium itself says of the network: a request that failed offline, a header that plain http makes void. */
function isNetwork(text: string): boolean {
  return /net::ERR_|Failed to load resource|origin was untrustworthy/.test(text)
}
