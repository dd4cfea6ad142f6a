import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import type { Machine } from '../platform/vitals.js'
import { makeRecord } from './record.js'

/** Tells what the page runs on, once a session: what breaks on one browser only shows by this. */
export function toMachineRecord(
  platform: Platform,
  { version, ...machine }: Machine & { app: string },
): Telling {
  const named = {
    'service.version': machine.app,
    'user_agent.name': machine.browser,
    'user_agent.version': version,
    'user_agent.os.name': machine.system,
    'browser.language': machine.language,
    'browser.mobile': machine.mobile,
    'graysync.machine.cores': machine.cores,
    'graysync.machine.memory.gb': machine.memoryGb,
    'graysync.machine.connection': machine.connection,
    'graysync.machine.indexeddb': platform.indexedDB !== null,
    'graysync.machine.locks': platform.lock !== null,
    'graysync.machine.channels': platform.channel !== null,
    'graysync.machine.crypto': platform.subtle !== null,
  }
  const known = Object.entries(named).filter(([, value]) => value !== null)
  return makeRecord(platform, 'exposure', 'graysync.machine', Object.fromEntries(known))
}
