import type { TableRules } from '../../src/model/source.js'
import type { Row } from './memory.js'
import type { Random } from './random.js'
import { disguise } from './values.js'

export const rules: TableRules = {
  ignore: ['sync', 'body.*.seen', 'marks.*.at'],
  unordered: ['labels', 'body.links'],
  tolerance: { 'size.*': 0.5 },
  defaults: { color: ['#3b82f6', '#6366f1', null], 'body.note': [''] },
  tombstone: 'state.gone',
  show: ['title'],
}

/** A row with something at every place that the rules name, and at some that they don't. */
export function makeRow(random: Random, id: IDBValidKey): Row {
  const text = () => `${random.pick(['alpha', 'beta', '', 'ünï', '\ud83d'])}${random.below(4)}`
  return {
    id,
    title: text(),
    at: new Date(random.below(2 ** 41)),
    sync: random.below(9),
    color: random.pick(['#3b82f6', '#ff0000', '#00ff00']),
    count: random.below(3),
    labels: Array.from({ length: random.below(4) }, text),
    order: Array.from({ length: random.below(4) }, text),
    size: { w: random.below(9), h: random.below(9) + 0.25 },
    body: {
      front: { text: text(), seen: random.below(9), at: new Date(random.below(2 ** 40)) },
      links: Array.from({ length: random.below(3) }, () => ({ to: text() })),
      note: text(),
    },
    marks: Array.from({ length: random.below(3) }, () => ({ at: random.below(9), to: text() })),
    state: random.below(5) === 0 ? { gone: random.below(3) === 0 } : null,
    file: random.below(4) === 0 ? new Blob([text()]) : undefined,
  }
}

type Change = (row: Row, random: Random) => void

const within = (row: Row, name: string) => row[name] as Row
const list = (row: Row, name: string) => row[name] as unknown[]

/** Ways that a row may differ without harm. */
export const harmless: Record<string, Change> = {
  ignored: (row) => {
    row.sync = 'other'
    within(within(row, 'body'), 'front').seen = -1
    for (const mark of list(row, 'marks')) (mark as Row).at = 'later'
  },
  unordered: (row) => {
    list(row, 'labels').reverse()
    list(within(row, 'body'), 'links').reverse()
  },
  tolerated: (row, random) => {
    const size = within(row, 'size')
    size.w = (size.w as number) + random() / 2
  },
}

/** Ways that a row may have lost or changed something. Some do nothing to some rows: the oracle knows. */
export const harmful: Record<string, Change> = {
  text: (row, random) => {
    const front = within(within(row, 'body'), 'front')
    front.text = `${front.text}${random.pick([' ', '!', '\u0000'])}`
  },
  kind: (row, random) => {
    row.count = random.pick<unknown>([String(row.count), [row.count], { n: row.count }, true, 0n])
  },
  order: (row) => {
    list(row, 'order').reverse()
  },
  member: (row, random) => {
    list(row, random.pick(['labels', 'order', 'marks'])).push(random.pick<unknown>([null, 'x', {}]))
  },
  dropped: (row, random) => {
    delete row[random.pick(['title', 'labels', 'size', 'body', 'at', 'file'])]
  },
  moment: (row) => {
    row.at = new Date(new Date(row.at as string).getTime() + 1)
  },
  untolerated: (row) => {
    const size = within(row, 'size')
    size.h = (size.h as number) + 0.51
  },
  added: (row, random) => {
    row[random.pick(['extra', 'toString', '__proto__x'])] = random.pick<unknown>([
      0,
      '',
      false,
      {},
      [],
    ])
  },
  emptied: (row, random) => {
    row.title = random.pick<unknown>(['', null, 0, false])
  },
  duplicated: (row) => {
    const labels = list(row, 'labels')
    if (labels.length > 1) labels[0] = labels[1]
  },
  file: (row) => {
    row.file = new Blob(['a longer one'], { type: 'text/plain' })
  },
  deep: (row) => {
    for (const mark of list(row, 'marks'))
      (mark as Row).to = { deeper: [1, { still: new Date(7) }] }
  },
  filled: (row, random) => {
    row.color = random.pick<unknown>(['#6366f1', null, '#123456'])
    within(row, 'body').note = random.pick(['', 'other'])
  },
}

export interface Stores {
  left: Map<IDBValidKey, Row>
  right: Map<IDBValidKey, Row>
  inFlight: Set<IDBValidKey>
  /** How often each way to differ was planted. */
  planted: Record<string, number>
}

/** Two stores that are one but for what is planted. */
export function makeStores(random: Random, count: number): Stores {
  const stores: Stores = { left: new Map(), right: new Map(), inFlight: new Set(), planted: {} }
  for (let at = 0; at < count; at++) plantRow(stores, random, makeKey(random, at))
  return stores
}

function makeKey(random: Random, at: number): IDBValidKey {
  const text = `k${at.toString(36)}`
  return random.pick<() => IDBValidKey>([
    () => text,
    () => text,
    () => at - 5,
    () => new Date(at),
    () => [at % 3, text],
  ])()
}

function plantRow(stores: Stores, random: Random, key: IDBValidKey): void {
  const { left, right, inFlight, planted } = stores
  const row = makeRow(random, key)
  const other = disguise(makeCopy(row), () => random.below(2)) as Row
  const plant = (name: string) => {
    planted[name] = (planted[name] ?? 0) + 1
  }
  const [name, change] = random.pick(Object.entries(random.below(2) ? harmful : harmless))
  const outcome = random.below(10)
  if (outcome > 5) {
    change(outcome === 6 ? row : other, random)
    plant(name)
  }
  if (random.below(12) === 0) {
    inFlight.add(key)
    plant('inFlight')
  }
  if (outcome !== 0) left.set(key, row)
  if (outcome !== 1) right.set(key, other)
  if (outcome < 2) plant(outcome === 0 ? 'extra' : 'missing')
}

function makeCopy(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Blob ? value.slice() : structuredClone(value),
    ]),
  )
}
