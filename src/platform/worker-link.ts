import type { WorkerLink } from '../model/platform.js'
import { askThrough } from './port.js'

interface SyncRegistration extends ServiceWorkerRegistration {
  /** Chromium only. */
  sync?: { register(tag: string): Promise<void> }
}

/** The app's service worker, if there is one: every call does without. */
export function linkWorker(container: ServiceWorkerContainer): WorkerLink {
  const find = (): Promise<SyncRegistration | undefined> =>
    container.getRegistration().catch(() => undefined)
  return {
    async ask(message, ms) {
      const worker = (await find())?.active
      return worker ? askThrough((port) => worker.postMessage(message, [port]), ms) : null
    },
    onAsk(answer, signal) {
      const hear = ({ data, ports }: MessageEvent) => {
        const said = answer(data)
        if (said !== null) ports[0]?.postMessage(said)
      }
      container.addEventListener('message', hear, { signal })
      container.startMessages()
    },
    requestSync(tag) {
      find()
        .then((registration) => registration?.sync?.register(tag))
        .catch(() => undefined)
    },
  }
}
