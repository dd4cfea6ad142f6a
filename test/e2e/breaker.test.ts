import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { runRollout } from '../../scripts/rollout/command.js'
import { openProfile, type Profile } from './support/browser.js'
import { expectArrived } from './support/cloud.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const WAIT = { timeout: 60_000, interval: 50 }
/** Four faults of which none is the other: the same one counts once in ten seconds. */
const FAULTS = [500, 501, 502, 503]
/** Long enough for an engine that is told to try at once. */
const QUIET_MS = 1_000
const EVERYBODY = { stages: [{ name: 'first', share: 100_000 }] }

let upstream: TestUpstream
let profile: Profile
let page: Page

beforeAll(async () => {
  upstream = await startUpstream()
})
beforeEach(async () => {
  await upstream.publish(EVERYBODY)
  profile = await openProfile()
  page = await profile.open(`${upstream.url}/`)
  await page.getByTestId('allow-consent').click()
  await reloadAsAsked()
  await expectShown({ engine: 'refactored', reason: 'IN_SHARE' })
})
afterEach(() => profile?.close())
afterAll(() => upstream?.close())

interface Shown {
  engine: string | null
  reason: string | null
}

async function expectShown(shown: Shown): Promise<void> {
  const read = (name: string) => page.getByTestId('engine').getAttribute(`data-${name}`)
  await expect
    .poll(async () => ({ engine: await read('engine'), reason: await read('reason') }), WAIT)
    .toEqual(shown)
}

/** As a user does it, once the app offers it. */
async function reloadAsAsked(): Promise<void> {
  await page.getByTestId('reload').waitFor({ timeout: WAIT.timeout })
  await page.getByTestId('reload').click()
}

async function writeCard(title: string): Promise<void> {
  await page.getByTestId('new-card').click()
  await page.getByTestId('card-title').fill(title)
  await page.getByTestId('save-card').click()
  await page.getByTestId('card').filter({ hasText: title }).waitFor()
}

async function expectPending(count: number): Promise<void> {
  await expect
    .poll(() => page.getByTestId('pending').getAttribute('data-count'), WAIT)
    .toBe(String(count))
}

async function saveSupportFile(): Promise<unknown> {
  await page.getByTestId('open-settings').click()
  const saved = page.waitForEvent('download')
  await page.getByTestId('support-file').click()
  const file = await (await saved).path()
  await page.keyboard.press('Escape')
  return JSON.parse(await readFile(file, 'utf8'))
}

async function expectTripUpstream(by: string): Promise<void> {
  const query = () =>
    upstream.database.query<{ attributes: Record<string, unknown> }>(
      `select attributes from graysync_records
       where name = 'graysync.trip' and attributes ->> 'graysync.trip.by' = $1`,
      [by],
    )
  await expect.poll(query, WAIT).toMatchObject([
    {
      attributes: {
        'graysync.engine.version': '1.0.0',
        'graysync.arm': 'candidate',
      },
    },
  ])
}

describe('a refactored engine', () => {
  it('that always fails is given up at the fourth failure, and each operation arrives once through legacy, until a reset', async () => {
    const titles = ['before it fails']
    const write = async (title: string) => {
      titles.push(title)
      await writeCard(title)
    }
    await writeCard('before it fails')
    await expectArrived(upstream, titles)

    const sends: number[] = []
    await profile.context.route('**/api/apply', (route) => {
      const status = FAULTS[sends.length % FAULTS.length] ?? 500
      sends.push(status)
      return route.fulfill({ status })
    })
    await write('while it fails')
    await page.getByTestId('reload').waitFor({ timeout: WAIT.timeout })
    expect(sends).toEqual(FAULTS)
    expect(await saveSupportFile()).toMatchObject({
      snapshot: { running: 'refactored', reload: 'wanted', pending: { count: 1 } },
      journal: expect.arrayContaining([
        expect.objectContaining({
          kind: 'breaker.trip',
          detail: { by: 'failures', version: '1.0.0' },
        }),
      ]),
    })

    await write('after the trip')
    // Its own wait for the next attempt ends here.
    await page.evaluate(() => dispatchEvent(new Event('online')))
    await page.waitForTimeout(QUIET_MS)
    expect(sends).toEqual(FAULTS)
    await expectPending(2)
    await expectArrived(upstream, ['before it fails'])
    await expectTripUpstream('failures')

    await profile.context.unroute('**/api/apply')
    await reloadAsAsked()
    await expectShown({ engine: 'legacy', reason: 'ROLLED_BACK' })
    await expectPending(0)
    await expectArrived(upstream, titles)

    await upstream.publish(EVERYBODY)
    await page.reload()
    await expectShown({ engine: 'legacy', reason: 'ROLLED_BACK' })
    await write('on legacy')
    await expectArrived(upstream, titles)
    const lines: string[] = []
    const url = `${upstream.url}/rollouts/sync-engine`
    expect(
      await runRollout(['reset', '--url', url], (line) => lines.push(line)),
      lines.join(),
    ).toBe(0)
    await reloadAsAsked()
    await expectShown({ engine: 'refactored', reason: 'IN_SHARE' })
    await write('after the reset')
    await expectArrived(upstream, titles)
    await expectPending(0)
    expect(profile.complaints).toEqual([])
  })

  it('that takes its page with it three times is not started a fourth time', async () => {
    await writeCard('before it crashes')
    await expectArrived(upstream, ['before it crashes'])
    for (let crash = 0; crash < 3; crash++) {
      const gone = page.waitForEvent('crash')
      const session = await profile.context.newCDPSession(page)
      session.send('Page.crash').catch(() => undefined)
      await gone
      await page.close()
      page = await profile.open(`${upstream.url}/`)
      if (crash < 2) await expectShown({ engine: 'refactored', reason: 'KEPT' })
    }
    await expectShown({ engine: 'legacy', reason: 'ROLLED_BACK' })
    await page.getByTestId('card').filter({ hasText: 'before it crashes' }).waitFor()
    await expectTripUpstream('boots')
    expect(profile.complaints).toEqual([])
  })

  it('may be started as often as the user reloads', async () => {
    for (let reload = 0; reload < 4; reload++) {
      await page.reload()
      await expectShown({ engine: 'refactored', reason: 'KEPT' })
    }
    expect(profile.complaints).toEqual([])
  })
})
