/** What an audit under load said. */
export interface Round {
  /** The row that differs for real, and how. */
  planted: string
  told: string[]
  complete: boolean
  compared: number
  /** Rows with an operation on the way, or that went on changing. */
  unjudged: number
  /** Rows written by the owner, and operations applied to the shadow's store, while it ran. */
  written: number
  applied: number
  ms: number
}

/** What a script outside says to the page. */
export interface LoadPage {
  /** Puts rows on the server, has legacy read them, and waits until the page is to be loaded anew. */
  fill(cards: number): Promise<void>
  /** Waits until refactored runs with legacy in shadow, and an audit finds them equal. */
  begin(): Promise<void>
  /** Audits while both engines write, and plants one divergence meanwhile. */
  round(seed: number): Promise<Round>
}
