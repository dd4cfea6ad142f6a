import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from './bound.js'

const ANSWER_MS = 5_000

type Room = Awaited<ReturnType<Platform['estimate']>>

/** The room of this origin in bytes, as far as the browser says it, and does in time. */
export function askRoom(platform: Platform): Promise<Room> {
  const late = () => new GraySyncError('QUOTA', 'the browser does not say how much room there is')
  return withinTime<Room>(platform, ANSWER_MS, platform.estimate(), late).catch(() => ({}))
}

/** The same; without an end where it is not known: what is too much finds out. */
export async function readRoom(platform: Platform): Promise<{ usage: number; quota: number }> {
  const { usage = 0, quota = Number.POSITIVE_INFINITY } = await askRoom(platform)
  return { usage, quota }
}
