import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Page, Browser as Puppet } from 'puppeteer-core'
import type { Browser, Tab } from './tab.js'

/** Ends a process that was started as the head of its group, and all of that group, as a crash does. */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await gone
}

/** Has all of its group stand still until it is let go on. */
export function stopGroup(child: ChildProcess | null, isStopped: boolean): void {
  if (child?.pid !== undefined) process.kill(-child.pid, isStopped ? 'SIGSTOP' : 'SIGCONT')
}

/** A browser that puppeteer launched, which makes it the head of its group. */
export function toBrowser<T extends Tab>(puppet: Puppet, toTab: (page: Page) => T): Browser<T> {
  return {
    openTab: async () => toTab(await puppet.newPage()),
    async kill() {
      const child = puppet.process()
      if (child) await endGroup(child)
      await puppet.disconnect()
    },
    setStopped: (isStopped) => stopGroup(puppet.process(), isStopped),
    close: () => puppet.close(),
  }
}
