import { bundleEntrants } from '../../bench/telemetry/entrants.js'
import {
  OUTAGES,
  type Outage,
  type OutageResult,
  openLab,
  runOutage,
  toPage,
} from '../../test/support/outage.js'
import type { How } from './report.js'

/** Everything that happens in an outage: all arrives, nothing twice. */
export async function proveMatrix({ make, report, only, ...how }: How): Promise<void> {
  const lab = await openLab(make)
  let arrived = 0
  let emitted = 0
  let doubled = 0
  report.head('outage', 'alone', 'nudged', 'doubled', 'repeated', 'recovered')
  try {
    for (const outage of OUTAGES.filter(({ name }) => !only || name === only)) {
      const result = await runOutage(lab, outage, how)
      report.row(outage.name, ...toCells(result))
      arrived += result.alone
      emitted += result.emitted
      doubled += result.doubled
    }
  } finally {
    await lab.close()
  }
  report.sum(`${arrived} of ${emitted} arrived, ${doubled} doubled`)
  report.insist(arrived === emitted, `${emitted - arrived} did not arrive`)
  report.insist(doubled === 0, `${doubled} are upstream twice`)
}

function toCells({ alone, nudged, emitted, doubled, repeated, recoveryMs }: OutageResult) {
  const after = recoveryMs === null ? '-' : `${(recoveryMs / 1_000).toFixed(1)} s`
  return [`${alone}/${emitted}`, `${nudged}/${emitted}`, doubled, repeated, after]
}

/** The same page and the same faults with other packages; their clocks can't leap. */
export async function showPeers({ make, report, only, ...how }: How): Promise<void> {
  const outages = OUTAGES.filter(
    ({ name, mishap }) => mishap !== 'days' && (!only || name === only),
  )
  const peers = (await bundleEntrants()).map(({ name, script }) => ({
    name,
    html: toPage(`${script}
      globalThis.outage = { emit: (index) => peer.capture('event-' + index + '.') }`),
  }))
  report.head('arrived alone', ...outages.map(({ name }) => name.slice(0, 9)))
  const columns: string[][] = []
  for (const outage of outages) {
    // A killed browser takes all of its pages along.
    const groups = outage.mishap === 'kill' ? peers.map((peer) => [peer]) : [peers]
    const column: string[] = []
    for (const group of groups) {
      const lab = await openLab(make)
      try {
        const runs = group.map(({ html }) => showOutage(outage, { ...how, html }, lab))
        column.push(...(await Promise.all(runs)))
      } finally {
        await lab.close()
      }
    }
    columns.push(column)
  }
  let whole = 0
  peers.forEach(({ name }, at) => {
    const cells = columns.map((column) => column[at] ?? '')
    report.row(name, ...cells)
    if (cells.every((cell) => cell === String(how.events))) whole++
  })
  report.sum(`${whole} of ${peers.length} packages delivered everything, once, in every outage`)
}

async function showOutage(
  outage: Outage,
  how: Parameters<typeof runOutage>[2],
  lab: Parameters<typeof runOutage>[0],
): Promise<string> {
  const { alone, nudged, doubled } = await runOutage(lab, outage, how)
  const later = nudged > alone ? `→${nudged}` : ''
  return `${alone}${later}${doubled > 0 ? ` +${doubled}` : ''}`
}
