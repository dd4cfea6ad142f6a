import type { Platform } from '../model/platform.js'

const ANSWER_MS = 5_000

/** The room of this origin in bytes. Without an end where the browser can't say, or doesn't in time: what is too much finds out. */
export async function readRoom(platform: Platform): Promise<{ usage: number; quota: number }> {
  const { usage = 0, quota = Number.POSITIVE_INFINITY } = await new Promise<
    Awaited<ReturnType<Platform['estimate']>>
  >((answer) => {
    const giveUp = () => answer({})
    platform.setTimer(giveUp, ANSWER_MS)
    platform.estimate().then(answer, giveUp)
  })
  return { usage, quota }
}
