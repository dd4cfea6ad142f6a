import type { FeedbackEntry } from '../model/record.js'
import { make } from './element.js'
import type { Wording } from './wording.js'

const STYLE = { dateStyle: 'medium', timeStyle: 'short' } as const

/** What was said before, the newest first, and what became of it. */
export function createHistory(words: Wording, entries: readonly FeedbackEntry[]): HTMLElement {
  const rows = entries.toReversed().map(({ at, state }) => {
    const when = make('span')
    words.follow((_, lang) => {
      when.textContent = toFormat(lang).format(at)
    })
    return make('li', {}, when, make('span', { 'data-state': state }, words.say(state)))
  })
  return make('details', {}, make('summary', {}, words.say('before')), make('ul', {}, ...rows))
}

function toFormat(lang: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(lang.replace('_', '-') || undefined, STYLE)
  } catch {
    // The host's own idea of a language.
    return new Intl.DateTimeFormat(undefined, STYLE)
  }
}
