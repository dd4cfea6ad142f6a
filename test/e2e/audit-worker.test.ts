import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isPresent } from '../support/presence.js'
import type {} from './audit-worker/page.js'
import { bundle } from './support/bundle.js'
import { chromium } from './support/chromium.js'
import { firefox } from './support/firefox.js'
import type { Browser, Make, Tab } from './support/tab.js'
import { webkit } from './support/webkit.js'

const SILENCE = 'AUDIT worker: it said nothing for 30 seconds'

let folder: string
let server: Server
let url: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graysync-audit-worker-'))
  const scripts: Readonly<Record<string, string>> = {
    '/page.js': await bundle(new URL('./audit-worker/page.ts', import.meta.url)),
    '/worker.js': await bundle(new URL('./audit-worker/worker.ts', import.meta.url)),
  }
  server = createServer(({ url = '' }, response) => {
    const script = scripts[url]
    response.statusCode = url === '/nothing.js' ? 404 : 200
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ?? '<!doctype html><script type="module" src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})

afterAll(async () => {
  server?.closeAllConnections()
  server?.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
})

for (const make of [chromium, firefox, webkit]) {
  const isHere = isPresent(`Audits in a worker of ${make.name}`, make.absence)
  describe.skipIf(!isHere)(`an audit in a worker of ${make.name}`, () => auditThere(make))
}

function auditThere(make: Make): void {
  let browser: Browser
  let tab: Tab

  beforeAll(async () => {
    browser = await make.launch(join(folder, make.name))
    tab = await browser.openTab()
    await tab.open(url)
    const isThere = async () => expect(await tab.run(() => 'workerLab' in window)).toBe(true)
    await vi.waitFor(isThere, { timeout: 30_000 })
    await tab.run(() => window.workerLab.fill())
  })

  afterAll(() => browser?.close())

  it('says what it says in the page', async () => {
    const there = await tab.run(() => window.workerLab.inWorker())
    expect(there).toEqual(await tab.run(() => window.workerLab.inPage()))
    expect(there.complete).toBe(true)
    expect(there.divergences.sort()).toEqual([
      'card-0000 changed text',
      'card-1500 missing ',
      'extra extra ',
    ])
    expect(there.tables[0]).toMatchObject({ compared: 3_000, inFlight: 1 })
  })

  it('ends before its end where it is given up', async () => {
    const { complete, tables } = await tab.run(() => window.workerLab.giveUp())
    expect(complete).toBe(false)
    expect(tables[0]?.compared).toBeLessThan(3_000)
  })

  it('fails where the worker has no script', async () => {
    expect(await tab.run(() => window.workerLab.loadNothing())).toContain(
      "AUDIT worker: it can't start",
    )
  })

  it('fails where the worker is ended in the middle', async () => {
    expect(await tab.run(() => window.workerLab.kill())).toContain(SILENCE)
  })
}
