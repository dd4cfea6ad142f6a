import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  buildPage,
  type Lab,
  OUTAGES,
  openLab,
  openUpstream,
  runOutage,
} from '../support/outage.js'
import type { OutagePage } from '../support/outage-page.js'
import { isPresent } from '../support/presence.js'
import { chromium } from './support/chromium.js'
import { firefox } from './support/firefox.js'
import { minibrowser } from './support/minibrowser.js'
import type { Make } from './support/tab.js'

declare const outage: OutagePage

/** What a page does to itself, and everybody else learns of afterwards. */
const MISHAPS = ['commit, then drop', 'tab closed', 'SIGKILL', 'six days']
const WAIT = { timeout: 30_000, interval: 20 }

let html: string

beforeAll(async () => {
  html = await buildPage()
})

for (const make of [chromium, firefox, minibrowser]) {
  const isHere = isPresent(`Outages in ${make.name}`, make.absence)
  describe.skipIf(!isHere)(`in ${make.name}`, () => runInside(make))
}

function runInside(make: Make): void {
  let lab: Lab

  beforeAll(async () => {
    lab = await openLab(make)
  })

  afterAll(() => lab?.close())

  it.each(OUTAGES.filter(({ name }) => MISHAPS.includes(name)))(
    '60 events outlive an outage: $name',
    async (each) => {
      const how = { html, events: 60, outageMs: 3_000, waitMs: 30_000 }
      expect(await runOutage(lab, each, how)).toMatchObject({ alone: 60, doubled: 0 })
    },
  )

  it('the last moment of a page reaches upstream, each record once, though nobody opens the page again', async () => {
    const { url, collector, tally } = await openUpstream(html)
    try {
      const tab = await lab.openPage(url)
      await tab.run(() => {
        setTimeout(() => {
          for (let index = 0; index < 40; index++) outage.emit(index)
          location.href = 'about:blank'
        })
      })
      await expect.poll(() => tally.events(), WAIT).toBe(40)
      expect([tally.doubled(), tally.repeated()]).toEqual([0, 0])
    } finally {
      await collector.close()
    }
  })
}
