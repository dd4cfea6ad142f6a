import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import type { Shadow } from '../model/shadow.js'
import type { AuditReport } from '../model/source.js'
import { toAuditRecords } from './audit.js'
import { makeRecord } from './record.js'

/** What there is to tell of a shadow. */
export interface ShadowNews {
  shadow: Shadow
  /** As it was when it was told of last. */
  before: Shadow | null
  /** How often plans differed in all, by path. */
  paths: Readonly<Record<string, number>>
  /** Of the comparison that this is told after, where it says something new. */
  report: AuditReport | null
}

/** What a shadow did since it was told of last, and what the comparison found: counts and names of fields, never values. */
export function toShadowRecords(
  platform: Pick<Platform, 'now' | 'randomBytes'>,
  { shadow, before, paths, report }: ShadowNews,
): Telling[] {
  const since = (read: (one: Shadow) => number) => read(shadow) - (before ? read(before) : 0)
  const news = makeRecord(platform, 'metric', 'graysync.shadow', {
    'graysync.shadow.engine': shadow.engine,
    'graysync.shadow.state': shadow.state,
    ...(shadow.because && { 'graysync.shadow.because': shadow.because }),
    'graysync.shadow.applied': since((one) => one.applied),
    'graysync.shadow.refused': since((one) => one.refused),
    'graysync.shadow.errors': since((one) => one.errors),
    'graysync.shadow.plans.same': since((one) => one.plans.same),
    'graysync.shadow.plans.different': since((one) => one.plans.different),
    'graysync.shadow.plans.paths': Object.keys(paths).join(', '),
    ...(shadow.compared && {
      'graysync.shadow.rows': shadow.compared.rows,
      'graysync.shadow.missing': shadow.compared.missing,
      'graysync.shadow.extra': shadow.compared.extra,
      'graysync.shadow.changed': shadow.compared.changed,
    }),
  })
  const compared = report ? toAuditRecords(platform, report) : []
  return [news, ...compared.map(markShadow)]
}

/** Beside audits against a server these would be counted as the same. */
function markShadow(record: Telling): Telling {
  return { ...record, attributes: { ...record.attributes, 'graysync.audit.shadow': true } }
}
