const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 60_000

/** How a round of work ended: `halt` means that there is nothing more to try until the next start. */
export type RoundEnd = 'done' | 'retry' | 'halt'

export interface Loop {
  /** Works at once, or right after the round under way. */
  nudge(): void
  /** Resolves when the round under way has ended. */
  rest(): Promise<void>
  /** No round begins after this; resolves when the one under way has ended. */
  stop(): Promise<void>
}

export interface LoopOptions {
  round(): Promise<RoundEnd>
  /** Pause between two rounds when all is well. */
  everyMs: number
  signal: AbortSignal
}

/** Repeats rounds of work, one at a time, with exponential backoff after a failure and again at `online`. */
export function createLoop(o: LoopOptions): Loop {
  let timer: ReturnType<typeof setTimeout> | undefined
  let current: Promise<void> | null = null
  let wanted = false
  let stopped = false
  let failures = 0

  const plan = (ms: number) => {
    clearTimeout(timer)
    if (!stopped) timer = setTimeout(begin, ms)
  }

  const run = async () => {
    let end: RoundEnd
    do {
      wanted = false
      end = await o.round().catch((): RoundEnd => 'retry')
    } while (wanted && end === 'done' && !stopped)
    current = null
    if (end === 'halt') stopped = true
    failures = end === 'retry' ? failures + 1 : 0
    plan(end === 'retry' ? retryAfter(failures) : o.everyMs)
  }

  const begin = () => {
    if (!stopped && !current) current = run()
  }

  const nudge = () => {
    wanted = true
    // A backoff under way stands: new work does not shorten it.
    if (failures === 0) begin()
  }

  const stop = async () => {
    stopped = true
    clearTimeout(timer)
    await current
  }

  globalThis.addEventListener?.(
    'online',
    () => {
      failures = 0
      nudge()
    },
    { signal: o.signal },
  )
  o.signal.addEventListener('abort', () => void stop(), { once: true })
  begin()
  return {
    nudge,
    async rest() {
      await current
    },
    stop,
  }
}

/** Doubles up to a minute; drawn from the upper half, so that many devices do not come back at once. */
function retryAfter(failures: number): number {
  const ms = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  return ms / 2 + Math.random() * (ms / 2)
}

/** Stops a loop within a bound; `cut` is called when the round under way takes longer. */
export async function stopWithin(
  loop: Loop,
  o: { deadlineMs: number; inflight: ReadonlySet<string>; cut(): void },
): Promise<{ clean: boolean; inflight: string[] }> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => {
      resolve([...o.inflight])
      o.cut()
    }, o.deadlineMs)
  })
  const inflight = await Promise.race([loop.stop().then((): string[] => []), late])
  clearTimeout(timer)
  return { clean: inflight.length === 0, inflight }
}

/** Lets a loop work for a while. */
export async function drainWithin(loop: Loop, deadlineMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs)
  })
  loop.nudge()
  await Promise.race([loop.rest(), late])
  clearTimeout(timer)
}
