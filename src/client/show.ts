import type { Watched } from '../consistency/shadow.js'
import type { Operation } from '../model/operation.js'
import type { Shadow } from '../model/shadow.js'
import type { AuditReport, Divergence, TableAudit } from '../model/source.js'
import type { Core } from './core.js'
import type { Utterance } from './utterance.js'

/** A host renders at each change: counts are shown at most so often. */
const SHOW_EVERY_MS = 1_000

/** Shows what is seen of a shadow in the snapshot, and tells it upstream. */
export interface Show {
  changed(watched: Watched): void
  /** `true` when it says something else than the comparison before. */
  compared(report: AuditReport): boolean
  /** The shadow has ended: it is told of a last time, and no longer shown. */
  end(): void
}

export function createShow<Op extends Operation>(
  { platform, state }: Core<Op>,
  say: (utterance: Utterance) => void,
): Show {
  let latest: Watched | null = null
  let told: Shadow | null = null
  /** What the last comparison said: a difference that stands is told once. */
  let said = ''
  let ended = false
  let waits = false

  const show = () => {
    if (latest && !ended) state.amend({ shadow: latest.shadow })
  }
  const tell = (report: AuditReport | null) => {
    if (!latest || latest.shadow === told) return
    const { shadow, paths } = latest
    say({ about: 'shadow', news: { shadow, before: told, paths, report } })
    told = shadow
  }
  const showSoon = () => {
    if (waits) return
    waits = true
    platform.setTimer(() => {
      waits = false
      show()
    }, SHOW_EVERY_MS)
  }

  return {
    changed(watched) {
      if (ended) return
      const before = latest?.shadow.state
      latest = watched
      if (watched.shadow.state === before) return showSoon()
      show()
      if (watched.shadow.state === 'off') tell(null)
    },
    compared({ tables, divergences, ...report }) {
      const says = JSON.stringify([tables.map(summarise), divergences.map(nameRow)])
      const isNews = says !== said
      said = says
      show()
      tell(isNews ? { ...report, tables, divergences } : null)
      return isNews
    },
    end() {
      if (ended) return
      tell(null)
      ended = true
      state.amend({ shadow: null })
    },
  }
}

function summarise({ table, missing, extra, changed }: TableAudit) {
  return [table, missing, extra, changed]
}

function nameRow({ table, key, kind, paths }: Divergence) {
  return [table, key, kind, paths]
}
