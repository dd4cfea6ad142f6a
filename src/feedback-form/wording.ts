import type { FeedbackStrings } from './strings.js'

type Write = (strings: FeedbackStrings, lang: string) => void

/** The texts of what is open: all of them follow when the page changes its language. */
export interface Wording {
  /** A text node that says it in whatever language is spoken. */
  say(text: keyof FeedbackStrings): Text
  /** Writes now, and again in each other language. */
  follow(write: Write): void
  /** Says everything anew. */
  speak: Write
}

export function createWording(strings: FeedbackStrings, lang: string): Wording {
  const writes: Write[] = []
  let now = [strings, lang] as const
  const follow = (write: Write) => {
    writes.push(write)
    write(...now)
  }
  return {
    follow,
    say(text) {
      const node = document.createTextNode('')
      follow((texts) => {
        node.data = texts[text]
      })
      return node
    },
    speak(...next) {
      now = next
      for (const write of writes) write(...next)
    },
  }
}
