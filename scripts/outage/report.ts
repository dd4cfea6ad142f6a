import type { Make } from '../../test/e2e/support/tab.js'

/** What each part is told. */
export interface How {
  make: Make
  html: string
  report: Report
  /** The only outage wanted. */
  only: string | undefined
  events: number
  outageMs: number
  waitMs: number
  trials: number
  backlog: number
}

/** Says what was seen, and remembers what fell short. */
export interface Report {
  head(...cells: string[]): void
  row(...cells: (string | number)[]): void
  /** For the last line. */
  sum(figure: string): void
  insist(isSo: boolean, otherwise: string): void
  /** Prints the last line; the exit code. */
  end(): number
}

export function createReport(browser: string): Report {
  const figures: string[] = []
  const misses: string[] = []
  const print = (cells: readonly (string | number)[]) =>
    console.log(cells.map((cell, at) => String(cell).padEnd(at === 0 ? 24 : 10)).join(' '))
  return {
    head(...cells) {
      console.log(`\n${browser}`)
      print(cells)
    },
    row: (...cells) => print(cells),
    sum: (figure) => void figures.push(figure),
    insist(isSo, otherwise) {
      if (!isSo) misses.push(otherwise)
    },
    end() {
      for (const miss of misses) console.error(`missed: ${miss}`)
      console.log(`${browser}: ${figures.join('; ')}`)
      return misses.length > 0 ? 1 : 0
    },
  }
}
