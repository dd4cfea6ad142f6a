import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Ends a process that was started as the head of its group, and all of that group, as a crash does. */
export async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await gone
}
