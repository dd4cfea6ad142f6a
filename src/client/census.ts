import { BUILD, CENSUS, parseCensus, parsePresence } from '../lib/roll-call.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { type ControlConnection, changeFact, writeFact } from '../store/control.js'
import type { Blocked, Core } from './core.js'
import { LEASE } from './lease.js'

const ANSWER_MS = 1_000
const ROUNDS = 2
const PAUSE_MS = 500
/**
 * A tab that can't be told anything can only be waited for. Within a day most are closed, reloaded or discarded; one that is
 * pinned must not hold back a rollout for ever, and what it still writes is found in the queue that was left.
 */
const PATIENCE_MS = 86_400_000

/** Whether a tab without graysync, or with an older build, still has to be waited for before a handover. */
export async function waitForOldTabs<Op extends Operation>(
  core: Core<Op>,
  control: ControlConnection,
): Promise<Blocked | null> {
  const { platform } = core
  const silent = await findSilent(platform)
  if (silent.length === 0) {
    await writeFact(control, 'silentSince', null)
    return null
  }
  const now = platform.now()
  let since = now
  await changeFact<number>(control, 'silentSince', (held) => {
    since = Math.min(held ?? now, now)
    return since
  })
  const fix = `close or reload the tabs that run an older build: ${silent.join(', ')}`
  if (now - since < PATIENCE_MS) return { by: 'OLD_TAB', fix }
  core.report(new GraySyncError('OLD_TAB', `handed over after a day of waiting: ${fix}`))
  return null
}

/** Tabs that are just opening answer a moment later. */
async function findSilent(platform: Platform): Promise<string[]> {
  for (let round = 1; ; round++) {
    const silent = (await askWorker(platform)) ?? (await readLocks(platform))
    if (silent.length === 0 || round === ROUNDS) return silent
    await new Promise<void>((resolve) => platform.setTimer(resolve, PAUSE_MS))
  }
}

/** By the worker, which sees every window of the app. */
async function askWorker({ worker }: Platform): Promise<string[] | null> {
  const tabs = parseCensus(await worker?.ask(CENSUS, ANSWER_MS))
  const silent = tabs?.filter(({ build }) => build === null || build < BUILD)
  return silent?.map(({ url }) => url) ?? null
}

/** By the locks, which show an older build of graysync in the line, and nothing of a page without. */
async function readLocks(platform: Platform): Promise<string[]> {
  const locks = await platform.locks()
  const present = new Set<string>()
  for (const { name, client } of locks) {
    if ((parsePresence(name) ?? 0) >= BUILD) present.add(client)
  }
  const inLine = locks.filter(({ name, client }) => name === LEASE && !present.has(client))
  return [...new Set(inLine.map(({ client }) => `tab ${client}`))]
}
