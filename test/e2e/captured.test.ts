import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { buildPage } from '../support/outage.js'
import { isPresent } from '../support/presence.js'
import { signPlans } from '../sweep/plans.js'
import type { CapturedPage } from './faults/captured.js'
import { type Lab, openLab } from './faults/profile.js'
import { type FaultsServer, serveFaults } from './faults/server.js'
import { lifelike } from './support/lifelike.js'
import type { Tab } from './support/tab.js'

const KILLS = 3
const ROOM = 4_000_000

const isHere = isPresent('captured writes that are broken off in Chromium', lifelike.absence)

describe.runIf(isHere)('a write that is captured, in Chromium', () => {
  let lab: Lab
  let server: FaultsServer

  beforeAll(async () => {
    const present = await buildPage('../e2e/faults/captured.ts')
    lab = await openLab({ make: lifelike, builds: { present }, plans: await signPlans(1) })
  })

  // An origin of its own, with nothing stored and no quota asked for.
  beforeEach(async () => {
    server = await serveFaults({ tier: 'keyed', ...lab })
  })

  afterEach(() => server?.close())

  afterAll(() => lab?.close())

  async function load(tab: Tab): Promise<Tab> {
    await tab.open(`${server.url}present`)
    await expect.poll(() => tab.run(() => 'captured' in window)).toBe(true)
    return tab
  }
  const read = (tab: Tab): ReturnType<CapturedPage['read']> => tab.run(() => window.captured.read())

  it('is there with its operation when the browser is killed behind its promise, and what was not told is there whole or not at all', async () => {
    const told: string[] = []
    for (let times = 0; times < KILLS; times++) {
      const tab = await load(await lab.browser().openTab())
      told.push(await tab.run((id) => window.captured.write(id), `told-${times}`))
      await lab.kill()
    }
    const { rows, operations } = await read(await load(await lab.browser().openTab()))
    expect(rows).toEqual(expect.arrayContaining(told))
    expect(rows.length).toBeGreaterThan(KILLS)
    expect(operations).toEqual(rows)
  })

  it('for which there is no room leaves neither row nor operation', async () => {
    const tab = await lab.browser().openTab()
    await tab.open(`${server.url}away`)
    await tab.setQuota?.(ROOM)
    const { id, error } = await (await load(tab)).run(() => window.captured.fill())
    expect(error).toContain('Quota')
    const { rows, operations } = await read(tab)
    expect(rows).not.toContain(id)
    expect(operations).toEqual(rows)
  })
})
