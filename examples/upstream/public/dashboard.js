import { WORDS } from './words.js'

const KEPT_LANGUAGE = 'graysync-dashboard-language'
const SVG = 'http://www.w3.org/2000/svg'

let language = readLanguage()
let figures = null
let state = 'waiting'
let isLoading = false
let isStale = false

function readLanguage() {
  const kept = keep()
  if (kept in WORDS) return kept
  return navigator.language.startsWith('zh') ? 'zh' : 'en'
}

/** Remembers a choice where the browser lets it; answers what is remembered. */
function keep(chosen) {
  try {
    if (chosen) localStorage.setItem(KEPT_LANGUAGE, chosen)
    return localStorage.getItem(KEPT_LANGUAGE) ?? ''
  } catch {
    return ''
  }
}

function say(key, values = {}) {
  const text = WORDS[language][key] ?? key
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '')
}

/** A word of a device's record, in the reader's language where it is known. */
const name = (value) => (value ? (WORDS[language][value] ?? value) : say('none'))
const count = (value) => new Intl.NumberFormat(language).format(value ?? 0)
const percent = (part, whole) =>
  new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 2 }).format(
    whole > 0 ? part / whole : 0,
  )
const clock = (at) =>
  new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'short' }).format(new Date(at))
const hour = (at) => new Intl.DateTimeFormat(language, { timeStyle: 'short' }).format(new Date(at))

