import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hurry } from '../support/hurry.js'
import { openProfile, type Profile } from './support/browser.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const WAIT = { timeout: 60_000, interval: 200 }
const CARDS = 40
const ROLLOUT = { shadow: { share: 100_000 }, audit: { intervalMs: 60_000 } }

let upstream: TestUpstream
let profile: Profile
let page: Page
const asked: string[] = []

beforeAll(async () => {
  upstream = await startUpstream()
  profile = await openProfile()
  // A first comparison waits half a minute, later ones a minute and longer.
  await profile.context.addInitScript(`(${hurry})(20, 25_000)`)
})

afterAll(async () => {
  await profile?.close()
  await upstream?.close()
})

async function countOperations(): Promise<number> {
  const [row] = await upstream.database.query<{ n: number }>(
    'select count(*)::int as n from graysync_operations',
  )
  return row?.n ?? 0
}

const readShadow = async () => {
  const shadow = page.getByTestId('shadow')
  if ((await shadow.count()) === 0) return null
  return shadow.evaluate((element): Record<string, string | undefined> => {
    const { dataset, textContent } = element as HTMLElement
    return { ...dataset, text: textContent ?? '' }
  })
}

async function expectShadow(expected: object): Promise<void> {
  await expect.poll(readShadow, { timeout: 90_000, interval: 250 }).toMatchObject(expected)
}

/** What was asked that may change rows on the server: an audit of the owner against it only reads. */
const sends = () => asked.filter((one) => !/^GET |^POST \/api\/source\//.test(one))

/** Spoils a card in the store of one engine, past every engine. */
async function spoil(database: string): Promise<void> {
  await page.evaluate(async (name) => {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = () => reject(opening.error)
    })
    const tx = db.transaction('cards', 'readwrite')
    const done = new Promise((resolve, reject) => {
      tx.oncomplete = resolve
      tx.onabort = () => reject(tx.error)
    })
    const cards = tx.objectStore('cards')
    const reading = cards.getAll(null, 1)
    reading.onsuccess = () => {
      const [card] = reading.result
      cards.put({ ...card, frontContent: { ...card.frontContent, text: 'spoilt' } })
    }
    await done
    db.close()
  }, database)
}

const awaitEngine = (name: string) =>
  expect.poll(() => page.getByTestId('engine').getAttribute('data-engine'), WAIT).toBe(name)

const awaitSent = () =>
  expect.poll(() => page.getByTestId('pending').getAttribute('data-count'), WAIT).toBe('0')

const openSettings = () => page.getByTestId('open-settings').click()

/** One operation arrives for it. */
async function writeCard(title: string): Promise<void> {
  const before = await countOperations()
  await page.keyboard.press('Escape')
  await page.getByTestId('new-card').click()
  await page.getByTestId('card-title').fill(title)
  await page.getByTestId('save-card').click()
  await page.getByTestId('card').filter({ hasText: title }).waitFor()
  await expect.poll(countOperations, WAIT).toBe(before + 1)
  await openSettings()
}

describe('the other engine of the demo app, in shadow', () => {
  it('is filled and found equal, in a page that was open when the rollout came', async () => {
    await upstream.publish({ ...ROLLOUT, stages: [{ name: 'first', share: 0 }] })
    page = await profile.open(`${upstream.url}/?demo=${CARDS}`)
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/api/')) asked.push(`${request.method()} ${pathname}`)
    })
    await page.getByTestId('allow-consent').click()
    await awaitEngine('legacy')
    await expect.poll(() => page.getByTestId('seeding').count(), WAIT).toBe(0)
    await awaitSent()
    await openSettings()
    await expectShadow({ engine: 'refactored', state: 'running', differing: '0', errors: '0' })
    // A first comparison may come before all demo cards are written.
    await expect.poll(async () => Number((await readShadow())?.rows), WAIT).toBeGreaterThan(CARDS)
  })

  it('takes what the user writes, and sends nothing', async () => {
    await writeCard('Written in front of a shadow 影子')
    await expectShadow({ applied: expect.stringMatching(/[1-9]/), refused: '0', errors: '0' })
    expect(asked).toContain('GET /api/changes')
    expect([...new Set(sends())].sort()).toEqual(
      ['cards', 'folders', 'images', 'tags'].map((table) => `POST /api/rest/${table}`),
    )
    expect(await readShadow()).toMatchObject({ differing: '0' })
  })

  it('is told of by the field in which a row was spoilt there', async () => {
    await spoil('CardEverythingNext')
    await expectShadow({
      state: 'running',
      differing: '1',
      text: expect.stringContaining('cards.frontContent.text'),
    })
    const readTold = () =>
      upstream.database.query(
        `select attributes ->> 'graysync.divergence.kind' as kind,
           attributes ->> 'graysync.divergence.paths' as paths
         from graysync_records where name = 'graysync.divergence'`,
      )
    await expect.poll(readTold, WAIT).toEqual([{ kind: 'changed', paths: 'frontContent.text' }])
  })

  it('changes places with the owner at a handover, which heals it', async () => {
    await upstream.publish({ ...ROLLOUT, stages: [{ name: 'first', share: 100_000 }] })
    await expect.poll(() => page.getByTestId('reload').count(), WAIT).toBe(1)
    await page.keyboard.press('Escape')
    await page.getByTestId('reload').click()
    await awaitEngine('refactored')
    asked.splice(0)
    await openSettings()
    await expectShadow({ engine: 'legacy', state: 'running', differing: '0', errors: '0' })
    await writeCard('Written in front of the other one 另一个')
    await expectShadow({ applied: expect.stringMatching(/[1-9]/), refused: '0' })
    expect([...new Set(sends())]).toEqual(['POST /api/apply'])
    expect(asked).toContain('GET /api/rest/cards')
    expect(profile.complaints).toEqual([])
  })
})
