import type { Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openProfile, type Profile } from './support/browser.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const CARDS = 200
const EDITS = 20
const DELETES = 5
/** One red pixel. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==',
  'base64',
)
const WAIT = { timeout: 60_000, interval: 200 }

let upstream: TestUpstream
let profile: Profile
let page: Page
/** The facts that the form showed as going along with the feedback. */
let facts: string[]

beforeAll(async () => {
  upstream = await startUpstream()
  profile = await openProfile()
})

afterAll(async () => {
  await profile?.close()
  await upstream?.close()
})

const engine = (on: Page) => on.getByTestId('engine')
const attribute = (on: Page, testId: string, name: string) =>
  on.getByTestId(testId).getAttribute(name)

async function awaitEngine(on: Page, name: string): Promise<void> {
  await expect.poll(() => engine(on).getAttribute('data-engine'), WAIT).toBe(name)
}

async function awaitSent(on: Page): Promise<void> {
  await expect.poll(() => attribute(on, 'pending', 'data-count'), WAIT).toBe('0')
}

const countCards = async (on: Page) => Number(await attribute(on, 'card-count', 'data-total'))

interface CloudCard {
  id: string
  title: string
  deleted: boolean
  version: number
}

const readCloudCards = () =>
  upstream.database.query<CloudCard>(
    `select id, front_content ->> 'title' as title, is_deleted as deleted, sync_version as version
     from cards order by id`,
  )

async function countRows(sql: string): Promise<number> {
  const [row] = await upstream.database.query<{ n: string }>(
    `select count(*)::text as n from ${sql}`,
  )
  return Number(row?.n)
}

const awaitCards = (count: number) =>
  expect.poll(() => countRows('cards where not is_deleted'), WAIT).toBe(count)

const titleOf = (n: number) => `Edited offline ${n} 离线修改`

