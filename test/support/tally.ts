/** What a sender calls the id by which an upstream could drop a second arrival. */
const ID_NAMES = ['uuid', 'messageId', 'insert_id', 'eid', 'event_id']
const MARK = /event-(\d+)\./g

/** The text by which an event is known again, whatever is made of it on its way. */
export const toMark = (index: number): string => `event-${index}.`

/** The numbers of the events that are named in a text. */
export function readMark(text: string): number[] {
  return [...text.matchAll(MARK)].map(([, index]) => Number(index))
}

/** Counts marked events in whatever bodies arrive: ours and those of others. */
export interface Tally {
  take(body: string): void
  has(index: number): boolean
  /** Distinct events. */
  events(): number
  /** Events that are there twice, under two ids, or twice without any. */
  doubled(): number
  /** Arrivals of what was there already, under the same id. */
  repeated(): number
}

export function createTally(): Tally {
  const ids = new Map<string, Set<string>>()
  let arrivals = 0
  let nameless = 0

  const note = (mark: string, id: string | null) => {
    arrivals++
    const known = ids.get(mark) ?? new Set()
    ids.set(mark, known.add(id ?? `none-${nameless++}`))
  }
  const distinct = () => [...ids.values()].reduce((sum, known) => sum + known.size, 0)

  return {
    take(body) {
      for (const document of parse(body)) find(document, null, note)
    },
    has: (index) => ids.has(toMark(index)),
    events: () => ids.size,
    doubled: () => distinct() - ids.size,
    repeated: () => arrivals - distinct(),
  }
}

/** One document, or one a line. */
function parse(body: string): unknown[] {
  try {
    return [JSON.parse(body)]
  } catch {
    return body.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line)]
      } catch {
        return []
      }
    })
  }
}

function find(value: unknown, id: string | null, note: (mark: string, id: string | null) => void) {
  if (isLogRecord(value)) return noteAll(JSON.stringify(value), readUid(value), note)
  if (Array.isArray(value)) {
    for (const item of value) find(item, id, note)
  } else if (typeof value === 'object' && value !== null) {
    const name = ID_NAMES.find((each) => each in value)
    const own = name ? String((value as Record<string, unknown>)[name]) : id
    const { texts, parts } = split(Object.values(value))
    noteAll(texts, own, note)
    for (const part of parts) find(part, own, note)
  }
}

function split(values: readonly unknown[]): { texts: string; parts: unknown[] } {
  const isText = (value: unknown) => typeof value === 'string'
  return { texts: values.filter(isText).join(' '), parts: values.filter((value) => !isText(value)) }
}

function noteAll(text: string, id: string | null, note: (mark: string, id: string | null) => void) {
  for (const mark of new Set(text.match(MARK))) note(mark, id)
}

interface LogRecord {
  attributes: readonly { key: string; value: { stringValue?: string } }[]
}

function isLogRecord(value: unknown): value is LogRecord {
  return typeof value === 'object' && value !== null && 'timeUnixNano' in value
}

function readUid({ attributes }: LogRecord): string | null {
  return attributes.find(({ key }) => key === 'log.record.uid')?.value.stringValue ?? null
}
