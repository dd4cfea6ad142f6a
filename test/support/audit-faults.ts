import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Make, Tab } from '../e2e/support/tab.js'
import type { FaultsPage } from './faults-page.js'
import { buildPage } from './outage.js'

const ROWS = 3_000

declare const faults: FaultsPage

export interface FaultsResult {
  kills: number
  /** Rows that differed, over all lives. */
  differing: number
  /** Rows that an audit did not tell, or told in vain. */
  missed: string[]
}

/** Kills a browser while it writes and audits, over and over; asks the next one what differs. */
export async function runFaults(
  make: Make,
  o: { kills: number; draw(): number },
): Promise<FaultsResult> {
  const html = await buildPage('./faults-page.ts')
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const folder = await mkdtemp(join(tmpdir(), 'graysync-faults-'))
  const result: FaultsResult = { kills: 0, differing: 0, missed: [] }
  let browser = await make.launch(folder, {})
  try {
    while (result.kills < o.kills) {
      const tab = await openPage(await browser.openTab(), url)
      await tab.run((rows) => faults.fill(rows), ROWS)
      await judge(tab, result)
      await tab.run((rows) => faults.work(rows), ROWS)
      await new Promise((resolve) => setTimeout(resolve, 20 + o.draw() * 1_500))
      await browser.kill()
      result.kills++
      browser = await make.launch(folder, {})
    }
    await judge(await openPage(await browser.openTab(), url), result)
  } finally {
    await browser.close()
    server.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  return result
}

async function judge(tab: Tab, result: FaultsResult): Promise<void> {
  const { told, differing } = await tab.run(() => faults.settle())
  result.differing += differing.length
  result.missed.push(
    ...differing.filter((id) => !told.includes(id)).map((id) => `${id} not told`),
    ...told.filter((id) => !differing.includes(id)).map((id) => `${id} told in vain`),
  )
}

async function openPage(tab: Tab, url: string): Promise<Tab> {
  await tab.open(url)
  for (;;) {
    const isReady = await tab.run(() => 'faults' in globalThis).catch(() => false)
    if (isReady) return tab
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
