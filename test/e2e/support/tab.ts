/** One tab, steered from outside. Elements are named by their test id. */
export interface Tab {
  /** The page may still be loading when this resolves. */
  open(url: string): Promise<void>
  /** Waits for the element and presses it as a user does. */
  click(testId: string): Promise<void>
  /** Waits for the field and types into it key by key. */
  type(testId: string, text: string): Promise<void>
  /** Runs a function in the page: it sees nothing but its arguments. */
  run<A extends readonly unknown[], T>(work: (...args: A) => T, ...args: A): Promise<Awaited<T>>
  close(): Promise<void>
  /** Ends its renderer, as out-of-memory does. Absent where a browser has no such command, as the next three. */
  crash?(): Promise<void>
  setFrozen?(isFrozen: boolean): Promise<void>
  setOffline?(isOffline: boolean): Promise<void>
  /** Bytes that its origin may hold; `null` is what the browser grants. */
  setQuota?(bytes: number | null): Promise<void>
}

export type Key = 'Tab' | 'Enter' | 'Escape' | 'Space' | 'ArrowRight'

/** A tab with a keyboard: what is pressed goes to where the focus is. */
export interface KeyboardTab extends Tab {
  press(key: Key, o?: { shift?: boolean }): Promise<void>
  write(text: string): Promise<void>
}

export interface Browser<T extends Tab = Tab> {
  openTab(): Promise<T>
  /** Ends every process of it at once, as a crash does. */
  kill(): Promise<void>
  /** Has every process of it stand still, or go on. Absent where nobody asks for it. */
  setStopped?(isStopped: boolean): void
  close(): Promise<void>
}

/** A browser of one make that may be installed here. */
export interface Make<T extends Tab = Tab> {
  name: string
  /** Whether a browser that is closed and launched again in its folder has what it stored. */
  keepsStorage: boolean
  /** A clause that tells what is missing here, or `null`. */
  absence: string | null
  /** Everything that it writes goes into the folder. `quotaKb` bounds its storage where it can be bounded from outside. */
  launch(folder: string, o?: { quotaKb?: number }): Promise<Browser<T>>
}

export const toSelector = (testId: string): string => `[data-testid="${testId}"]`
