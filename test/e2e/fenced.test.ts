import type { Page, Request, Route } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openProfile, type Profile } from './support/browser.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const WAIT = { timeout: 30_000, interval: 100 }
const SENDS = /\/api\/(rest\/\w+|apply)$/

let upstream: TestUpstream
let profile: Profile
let page: Page

beforeAll(async () => {
  upstream = await startUpstream()
  profile = await openProfile()
})

afterAll(async () => {
  await profile?.close()
  await upstream?.close()
})

const attribute = (testId: string, name: string) => page.getByTestId(testId).getAttribute(name)
const awaitEngine = (name: string) =>
  expect.poll(() => attribute('engine', 'data-engine'), WAIT).toBe(name)
const awaitTier = (tier: string) =>
  expect.poll(() => attribute('engine', 'data-tier'), WAIT).toBe(tier)

async function writeCard(title: string): Promise<void> {
  await page.getByTestId('new-card').click()
  await page.getByTestId('card-title').fill(title)
  await page.getByTestId('save-card').click()
}

const countCards = async (title: string) => {
  const [row] = await upstream.database.query<{ n: number }>(
    `select count(*)::int as n from cards where front_content ->> 'title' = $1 and sync_version = 1`,
    [title],
  )
  return row?.n
}

/** The server has the card, written once. */
const awaitArrived = (title: string) => expect.poll(() => countCards(title), WAIT).toBe(1)

const isSend = (request: Request) => SENDS.test(request.url()) && request.method() !== 'GET'

/** Takes the next send of the page into the hands of the test. */
async function holdSend(act: () => Promise<void>): Promise<Route> {
  const held = new Promise<Route>((resolve) => {
    let taken = false
    void page.route(SENDS, async (route) => {
      if (taken || !isSend(route.request())) return route.fallback()
      taken = true
      resolve(route)
    })
  })
  await act()
  return held
}

/** A later page of the same device writes, as the server sees it. */
async function raiseTerm(request: Request): Promise<void> {
  const { authorization = '', ...headers } = request.headers()
  const body = {
    device: headers['graysync-device'],
    term: Number(headers['graysync-term']) + 1,
    operations: [{ opId: crypto.randomUUID(), entity: 'cards', entityId: 'none', kind: 'delete' }],
  }
  const answer = await fetch(`${upstream.url}/api/apply`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
}

/** The send that is on the wire when its term ends is refused by the server, and sent again under the next. */
async function fenceOnce(title: string): Promise<void> {
  const held = await holdSend(() => writeCard(title))
  await raiseTerm(held.request())
  await held.continue()
  await awaitArrived(title)
}

describe('the guarantee of the demo app', () => {
  it('rises to fenced as its two engines and its server show what they do', async () => {
    await upstream.publish({})
    page = await profile.open(upstream.url)
    await awaitEngine('legacy')
    await writeCard('first on legacy')
    await awaitArrived('first on legacy')

    const lost = await holdSend(() => writeCard('arrives, and its answer does not'))
    await lost.fetch()
    const again = page.waitForResponse((answer) => isSend(answer.request()))
    await lost.abort()
    await again
    await fenceOnce('refused once on legacy')
    expect(await attribute('engine', 'data-tier')).not.toBe('fenced')

    await upstream.publish({ stages: [{ name: 'first', share: 100_000 }] })
    await expect.poll(() => page.getByTestId('reload').count(), WAIT).toBe(1)
    await page.getByTestId('reload').click()
    await awaitEngine('refactored')
    await writeCard('first on refactored')
    await awaitArrived('first on refactored')
    await awaitTier('keyed')
    await fenceOnce('refused once on refactored')
    await awaitTier('fenced')
  })

  it('is not what any operation was lost or doubled for', async () => {
    for (const title of [
      'first on legacy',
      'arrives, and its answer does not',
      'refused once on legacy',
      'first on refactored',
      'refused once on refactored',
    ]) {
      expect([title, await countCards(title)]).toEqual([title, 1])
    }
  })

  it('is still that after a reload', async () => {
    await page.reload()
    await awaitEngine('refactored')
    await awaitTier('fenced')
  })

  it('falls with the first answer that does not name its term', async () => {
    const held = await holdSend(() => writeCard('answered without a term'))
    const answer = await held.fetch()
    const { 'graysync-term': _, ...headers } = answer.headers()
    await held.fulfill({ response: answer, headers })
    await awaitTier('keyed')
    await awaitArrived('answered without a term')
  })

  it('is written into the database that was left: it names the new owner', async () => {
    const owner = await page.evaluate(async () => {
      const settled = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result)
          request.onerror = () => reject(request.error)
        })
      const db = await settled(indexedDB.open('CardEverything'))
      const fence = db.transaction('graysyncFence').objectStore('graysyncFence')
      const replica: { owner: string } = await settled(fence.get('replica'))
      db.close()
      return replica.owner
    })
    expect(owner).toBe('refactored')
    expect(profile.complaints).toEqual([])
  })
})
