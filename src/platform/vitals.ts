/** What the page runs on; `null` where the browser does not say. */
export interface Machine {
  browser: string | null
  /** Its major version. */
  version: string | null
  system: string | null
  language: string | null
  mobile: boolean
  cores: number | null
  /** Rounded and capped by the browser. */
  memoryGb: number | null
  connection: string | null
}

/** How the page fares; read long after the start. */
export interface Vitals {
  machine(): Machine
  /** Of JavaScript's heap; `null` where the browser keeps it to itself. */
  heapBytes(): number | null
  /** Tasks over 50 ms since the last call; `null` where the browser counts none. */
  takeLongTasks(): { count: number; ms: number } | null
}

// All of it may be missing: what only describes must not fail what is told.
type Told = Partial<
  Pick<Navigator, 'userAgent' | 'language' | 'hardwareConcurrency'> & {
    deviceMemory: number
    connection: { effectiveType?: string }
    userAgentData: { mobile: boolean }
  }
>

interface Measured extends Performance {
  memory?: { usedJSHeapSize: number }
}

// The first that matches: all that are made of Chromium also call themselves Chrome, and Chrome Safari.
const BROWSERS: readonly (readonly [string, RegExp])[] = [
  ['Edge', /\bEdgA?\/(\d+)/],
  ['Opera', /\bOPR\/(\d+)/],
  ['Samsung Internet', /\bSamsungBrowser\/(\d+)/],
  ['Firefox', /\b(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /\b(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/],
  ['Safari', /\bVersion\/(\d+)[\d.]* (?:Mobile\/\w+ )?Safari\//],
]

const SYSTEMS: readonly (readonly [string, RegExp])[] = [
  ['Android', /\bAndroid\b/],
  ['iOS', /\b(?:iPhone|iPad|iPod)\b/],
  ['Windows', /\bWindows\b/],
  ['ChromeOS', /\bCrOS\b/],
  ['macOS', /\bMac OS X\b/],
  ['Linux', /\bLinux\b/],
]

/** Watches the real page until the signal aborts. */
export function watchVitals(signal: AbortSignal): Vitals {
  const takeLongTasks = countLongTasks(signal)
  return {
    machine() {
      const told: Told = globalThis.navigator ?? {}
      const userAgent = told.userAgent ?? ''
      return {
        ...readBrowser(userAgent),
        language: told.language || null,
        mobile: told.userAgentData?.mobile ?? /\bMobi/.test(userAgent),
        cores: told.hardwareConcurrency || null,
        memoryGb: told.deviceMemory ?? null,
        connection: told.connection?.effectiveType ?? null,
      }
    },
    heapBytes: () => (performance as Measured).memory?.usedJSHeapSize ?? null,
    takeLongTasks,
  }
}

/** Names a browser and its system by what it calls itself: enough to compare, too little to recognise anybody. */
export function readBrowser(userAgent: string): Pick<Machine, 'browser' | 'version' | 'system'> {
  const system = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? null
  for (const [browser, pattern] of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1]
    if (version !== undefined) return { browser, version, system }
  }
  return { browser: null, version: null, system }
}

function countLongTasks(signal: AbortSignal): Vitals['takeLongTasks'] {
  const type = 'longtask'
  if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes(type)) return () => null
  let tasks = { count: 0, ms: 0 }
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      tasks = { count: tasks.count + 1, ms: tasks.ms + duration }
    }
  })
  observer.observe({ type })
  signal.addEventListener('abort', () => observer.disconnect(), { once: true })
  return () => {
    const taken = tasks
    tasks = { count: 0, ms: 0 }
    return taken
  }
}