/** Text given to an element is text, whatever it holds. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value)
  }
  element.append(...children.filter((child) => child !== null).map(toNode))
  return element
}

function toNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child))
}

function fill(id, ...children) {
  document.getElementById(id).replaceChildren(...children)
}

const nothing = (key) => make('p', { class: 'nothing' }, say(key))

function table(columns, rows) {
  const heads = columns.map(([key, , kind]) => make('th', { scope: 'col', class: kind }, say(key)))
  const body = rows.map((row) =>
    make(
      'tr',
      {},
      ...columns.map(([key, read, kind]) =>
        make('td', { class: kind, 'data-label': say(key) }, read(row)),
      ),
    ),
  )
  return make('table', {}, make('thead', {}, make('tr', {}, ...heads)), make('tbody', {}, ...body))
}

function engineTag(engine) {
  return make(
    'span',
    { class: 'tag', 'data-engine': engine ?? 'unknown' },
    engine ?? say('unknown'),
  )
}

function bar(part, whole, engine) {
  const track = make('span', { class: 'bar', 'data-engine': engine, 'aria-hidden': 'true' })
  const inner = make('span')
  inner.style.width = `${whole > 0 ? Math.max((part / whole) * 100, part > 0 ? 1 : 0) : 0}%`
  track.append(inner)
  return track
}

function showKey({ devices, sync, handovers, feedback }) {
  const refactored = devices.places
    .filter((place) => place.engine === 'refactored')
    .reduce((sum, place) => sum + place.devices, 0)
  const acked = sync.reduce((sum, engine) => sum + engine.acked, 0)
  const failed = sync.reduce((sum, engine) => sum + engine.failed, 0)
  const tiles = [
    ['activeDevices', count(devices.active), say('ofDevices', { count: count(devices.total) })],
    [
      'onRefactored',
      percent(refactored, devices.total),
      `${count(refactored)} / ${count(devices.total)}`,
    ],
    ['failedShare', percent(failed, acked + failed), `${count(failed)} / ${count(acked + failed)}`],
    [
      'handovers',
      count(handovers.committed),
      say('abortedCount', { count: count(handovers.aborted) }),
    ],
    [
      'rating',
      feedback.rating === null ? '–' : say('ratingOf', { rating: count(feedback.rating) }),
      say('ratings', { count: count(feedback.count) }),
    ],
  ]
  fill(
    'key',
    ...tiles.map(([key, value, note]) =>
      make(
        'div',
        {},
        make('dt', {}, say(key)),
        make('dd', {}, value),
        make('dd', { class: 'note' }, note),
      ),
    ),
  )
}

function showRollouts({ rollouts }) {
  if (rollouts.length === 0) return fill('rollouts', nothing('noRollout'))
  fill('rollouts', ...rollouts.map(rolloutCard))
}

function rolloutCard({ name: title, version, storedAt, rollout }) {
  const active = rollout.stages.find((stage) => stage.name === rollout.stage)
  const gate = rollout.kill ? 'killed' : rollout.admit === 'held' ? 'held' : 'open'
  const share = active?.share ?? 0
  const steps = rollout.stages.map((stage) =>
    make(
      'li',
      stage === active ? { 'aria-current': 'step' } : {},
      make('span', {}, stage.name),
      make('span', { class: 'note' }, percent(stage.share, 100_000)),
    ),
  )
  return make(
    'article',
    { class: 'rollout' },
    make(
      'div',
      { class: 'line' },
      make('h3', {}, title),
      make('span', { class: 'tag', 'data-gate': gate }, say(gate)),
      make(
        'span',
        { class: 'note' },
        `${say('version')} ${version} · ${say('published')} ${clock(storedAt)}`,
      ),
    ),
    make(
      'p',
      { class: 'line' },
      make('strong', {}, percent(share, 100_000)),
      make('span', {}, active ? `${say('stage')} ${active.name}` : say('beforeFirst')),
      rollout.holdout
        ? make('span', { class: 'note' }, `${say('holdout')} ${percent(rollout.holdout, 100_000)}`)
        : null,
    ),
    bar(share, 100_000, rollout.kill ? 'legacy' : 'refactored'),
    make('ol', { class: 'steps' }, ...steps),
  )
}

function showDevices({ devices }) {
  if (devices.places.length === 0) return fill('devices', nothing('noDevices'))
  fill(
    'devices',
    table(
      [
        ['engine', (place) => engineTag(place.engine)],
        ['stage', (place) => place.stage ?? say('none')],
        ['deviceCount', (place) => count(place.devices), 'number'],
        ['share', (place) => bar(place.devices, devices.total, place.engine), 'fill'],
      ],
      devices.places,
    ),
  )
}

function showSync({ sync, trend, at }) {
  if (sync.length === 0) return fill('sync', nothing('noSync'))
  fill(
    'sync',
    chart(trend, new Date(at)),
    table(
      [
        ['engine', (one) => engineTag(one.engine)],
        ['acked', (one) => count(one.acked), 'number'],
        ['failed', (one) => count(one.failed), 'number'],
        ['failedShare', (one) => percent(one.failed, one.acked + one.failed), 'number'],
      ],
      sync,
    ),
  )
}

/** One column an hour: acknowledged below, failed on top. */
function chart(trend, now) {
  const HOUR = 3_600_000
  const end = Math.floor(now.getTime() / HOUR) * HOUR
  const hours = Array.from({ length: 24 }, (_, index) => {
    const start = end - (23 - index) * HOUR
    const rows = trend.filter((row) => Date.parse(row.hour) === start)
    const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
    return { start, acked: sum('acked'), failed: sum('failed') }
  })
  const most = Math.max(1, ...hours.map((one) => one.acked + one.failed))
  const svg = draw('svg', {
    viewBox: '0 0 240 64',
    preserveAspectRatio: 'none',
    role: 'img',
    class: 'chart',
  })
  svg.setAttribute('aria-label', say('syncNote'))
  hours.forEach(({ start, acked, failed }, index) => {
    const [low, high] = [(acked / most) * 60, (failed / most) * 60]
    const column = draw('g', {})
    const title = draw('title', {})
    title.textContent = say('hourLabel', {
      hour: hour(start),
      acked: count(acked),
      failed: count(failed),
    })
    column.append(
      title,
      draw('rect', { x: index * 10, y: 0, width: 10, height: 64, class: 'hit' }),
      draw('rect', { x: index * 10 + 1, y: 64 - low, width: 8, height: low, class: 'acked' }),
      draw('rect', {
        x: index * 10 + 1,
        y: 64 - low - high,
        width: 8,
        height: high,
        class: 'failed',
      }),
    )
    svg.append(column)
  })
  const axis = make(
    'p',
    { class: 'axis note', 'aria-hidden': 'true' },
    make('span', {}, hour(hours[0].start)),
    make(
      'span',
      { class: 'legend' },
      make('i', { class: 'acked' }),
      say('acked'),
      make('i', { class: 'failed' }),
      say('failed'),
    ),
    make('span', {}, hour(now)),
  )
  return make('figure', {}, svg, axis)
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

function showErrors({ errors }) {
  if (errors.length === 0) return fill('errors', nothing('noErrors'))
  fill(
    'errors',
    table(
      [
        [
          'error',
          (one) =>
            make(
              'div',
              {},
              make('strong', {}, one.type ?? say('unknown')),
              make('div', { class: 'message' }, one.message ?? ''),
              make('code', { title: say('fingerprint') }, one.fingerprint ?? '–'),
            ),
          'main',
        ],
        ['touched', (one) => count(one.devices), 'number'],
        ['times', (one) => count(one.count), 'number'],
        ['engines', (one) => make('span', { class: 'tags' }, ...one.engines.map(engineTag))],
        ['last', (one) => clock(one.last), 'time'],
      ],
      errors,
    ),
  )
}

function showHandovers({ handovers }) {
  if (handovers.recent.length === 0) return fill('handovers', nothing('noHandovers'))
  const { committed, aborted, moved } = handovers
  fill(
    'handovers',
    make(
      'p',
      {},
      say('handoverSum', {
        committed: count(committed),
        aborted: count(aborted),
        moved: count(moved),
      }),
    ),
    table(
      [
        ['when', (one) => clock(one.at), 'time'],
        [
          'way',
          (one) => make('span', { class: 'tags' }, engineTag(one.from), '→', engineTag(one.to)),
        ],
        [
          'outcome',
          (one) =>
            make(
              'span',
              { class: 'tags' },
              make('span', { class: 'tag', 'data-outcome': one.outcome }, name(one.outcome)),
              one.because ? make('code', {}, one.because) : null,
            ),
        ],
        ['moved', (one) => count(one.moved), 'number'],
        ['duration', (one) => `${count(Math.round(one.durationMs ?? 0))} ms`, 'number'],
      ],
      handovers.recent,
    ),
  )
}

function showDivergences({ divergences }) {
  if (divergences.length === 0) return fill('divergences', nothing('noDivergences'))
  fill(
    'divergences',
    table(
      [
        ['table', (one) => make('code', {}, one.table ?? '–')],
        ['kind', (one) => make('span', { class: 'tag', 'data-kind': one.kind }, name(one.kind))],
        ['fields', (one) => make('span', { class: 'message' }, one.paths ?? '–')],
        ['rows', (one) => count(one.count), 'number'],
        ['touched', (one) => count(one.devices), 'number'],
      ],
      divergences,
    ),
  )
}

function showFeedback({ feedback, surveys }) {
  fill('surveys', ...surveys.map(survey))
  if (feedback.recent.length === 0) return fill('feedback', nothing('noFeedback'))
  const categories = Object.entries(feedback.categories)
  fill(
    'feedback',
    make(
      'p',
      { class: 'line' },
      feedback.urgent > 0
        ? make(
            'span',
            { class: 'tag', 'data-severity': 'high' },
            say('urgentCount', { count: count(feedback.urgent) }),
          )
        : null,
      ...categories.map(([category, entries]) =>
        make(
          'span',
          { class: 'tag', 'data-category': category },
          `${name(category)} ${count(entries)}`,
        ),
      ),
    ),
    trendOf(feedback.days),
    make('ul', { class: 'entries' }, ...feedback.recent.map(entry)),
  )
}

/** Each day's entries, as bars with the day's rating in words. */
function trendOf(days) {
  const most = Math.max(1, ...days.map((day) => day.entries))
  return make(
    'ul',
    { class: 'days' },
    ...days.map(({ day, entries, rating }) =>
      make(
        'li',
        {},
        make('time', { class: 'note', datetime: day }, new Date(day).toLocaleDateString(language)),
        bar(entries, most, 'refactored'),
        make(
          'span',
          { class: 'note' },
          say('dayOf', { count: count(entries), rating: rating === null ? '–' : count(rating) }),
        ),
      ),
    ),
  )
}

function survey({ id, kind, answers, score }) {
  const value = kind === 'csat' ? `${Math.round(score * 100)} %` : String(Math.round(score * 100))
  return make(
    'p',
    { class: 'line' },
    make('span', { class: 'tag' }, kind.toUpperCase()),
    make('strong', {}, value),
    make('span', { class: 'note' }, `${id} · ${say('answers', { count: count(answers) })}`),
  )
}

function entry({
  uid,
  at,
  text,
  rating,
  category,
  severity,
  contact,
  engine,
  stage,
  version,
  urgent,
  file,
}) {
  const stars = rating ? '★'.repeat(rating).padEnd(5, '☆') : null
  return make(
    'li',
    {},
    make(
      'div',
      { class: 'line' },
      make('span', { class: 'tag', 'data-category': category }, name(category)),
      urgent ? make('span', { class: 'tag', 'data-severity': 'high' }, say('urgent')) : null,
      severity ? make('span', { class: 'tag', 'data-severity': severity }, name(severity)) : null,
      stars
        ? make(
            'span',
            { class: 'stars', role: 'img', 'aria-label': say('ratingOf', { rating }) },
            stars,
          )
        : null,
      make('time', { class: 'note', datetime: at }, clock(at)),
    ),
    make('p', text ? {} : { class: 'nothing' }, text || say('wordless')),
    make(
      'div',
      { class: 'line note' },
      engine ? engineTag(engine) : null,
      stage ? make('span', {}, `${say('stage')} ${stage}`) : null,
      version ? make('span', {}, `${say('version')} ${version}`) : null,
      contact ? make('span', {}, `${say('contact')} ${contact}`) : null,
      file
        ? make(
            'a',
            { href: `/dashboard/files/${encodeURIComponent(uid)}`, download: '' },
            say('file'),
          )
        : null,
    ),
  )
}

function show() {
  document.documentElement.lang = language
  for (const element of document.querySelectorAll('[data-word]')) {
    element.textContent = say(element.dataset.word)
  }
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language))
  }
  showState()
  if (figures === null) return
  const parts = [showKey, showRollouts, showDevices, showSync, showErrors, showHandovers]
  for (const part of [...parts, showDivergences, showFeedback]) part(figures)
}

function showState() {
  const live = document.getElementById('live')
  const text = state === 'live' && figures ? say('updated', { time: hour(figures.at) }) : say(state)
  live.dataset.state = state
  // Set only when it differs, so that a screen reader is not told the same again.
  if (live.textContent !== text) live.textContent = text
}

/** One request at a time; a change during it is followed by one more. */
async function load() {
  isStale = true
  if (isLoading) return
  isLoading = true
  try {
    while (isStale) {
      isStale = false
      const response = await fetch('/dashboard/data')
      if (!response.ok) throw new Error(String(response.status))
      figures = await response.json()
      state = 'live'
      show()
    }
  } catch {
    state = 'lost'
    showState()
    setTimeout(() => void load(), 5_000)
  } finally {
    isLoading = false
  }
}

for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => {
    language = button.dataset.language
    keep(language)
    show()
  })
}
const stream = new EventSource('/dashboard/stream')
stream.addEventListener('changed', () => void load())
stream.addEventListener('error', () => {
  state = 'lost'
  showState()
})
show()
