import { EventEmitter } from 'eventemitter3'
import type { Events } from '../model/handle.js'

export interface Emitter {
  emit<K extends keyof Events>(type: K, event: Events[K]): void
  on<K extends keyof Events>(
    type: K,
    listener: (event: Events[K]) => void,
    o?: { signal?: AbortSignal },
  ): () => void
  clear(): void
}

/** Typed events whose listeners can't harm each other or graysync: one that throws is reported, the rest go on. */
export function createEmitter(onThrow: (cause: unknown) => void): Emitter {
  const events = new EventEmitter()
  return {
    emit: (type, event) => void events.emit(type, event),
    on(type, listener, o) {
      if (o?.signal?.aborted) return () => {}
      const guarded = (event: Parameters<typeof listener>[0]) => {
        try {
          listener(event)
        } catch (cause) {
          onThrow(cause)
        }
      }
      const off = () => void events.off(type, guarded)
      events.on(type, guarded)
      o?.signal?.addEventListener('abort', off, { once: true })
      return off
    },
    clear: () => void events.removeAllListeners(),
  }
}