describe('a first rollout of the demo app, end to end', () => {
  it('runs legacy at share 0 and syncs 200 generated cards', async () => {
    await upstream.publish({})
    page = await profile.open(`${upstream.url}/?demo=${CARDS}`)
    await page.getByTestId('allow-consent').click()
    await awaitEngine(page, 'legacy')
    await expect.poll(() => countCards(page), WAIT).toBe(CARDS)
    await expect.poll(() => page.getByTestId('seeding').count(), WAIT).toBe(0)
    await awaitSent(page)
    await awaitCards(CARDS)
    expect(await countRows('folders')).toBeGreaterThan(0)
    expect(await countRows('tags')).toBeGreaterThan(0)
    expect(await countRows('images')).toBeGreaterThan(0)
  })

  it('is on the published stage after the next start', async () => {
    await page.reload()
    await awaitEngine(page, 'legacy')
    expect(await engine(page).getAttribute('data-reason')).toBe('OUT_OF_SHARE')
    expect(await countCards(page)).toBe(CARDS)
  })

  let before: CloudCard[] = []
  const edited: string[] = []
  const deleted: string[] = []

  it('takes 20 edits and 5 deletes offline', async () => {
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null)
    before = await readCloudCards()
    await profile.context.setOffline(true)
    const ids = await page
      .getByTestId('card')
      .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-id') ?? ''))
    edited.push(...ids.slice(0, EDITS))
    deleted.push(...ids.slice(EDITS, EDITS + DELETES))
    for (const [n, id] of edited.entries()) {
      await page.locator(`[data-id="${id}"]`).getByTestId('edit-card').click()
      await page.getByTestId('card-title').fill(titleOf(n))
      await page.getByTestId('save-card').click()
      await page.locator(`[data-id="${id}"]`, { hasText: titleOf(n) }).waitFor()
    }
    for (const id of deleted) {
      await page.locator(`[data-id="${id}"]`).getByTestId('edit-card').click()
      await page.getByTestId('delete-card').click()
      await page.locator(`[data-id="${id}"]`).waitFor({ state: 'detached' })
    }
    expect(await countCards(page)).toBe(CARDS - DELETES)
    await expect
      .poll(async () => Number(await attribute(page, 'pending', 'data-count')), WAIT)
      .toBeGreaterThanOrEqual(EDITS + DELETES)
    expect((await readCloudCards()).filter((card) => card.deleted)).toEqual([])
  })

  it('keeps feedback that was written offline', async () => {
    await page.getByTestId('open-feedback').click()
    await page.getByLabel('Your message').fill('<b>Written offline</b> 离线写的')
    await page.getByLabel('You may contact me').check()
    await page.getByLabel('How to reach you').fill('ada@example.org')
    const file = { name: 'shot.png', mimeType: 'image/png', buffer: PICTURE }
    await page.getByLabel('A picture or file').setInputFiles(file)
    await page.getByText('shot.png (1 kB)').waitFor()
    await page.getByLabel('engine: legacy').uncheck()
    facts = await page
      .getByRole('group', { name: 'This goes along' })
      .locator('label:has(:checked)')
      .allTextContents()
    expect(facts).toHaveLength(2)
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await page.getByRole('status').filter({ hasText: 'Saved on this device' }).waitFor()
    await page.keyboard.press('Escape')
  })

  it('notices the new rollout once it is online, and hands over at the reload', async () => {
    await upstream.publish({ stages: [{ name: 'first', share: 100_000 }] })
    await profile.context.setOffline(false)
    await expect.poll(() => page.getByTestId('reload').count(), WAIT).toBe(1)
    expect(await engine(page).getAttribute('data-engine')).toBe('legacy')
    await page.getByTestId('reload').click()
    await awaitEngine(page, 'refactored')
    expect(await engine(page).getAttribute('data-reason')).toBe('IN_SHARE')
    expect(await countCards(page)).toBe(CARDS - DELETES)
    await awaitSent(page)
  })

  it('has left exactly the expected rows upstream, each operation applied once', async () => {
    const cards = await readCloudCards()
    expect(cards).toHaveLength(CARDS)
    const byId = new Map(cards.map((card) => [card.id, card]))
    expect(cards.filter((card) => card.deleted).map((card) => card.id)).toEqual([...deleted].sort())
    for (const [n, id] of edited.entries()) {
      expect(byId.get(id)).toMatchObject({ title: titleOf(n), deleted: false })
    }
    // The server counts the writes of a row: one for each operation, none for a repeated request.
    expect(cards.map(({ id, version }) => ({ id, version }))).toEqual(
      before.map(({ id, version }) => ({
        id,
        version: edited.includes(id) || deleted.includes(id) ? version + 1 : version,
      })),
    )
    const operations = await countRows('graysync_operations')
    const made = await Promise.all(
      ['cards', 'folders', 'tags', 'images'].map((table) => countRows(table)),
    )
    expect(operations).toBeGreaterThanOrEqual(made.reduce((sum, n) => sum + n, 0) + EDITS + DELETES)
  })

  it('finds no difference between the device and the server', async () => {
    await page.getByTestId('open-settings').click()
    await page.getByTestId('compare').click()
    await page.getByTestId('audit-verdict').waitFor({ timeout: 60_000 })
    expect(await attribute(page, 'audit-verdict', 'data-clean')).toBe('true')
  })

  it('reports a planted difference with its field', async () => {
    await upstream.database.query(
      `update cards set front_content = jsonb_set(front_content, '{title}', '"planted"') where id = $1`,
      [edited[0] ?? ''],
    )
    // The engine must not pull the planted row before the audit has read it.
    await page.route('**/api/changes*', (route) => route.abort())
    await page.getByTestId('compare').click()
    await expect.poll(() => attribute(page, 'audit-verdict', 'data-clean'), WAIT).toBe('false')
    expect(await page.getByTestId('audit').textContent()).toContain('frontContent.title')
    await page.unroute('**/api/changes*')
    await page.keyboard.press('Escape')
  })

  it('goes back to legacy at the next start after a kill, with nothing lost', async () => {
    await page.getByTestId('new-card').click()
    await page.getByTestId('card-title').fill('Written on refactored')
    await page.getByTestId('save-card').click()
    await awaitCards(CARDS - DELETES + 1)
    await upstream.publish({ kill: true })
    await expect.poll(() => page.getByTestId('reload').count(), WAIT).toBe(1)
    await page.getByTestId('reload').click()
    await awaitEngine(page, 'legacy')
    expect(await engine(page).getAttribute('data-reason')).toBe('KILLED')
    expect(await countCards(page)).toBe(CARDS - DELETES + 1)
    await page.getByTestId('search').fill('Written on refactored')
    await expect.poll(() => attribute(page, 'card-count', 'data-count'), WAIT).toBe('1')
    await awaitCards(CARDS - DELETES + 1)
  })

  it('has delivered the feedback once, exactly as the user saw it, and telemetry of both engines and of the switch', async () => {
    await expect
      .poll(() => countRows(`graysync_records where name = 'graysync.feedback.submitted'`), WAIT)
      .toBe(1)
    const [feedback] = await upstream.database.query<{ body: string; attributes: object }>(
      `select body, attributes from graysync_records where name = 'graysync.feedback.submitted'`,
    )
    expect(feedback?.body).toBe('<b>Written offline</b> 离线写的')
    const said = Object.entries(feedback?.attributes ?? {}).filter(([name]) =>
      name.startsWith('graysync.feedback.'),
    )
    expect(Object.fromEntries(said)).toEqual({
      'graysync.feedback.category': 'other',
      'graysync.feedback.contact': 'ada@example.org',
      'graysync.feedback.file.type': 'image/png',
      'graysync.feedback.file.bytes': PICTURE.length,
      ...Object.fromEntries(
        facts.map((fact) => {
          const [name, value] = fact.split(': ')
          return [`graysync.feedback.context.${name}`, value]
        }),
      ),
    })
    const files = `select encode(file.bytes, 'hex') as hex, type from graysync_files file
      join graysync_records entry on entry.uid = file.entry`
    await expect
      .poll(() => upstream.database.query(files), WAIT)
      .toEqual([{ hex: PICTURE.toString('hex'), type: 'image/png' }])
    const engines = `select distinct attributes ->> 'graysync.engine' as engine from graysync_records
      where name = 'graysync.sync.window' order by 1`
    await expect
      .poll(
        async () =>
          (await upstream.database.query<{ engine: string }>(engines)).map((row) => row.engine),
        WAIT,
      )
      .toEqual(['legacy', 'refactored'])
    const [handover] = await upstream.database.query<{ attributes: Record<string, unknown> }>(
      `select attributes from graysync_records where name = 'graysync.handover' order by at`,
    )
    expect(handover?.attributes).toMatchObject({
      'graysync.handover.from': 'legacy',
      'graysync.handover.to': 'refactored',
      'graysync.handover.outcome': 'committed',
    })
    expect(await countRows(`graysync_records where name = 'graysync.divergence'`)).toBe(1)
  })

  it('starts from the caches when the upstream is gone', async () => {
    await page.close()
    await upstream.stop()
    page = await profile.open(`${upstream.url}/`)
    await awaitEngine(page, 'legacy')
    expect(await engine(page).getAttribute('data-reason')).toBe('KILLED')
    expect(await countCards(page)).toBe(CARDS - DELETES + 1)
    expect(profile.complaints).toEqual([])
  })
})
