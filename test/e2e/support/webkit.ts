import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { vi } from 'vitest'
import { findMissing, miniBrowser, startDisplay } from './display.js'
import { endGroup } from './group.js'
import { type Browser, type Key, type KeyboardTab, type Make, toSelector } from './tab.js'

const DRIVER = '/usr/bin/WebKitWebDriver'
const WAIT_MS = 30_000
/** The member under which WebDriver names an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
const SHIFT = '\uE008'
const KEYS: Readonly<Record<Key, string>> = {
  Tab: '\uE004',
  Enter: '\uE007',
  Escape: '\uE00C',
  Space: ' ',
  ArrowRight: '\uE014',
}

/** WebKitGTK over WebDriver, on a display of its own. Automation keeps its storage in memory. */
export const webkit: Make<KeyboardTab> = {
  name: 'WebKitGTK',
  keepsStorage: false,
  absence: findMissing([DRIVER]),
  async launch(folder) {
    const display = await startDisplay(folder)
    const port = await findPort()
    const driver = spawn(DRIVER, ['--host=127.0.0.1', `--port=${port}`], {
      detached: true,
      stdio: 'ignore',
      env: display.env,
    })
    const stop = async () => {
      await end(driver)
      await display.stop()
    }
    try {
      const session = await openSession(`http://127.0.0.1:${port}`, stop)
      const kill = async () => {
        await endGroup(driver)
        await display.stop()
      }
      return { ...session, kill }
    } catch (cause) {
      await stop()
      throw cause
    }
  },
}

async function openSession(
  driver: string,
  stop: () => Promise<void>,
): Promise<Omit<Browser<KeyboardTab>, 'kill'>> {
  await vi.waitFor(() => ask(`${driver}/status`, 'GET'), { timeout: WAIT_MS, interval: 50 })
  const { sessionId } = await ask<{ sessionId: string }>(`${driver}/session`, 'POST', {
    capabilities: {
      alwaysMatch: {
        'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] },
        timeouts: { implicit: WAIT_MS },
        // The driver waits for ever for the end of a reload that the page itself asked for.
        pageLoadStrategy: 'none',
      },
    },
  })
  const session = `${driver}/session/${sessionId}`
  return {
    openTab: () => openTab(session),
    async close() {
      try {
        await ask(session, 'DELETE')
      } finally {
        await stop()
      }
    },
  }
}

async function openTab(session: string): Promise<KeyboardTab> {
  // All windows are visible at once; of the tabs in one, only the first.
  const kind = { type: 'window' }
  const { handle } = await ask<{ handle: string }>(`${session}/window/new`, 'POST', kind)
  const command = async <T>(path: string, method: string, body?: object): Promise<T> => {
    await ask(`${session}/window`, 'POST', { handle })
    return ask(`${session}${path}`, method, body)
  }
  const onElement = async (testId: string, action: string, body: object): Promise<void> => {
    const query = { using: 'css selector', value: toSelector(testId) }
    const found = await command<{ [ELEMENT]: string }>('/element', 'POST', query)
    await command(`/element/${found[ELEMENT]}/${action}`, 'POST', body)
  }
  const strike = (values: readonly string[], held: readonly string[] = []) => {
    const down = (value: string) => ({ type: 'keyDown', value })
    const up = (value: string) => ({ type: 'keyUp', value })
    const strokes = values.flatMap((value) => [down(value), up(value)])
    const actions = [...held.map(down), ...strokes, ...held.map(up)]
    return command<void>('/actions', 'POST', { actions: [{ type: 'key', id: 'keys', actions }] })
  }
  return {
    press: (key, { shift = false } = {}) => strike([KEYS[key]], shift ? [SHIFT] : []),
    write: (text) => strike([...text]),
    open: (url) => command('/url', 'POST', { url }),
    click: (testId) => onElement(testId, 'click', {}),
    type: (testId, text) => onElement(testId, 'value', { text }),
    run: (work, ...args) =>
      command('/execute/sync', 'POST', { script: `return (${work}).apply(null, arguments)`, args }),
    close: () => command('/window', 'DELETE'),
  }
}

/** One request of WebDriver; an error of its becomes an `Error`. */
async function ask<T>(url: string, method: string, body?: object): Promise<T> {
  const answer = await fetch(url, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  })
  const { value } = (await answer.json()) as { value: T & { error?: string; message?: string } }
  if (!answer.ok) throw new Error(`${method} ${url}: ${value.error}: ${value.message}`)
  return value
}

async function findPort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}
