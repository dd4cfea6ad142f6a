/** This build's place in what tabs agree on: one with a lower number, or none, is taken for one without graysync. */
export const BUILD = 1

/** The lock that a tab holds while it lives: its name tells the build. */
const PRESENCE = /^graysync-tab\/(\d+)\//

/** What a tab asks the worker, and the worker each tab. */
export const CENSUS = { graysync: 'census' } as const
export const ROLL_CALL = { graysync: 'roll-call' } as const

export const PRESENT: { graysync: 'present'; build: number } = { graysync: 'present', build: BUILD }
/** The tag of the background sync that empties the outbox. */
export const OUTBOX_SYNC = 'graysync-outbox'

/** One window of the app, and the build that answered from it. */
export interface Attendant {
  url: string
  build: number | null
}

export function isMessage(message: unknown, is: { graysync: string }): message is object {
  return (
    typeof message === 'object' &&
    message !== null &&
    'graysync' in message &&
    message.graysync === is.graysync
  )
}

export function toPresence(id: string): string {
  return `graysync-tab/${BUILD}/${id}`
}

/** The build that a lock tells of; `null` for any other lock. */
export function parsePresence(name: string): number | null {
  const [, build] = PRESENCE.exec(name) ?? []
  return build === undefined ? null : Number(build)
}

/** What a window answers to the roll-call; `null` for anything else. */
export function parsePresent(answer: unknown): number | null {
  if (!isMessage(answer, PRESENT) || !('build' in answer)) return null
  return typeof answer.build === 'number' ? answer.build : null
}

/** The answer of a worker, of whatever build; `null` for anything that is no census. */
export function parseCensus(answer: unknown): Attendant[] | null {
  if (!Array.isArray(answer)) return null
  return answer.flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null || !('url' in one)) return []
    const build = 'build' in one && typeof one.build === 'number' ? one.build : null
    return [{ url: String(one.url), build }]
  })
}
