import type { FeedbackEntry } from '../model/record.js'
import { make } from './element.js'
import type { FeedbackStrings } from './strings.js'

/** What was said before, the newest first, and what became of it. */
export function createHistory(
  strings: FeedbackStrings,
  lang: string,
  entries: readonly FeedbackEntry[],
): HTMLElement {
  const when = new Intl.DateTimeFormat(lang || undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  })
  const rows = entries
    .toReversed()
    .map(({ at, state }) =>
      make(
        'li',
        {},
        make('span', {}, when.format(at)),
        make('span', { 'data-state': state }, strings[state]),
      ),
    )
  return make('details', {}, make('summary', {}, strings.before), make('ul', {}, ...rows))
}
