import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineName } from '../../../src/model/operation.js'
import type { Tier } from '../../sweep/engine.js'
import { countDoubled, type Evidence, judge } from '../../sweep/oracle.js'
import type { Plans } from '../../sweep/plans.js'
import type { Flaw } from '../../sweep/server.js'
import type { Asked } from '../../sweep/trial.js'
import type { Browser, Make, Tab } from '../support/tab.js'
import type { Build, Builds } from './builds.js'
import type { Stored } from './page.js'
import { type FaultsServer, serveFaults } from './server.js'

/** So long nothing may change before it is at rest. */
const REST_MS = 90_000

/** A browser that outlives its crashes: whoever asks gets the one that runs. */
export interface Lab {
  make: Make
  builds: Partial<Builds>
  plans: Plans
  browser(): Browser
  /** Ends it as a crash does, and starts it anew on the same folder. */
  kill(): Promise<void>
  close(): Promise<void>
}

export async function openLab(o: {
  make: Make
  builds: Partial<Builds>
  plans: Plans
}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'graysync-handover-faults-'))
  let browser = await o.make.launch(folder)
  return {
    ...o,
    browser: () => browser,
    async kill() {
      await browser.kill()
      browser = await o.make.launch(folder)
    },
    async close() {
      await browser.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** What an oracle found out about a profile at rest. */
export interface Verdict {
  wrong: string[]
  accepted: number
  doubled: number
  committed: number
  aborted: number
}

/** One profile on an origin of its own, with the tabs that are open. */
export interface Profile {
  server: FaultsServer
  /** Those that take orders. */
  readonly tabs: readonly Tab[]
  /** A page of it was frozen at some time. */
  froze: boolean
  /** That its server hands out. */
  build: Build
  open(): Promise<Tab>
  /** Has it load a page anew, of the build that the server hands out or of one that a cache still holds. */
  reload(tab: Tab, build?: Build): Promise<void>
  /** Resolves once what it was told to load last takes orders, and rejects where it never does. */
  loaded(tab: Tab): Promise<void>
  /** The tab is gone. */
  forget(tab: Tab): void
  forgetAll(): void
  /** Opens one more tab, waits until nothing waits anywhere, and judges what is left. */
  verify(): Promise<Verdict>
  end(): Promise<void>
}

/** Each of its tabs writes up to `burst` operations at once, on one of `notes` notes each, and pauses; its engine has up to `width` on their way. */
export async function openProfile(
  lab: Lab,
  o: { tier: Tier; notes: number; pauseMs: number; burst: number; width: number; flaw?: Flaw },
): Promise<Profile> {
  const { builds, plans } = lab
  const { tier, notes, pauseMs, burst, width } = o
  const server = await serveFaults({ tier, builds, plans, ...(o.flaw && { flaw: o.flaw }) })
  const tabs: Tab[] = []
  const names = new Map<Tab, string>()
  let count = 0
  const toUrl = (tab: Tab, build: Build = profile.build) => {
    const name = `tab${++count}`
    names.set(tab, name)
    const numbers = Object.entries({ notes, pauseMs, burst, width })
    const asked = numbers.map(([key, value]) => [key, String(value)])
    return `${server.url}${build}?${new URLSearchParams([['name', name], ['tier', tier], ...asked])}`
  }
  const profile: Profile = {
    server,
    tabs,
    froze: false,
    build: 'present',
    async open() {
      const tab = await lab.browser().openTab()
      await tab.open(toUrl(tab))
      tabs.push(tab)
      return tab
    },
    async loaded(tab) {
      const expected = names.get(tab)
      const end = performance.now() + REST_MS
      while (!(await isLoaded(tab, expected))) {
        if (performance.now() > end) throw new Error(`${expected} takes no orders`)
        await sleep(20)
      }
    },
    async reload(tab, build) {
      await profile.loaded(tab)
      await tab.run(
        (url) => void setTimeout(() => location.assign(url + location.hash)),
        toUrl(tab, build),
      )
    },
    forget: (tab) => void tabs.splice(tabs.indexOf(tab), 1),
    forgetAll: () => void tabs.splice(0),
    async verify() {
      const healer = await profile.open()
      for (const tab of tabs) {
        await profile.loaded(tab)
        await tab.run(() => window.faults.settle())
      }
      const unrest = await untilRest(healer)
      const stored = await healer.run(() => window.faults.read())
      const evidence = toEvidence({ profile, tier, stored })
      const kinds = stored.journal.map(({ kind }) => kind)
      const times = (kind: string) => kinds.filter((other) => other === kind).length
      return {
        wrong: [...judge(evidence), ...(unrest ? [`no rest: ${unrest}`] : [])],
        accepted: evidence.asked.filter(({ fate }) => fate === 'accepted').length,
        doubled: countDoubled(evidence),
        committed: times('handover.committed'),
        aborted: times('handover.aborted'),
      }
    },
    async end() {
      for (const tab of tabs) await tab.close().catch(() => undefined)
      await server.close()
    },
  }
  return profile
}

/** An answer may never come: who was asked may have left its page. */
async function isLoaded(tab: Tab, name: string | undefined): Promise<boolean> {
  const asked = tab.run((expected) => window.faults?.name === expected, name)
  return Promise.race([asked.catch(() => false), sleep(1_000).then(() => false)])
}

export async function untilRunning(tab: Tab, engine: EngineName): Promise<void> {
  const end = performance.now() + REST_MS
  while ((await tab.run(() => window.faults.running())) !== engine) {
    if (performance.now() > end) {
      const unrest = await tab.run(() => window.faults.unrest().catch(String))
      throw new Error(`${engine} does not run: ${unrest}`)
    }
    await sleep(20)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What is not at rest in the end, or `null`. */
async function untilRest(tab: Tab): Promise<string | null> {
  let end = 0
  let last: string | null = ''
  for (;;) {
    const asked = performance.now()
    const unrest = await tab.run(() => window.faults.unrest().catch(String))
    if (unrest !== last) end = performance.now() + REST_MS
    if (unrest === null || performance.now() > end) return unrest
    last = unrest
    // Who has to look through much of it must not be busy with looking.
    await sleep(50 + 9 * (performance.now() - asked))
  }
}

function toEvidence(o: { profile: Profile; tier: Tier; stored: Stored }): Evidence {
  const { control, journal, oplog, queues, notes } = o.stored
  const { ledger, told } = o.profile.server
  const logged = new Map(oplog.map((row) => [row.opId, row]))
  // What no page told of, because it died first, may have taken effect or not.
  const ids = new Set([...told.keys(), ...logged.keys(), ...ledger.arrivals.map((one) => one.opId)])
  const asked = [...ids].map((opId): Asked => {
    const row = logged.get(opId)
    const { fate = 'waiting', entityId = '' } = told.get(opId) ?? {}
    return { opId, entityId, fate, seq: row?.seq ?? null, userId: row?.userId ?? null }
  })
  return {
    tier: o.tier,
    asked,
    server: ledger,
    wasWiped: false,
    profile: o.profile,
    control: () => control,
    journal: () => journal,
    openRows: () => oplog.filter(({ state }) => state === 'open' || state === 'quarantine'),
    queueOf: (name) => queues[name],
    notesOf: (name) => notes[name],
  }
}
