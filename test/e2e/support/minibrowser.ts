import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { findMissing, miniBrowser, startDisplay } from './display.js'
import { endGroup, stopGroup } from './group.js'
import { openOrders } from './orders.js'
import { type Make, type Tab, toSelector } from './tab.js'

/**
 * WebKitGTK without automation, so that it keeps its storage. Nobody steers it: its pages ask for what to do, which
 * takes `takeOrders` in each of them.
 */
export const minibrowser: Make = {
  name: 'WebKitGTK',
  keepsStorage: true,
  absence: findMissing([]),
  async launch(folder) {
    await mkdir(folder, { recursive: true })
    const display = await startDisplay(folder)
    const orders = await openOrders()
    // The first page opens the others: a window that a script has opened may be closed by one.
    const keeper = orders.expect()
    const child = spawn(
      miniBrowser ?? '',
      ['--javascript-can-open-windows-automatically=true', orders.toUrl(orders.home, keeper)],
      { detached: true, stdio: 'ignore', env: display.env },
    )
    const ended = once(child, 'exit')
    const kill = async () => {
      await endGroup(child)
      await ended
      await display.stop()
      await orders.close()
    }
    return {
      openTab: async () => openTab(orders, keeper),
      kill,
      setStopped: (isStopped) => stopGroup(child, isStopped),
      close: kill,
    }
  },
}

type Orders = Awaited<ReturnType<typeof openOrders>>

function openTab(orders: Orders, keeper: string): Tab {
  const id = orders.expect()
  const run: Tab['run'] = (work, ...args) => orders.give(id, work, args)
  return {
    async open(url) {
      const open = (at: string, name: string) => void globalThis.open(at, name)
      await orders.give(keeper, open, [orders.toUrl(url, id), id])
    },
    click: (testId) =>
      run((at) => document.querySelector<HTMLElement>(at)?.click(), toSelector(testId)),
    type: (testId, text) =>
      run(
        (at, typed) => {
          const field = document.querySelector<HTMLInputElement>(at)
          field?.focus()
          document.execCommand('insertText', false, typed)
        },
        toSelector(testId),
        text,
      ),
    run,
    close: () => orders.give(keeper, (name: string) => globalThis.open('', name)?.close(), [id]),
  }
}
