/** What has to wait a while, and the time that it still has to. */
export interface Cooling {
  coolMs: number
  /** The instant up to which upstream's clock was counted; `null` while it was never heard. */
  heardAt: number | null
}

/** Of a handover that failed once, twice, three times; after the fourth only another rollout helps. */
export const COOLING_MS: readonly number[] = [3_600_000, 86_400_000, 604_800_000]
/** Within this a device rolls back twice by itself and not three times. */
export const ROLLBACKS_MS = 86_400_000
export const MOST_ROLLBACKS = 2

/**
 * Counts down. What counts is time that upstream's clock shows to have passed, or, while it was never heard, time in which a page
 * ran: the device's own clock can be set, and must not end what it is to wait for.
 */
export function cool<C extends Cooling>(
  cooling: C,
  { heardAt, ranMs }: { heardAt: number | null; ranMs: number },
): C {
  const sinceHeard =
    cooling.heardAt === null ? ranMs : (heardAt ?? cooling.heardAt) - cooling.heardAt
  return {
    ...cooling,
    coolMs: Math.max(0, cooling.coolMs - Math.max(0, sinceHeard)),
    heardAt: heardAt === null ? cooling.heardAt : Math.max(heardAt, cooling.heardAt ?? heardAt),
  }
}
