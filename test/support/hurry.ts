/** In the page that this runs in, waits of `fromMs` and longer pass some times as fast. */
export function hurry(times: number, fromMs: number): void {
  const wait = globalThis.setTimeout
  globalThis.setTimeout = ((run: TimerHandler, ms = 0, ...rest: unknown[]) =>
    wait(run, ms >= fromMs ? ms / times : ms, ...rest)) as typeof setTimeout
}
