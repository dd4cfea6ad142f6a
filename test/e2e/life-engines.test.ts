import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPresent } from '../support/presence.js'
import { type LifeServer, serveLife } from './life/server.js'
import { firefox } from './support/firefox.js'
import type { Browser, Tab } from './support/tab.js'
import { webkit } from './support/webkit.js'

const WAIT = { timeout: 60_000, interval: 100 }

for (const make of [firefox, webkit]) {
  describe.runIf(isPresent(`page life in ${make.name}`, make.absence))(make.name, () => {
    let folder: string
    let server: LifeServer
    let browser: Browser

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'graysync-life-'))
      server = await serveLife()
      await server.publish(0)
      browser = await make.launch(folder)
    })

    afterAll(async () => {
      await browser?.close()
      await server?.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    })

    const show = (tab: Tab) =>
      tab
        .run(() => {
          if (!('life' in window)) return null
          const snapshot = window.life.gray.getSnapshot()
          const { phase, running } = snapshot
          if (snapshot.phase !== 'running') return { phase, running }
          return { phase, running, role: snapshot.role, blocked: snapshot.blocked?.by ?? null }
        })
        .catch(() => null)

    const expectShown = (tab: Tab, shown: object) =>
      expect.poll(() => show(tab), WAIT).toMatchObject(shown)

    async function open(path: string): Promise<Tab> {
      const tab = await browser.openTab()
      await tab.open(`${server.url}${path}`)
      return tab
    }

    it('lets another tab lead while a page is left, and follow when the user comes back', async () => {
      const leader = await open('')
      await expectShown(leader, { running: 'legacy', role: 'writer' })
      const follower = await open('')
      await expectShown(follower, { running: 'legacy', role: 'follower' })
      await leader.run(() => void setTimeout(() => location.assign('/stale')))
      await expectShown(follower, { running: 'legacy', role: 'writer' })
      await leader.run(() => void setTimeout(() => history.back()))
      await expectShown(leader, { running: 'legacy', role: 'follower' })
      await follower.close()
      await expectShown(leader, { running: 'legacy', role: 'writer' })
      await leader.close()
    })

    // WebDriver can open no more tabs once the one that it was in is closed.
    if (make !== firefox) return

    it('runs one engine where two copies of the SDK are in one page', async () => {
      const tab = await open('?twice')
      await expect.poll(() => tab.run(() => window.starts).catch(() => 0), WAIT).toBe(1)
      await expectShown(tab, { running: 'legacy' })
      expect(await tab.run(() => window.starts)).toBe(1)
      await tab.close()
    })

    it('finds a tab without graysync by the worker, and hands over once that is closed', async () => {
      const tab = await open('?worker')
      await expectShown(tab, { running: 'legacy', role: 'writer' })
      await tab.run(() => void window.life.write('a'))
      const stale = await open('stale')
      await server.publish(100_000)
      await tab.open(`${server.url}?worker`)
      await expectShown(tab, { running: 'legacy', role: 'writer', blocked: 'OLD_TAB' })
      await stale.close()
      await tab.open(`${server.url}?worker`)
      await expectShown(tab, { running: 'refactored', role: 'writer', blocked: null })
      await tab.close()
    })
  })
}
