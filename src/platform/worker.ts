import type { Platform } from '../model/platform.js'
import { browserPlatform } from './platform.js'

/** The browser as a service worker has it: no page, and a life that the browser ends when it likes. */
export function workerPlatform(): Platform {
  return {
    ...browserPlatform(),
    onLife() {},
    visible: () => false,
    stream: null,
    worker: null,
  }
}
