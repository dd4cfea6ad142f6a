import { type BacklogResult, runBacklog, runTabs } from '../../test/support/backlog.js'
import { type Leaving, runKill, runLastBreath } from '../../test/support/last-breath.js'
import { type Lab, openLab } from '../../test/support/outage.js'
import type { How } from './report.js'

const MB = 1_024 * 1_024
/** The flush interval, and as much again for a loaded machine to write in. */
const TAIL_MS = 500
const QUOTA_KB = 2 * 1_024

async function within(lab: Promise<Lab>, work: (lab: Lab) => Promise<void>): Promise<void> {
  const open = await lab
  try {
    await work(open)
  } finally {
    await open.close()
  }
}

/** What was on disk when the browser is killed arrives; what was not is no older than the flush interval. */
export async function proveKills({ make, html, report, trials }: How): Promise<void> {
  report.head('SIGKILL at 300 a second', 'on disk', 'lost', 'tail ms')
  let lost = 0
  let acknowledged = 0
  let tailMs = 0
  await within(openLab(make), async (lab) => {
    for (let trial = 0; trial < trials; trial++) {
      const result = await runKill(lab, html)
      report.row(`trial ${trial + 1}`, result.acknowledged, result.lost, Math.round(result.tailMs))
      lost += result.lost
      acknowledged += result.acknowledged
      tailMs = Math.max(tailMs, result.tailMs)
    }
  })
  report.sum(`${lost} of ${acknowledged} lost by SIGKILL, tail ${Math.round(tailMs)} ms`)
  report.insist(lost === 0 && acknowledged > 0, `${lost} were on disk and got lost`)
  report.insist(tailMs <= TAIL_MS, `an event waited ${Math.round(tailMs)} ms for the disk`)
}

/** Captured in the moment of leaving: arrives at once, or from the disk once the page is opened again. Without a network the browser decides whether a page that leaves may still write. */
export async function proveLastBreath({ make, html, report, trials }: How): Promise<void> {
  report.head('50 captured at last', 'online', 'offline')
  let least = 50
  await within(openLab(make), async (lab) => {
    for (const leaving of ['navigated', 'closed'] as const satisfies readonly Leaving[]) {
      const online = await tryLeaving(lab, trials, { html, leaving, online: true })
      const offline = await tryLeaving(lab, trials, { html, leaving, online: false })
      report.row(leaving, online.map(toCell).join(' '), offline.map(toCell).join(' '))
      least = Math.min(least, ...online.map(({ later }) => later))
    }
  })
  report.sum(`at least ${least} of 50 by a last breath online`)
  report.insist(least === 50, 'a last breath with a network lost events')
}

async function tryLeaving(lab: Lab, trials: number, how: Parameters<typeof runLastBreath>[1]) {
  const results = []
  for (let trial = 0; trial < trials; trial++) results.push(await runLastBreath(lab, how))
  return results
}

function toCell({ atOnce, later }: { atOnce: number; later: number }): string {
  return later > atOnce ? `${atOnce}→${later}` : `${atOnce}`
}

/** Far more than fits, many tabs, and a disk that the host has filled. */
export async function proveBacklog({ make, html, report, backlog }: How): Promise<void> {
  report.head('backlog', 'arrived', 'dropped', 'MB', 'heap +MB', 'repeated')
  const tell = (name: string, { arrived, dropped, bytes }: BacklogResult) =>
    report.sum(
      `${name}: ${arrived} arrived, ${dropped} counted as dropped, ${(bytes / MB).toFixed(1)} MB at most`,
    )
  const show = (name: string, result: BacklogResult) => {
    const heap = result.heapGrowth === null ? '-' : (result.heapGrowth / MB).toFixed(1)
    const { arrived, dropped, bytes, repeated } = result
    report.row(name, arrived, dropped, (bytes / MB).toFixed(1), heap, repeated)
    tell(name, result)
    const lost = result.emitted - arrived - dropped
    report.insist(lost === 0, `${name}: ${lost} neither arrived nor were counted`)
    report.insist(result.feedback === 2, `${name}: ${result.feedback} of 2 entries arrived`)
    report.insist(result.thrown.length === 0, `${name}: thrown: ${result.thrown.join()}`)
    report.insist((result.heapGrowth ?? 0) < 16 * MB, `${name}: the heap grows`)
  }
  await within(openLab(make), async (lab) => {
    const result = await runBacklog(lab, { html, events: backlog, isFilled: false })
    show(`${backlog} events`, result)
    report.insist(result.bytes <= 5.3 * MB, `${(result.bytes / MB).toFixed(1)} MB on disk`)
    const tabs = await runTabs(lab, html, { tabs: 20, each: 250 })
    // A tab that is hidden repeats what another has sent for it meanwhile: upstream knows it by its id.
    report.row('20 tabs', tabs.arrived, 0, '-', '-', tabs.repeated)
    report.insist(tabs.arrived === tabs.emitted, `20 tabs: ${tabs.arrived} of ${tabs.emitted}`)
    report.insist(tabs.busiest === 1, `20 tabs: ${tabs.busiest} sent at once`)
  })
  if (make.name === 'WebKitGTK') return report.row('a full disk', 'not bounded from outside here')
  await within(openLab(make, { quotaKb: QUOTA_KB }), async (lab) => {
    const result = await runBacklog(lab, { html, events: backlog / 5, isFilled: true })
    show('a full disk', result)
    report.insist(result.bytes <= QUOTA_KB * 1_024, 'a full disk: more than it takes')
  })
}
