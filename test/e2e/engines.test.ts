import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPresent } from '../support/presence.js'
import { firefox } from './support/firefox.js'
import { copyListeningApp, readComplaints } from './support/listening-app.js'
import { type Browser, type Make, type Tab, toSelector } from './support/tab.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'
import { webkit } from './support/webkit.js'

const WAIT = { timeout: 30_000, interval: 100 }
const EVERYBODY = { stages: [{ name: 'first', share: 100_000 }] }

let folder: string
let upstream: TestUpstream

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graysync-engines-'))
  await copyListeningApp(join(folder, 'app'))
  upstream = await startUpstream(join(folder, 'app'))
})

afterAll(async () => {
  await upstream?.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
})

async function expectShown(tab: Tab, shown: Record<string, string>): Promise<void> {
  const wanted = { phase: 'running', ...shown }
  const readShown = () =>
    tab.run(
      (selector, names) => {
        const engine = document.querySelector(selector)
        return Object.fromEntries(names.map((name) => [name, engine?.getAttribute(`data-${name}`)]))
      },
      toSelector('engine'),
      Object.keys(wanted),
    )
  await expect.poll(readShown, WAIT).toEqual(wanted)
}

async function expectCards(tab: Tab, titles: readonly string[]): Promise<void> {
  const readTitles = () =>
    tab.run(() =>
      [...document.querySelectorAll('[data-testid=card] h3')].map((title) => title.textContent),
    )
  await expect.poll(async () => (await readTitles()).sort(), WAIT).toEqual([...titles].sort())
}

async function writeCard(tab: Tab, title: string): Promise<void> {
  await tab.click('new-card')
  await tab.type('card-title', title)
  await tab.click('save-card')
}

/** Each card arrived, and by one operation: the server counts the writes of a row. */
async function expectUpstream(user: string, titles: readonly string[]): Promise<void> {
  const readCards = () =>
    upstream.database.query(
      `select front_content ->> 'title' as title, sync_version as version, is_deleted as deleted
       from cards where user_id = $1 order by 1`,
      [user],
    )
  const cards = [...titles].sort().map((title) => ({ title, version: 1, deleted: false }))
  await expect.poll(readCards, WAIT).toEqual(cards)
  const operations = 'select op_id from graysync_operations where user_id = $1'
  expect(await upstream.database.query(operations, [user])).toHaveLength(titles.length)
}

const TO_REFACTORED = { from: 'legacy', to: 'refactored', outcome: 'committed' }
const TO_LEGACY = { from: 'refactored', to: 'legacy', outcome: 'committed' }

async function expectTold(since: string, handovers: readonly unknown[]): Promise<void> {
  const readHandovers = () =>
    upstream.database.query(
      `select attributes ->> 'graysync.handover.from' as from,
         attributes ->> 'graysync.handover.to' as to,
         attributes ->> 'graysync.handover.outcome' as outcome
       from graysync_records where name = 'graysync.handover' and received_at > $1::timestamptz
       order by at`,
      [since],
    )
  await expect.poll(readHandovers, WAIT).toEqual(handovers)
}

for (const make of [firefox, webkit]) {
  const isHere = isPresent(`End-to-end tests in ${make.name}`, make.absence)
  describe.skipIf(!isHere)(`the demo app in ${make.name}`, () => runJourney(make))
}

function runJourney(make: Make): void {
  let browser: Browser
  let tab: Tab
  let user: string
  let since: string
  const titles: string[] = []
  const complaints: string[] = []

  async function write(title: string, at: Tab = tab): Promise<void> {
    await writeCard(at, title)
    titles.push(title)
    await expectCards(at, titles)
  }

  async function close(closed: Tab): Promise<void> {
    complaints.push(...(await readComplaints(closed)))
    await closed.close()
  }

  beforeAll(async () => {
    const [now] = await upstream.database.query<{ now: string }>('select now()::text as now')
    since = now?.now ?? ''
    await upstream.publish({})
    browser = await make.launch(join(folder, make.name))
    tab = await browser.openTab()
  })

  afterAll(() => browser?.close())

  it('runs legacy at share 0 and sends what is written', async () => {
    await tab.open(upstream.url)
    await expectShown(tab, { engine: 'legacy', role: 'writer' })
    user = await tab.run(() => localStorage.getItem('card-everything:user') ?? '')
    await tab.click('allow-consent')
    await write('Tea 茶')
    await write('Plum 梅')
    await expectUpstream(user, titles)
  })

  it('asks for a reload at share 100 %, and hands over there', async () => {
    await upstream.publish(EVERYBODY)
    await tab.click('reload')
    await expectShown(tab, { engine: 'refactored', reason: 'IN_SHARE', role: 'writer' })
    await expectCards(tab, titles)
    // The browser is closed next, and a record of the last moment may end with it.
    await expectTold(since, [TO_REFACTORED])
  })

  if (make.keepsStorage) {
    it('starts again on the engine and the cards it had', async () => {
      await close(tab)
      await browser.close()
      browser = await make.launch(join(folder, make.name))
      tab = await browser.openTab()
      await tab.open(upstream.url)
      await expectShown(tab, { engine: 'refactored', reason: 'KEPT', role: 'writer' })
      await expectCards(tab, titles)
    })
  }

  it('lets one of two tabs write, and the other take over when that closes', async () => {
    const follower = await browser.openTab()
    await follower.open(upstream.url)
    await expectShown(follower, { engine: 'refactored', role: 'follower' })
    await write('Pine 松', follower)
    await expectCards(tab, titles)
    await expectUpstream(user, titles)

    await close(tab)
    tab = follower
    await expectShown(tab, { engine: 'refactored', role: 'writer' })
    await write('Reed 芦苇')
    await expectUpstream(user, titles)
  })

  it('goes back to legacy after a kill, with every card there and sent once', async () => {
    await upstream.publish({ ...EVERYBODY, kill: true })
    await tab.click('reload')
    await expectShown(tab, { engine: 'legacy', reason: 'KILLED', role: 'writer' })
    await expectCards(tab, titles)
    await write('Moss 苔')
    await expectUpstream(user, titles)
  })

  it('has told of both handovers, and complained of nothing', async () => {
    await expectTold(since, [TO_REFACTORED, TO_LEGACY])
    await close(tab)
    expect(complaints).toEqual([])
  })
}
