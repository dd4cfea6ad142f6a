import { createDelivery } from '../../src/flows/deliver.js'
import type { Lane } from '../../src/model/record.js'
import { otlpSink } from '../../src/otlp.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { openDatabase } from '../../src/store/database.js'
import { createOutbox } from '../../src/store/outbox.js'
import { leap } from './leap.js'
import { toMark } from './tally.js'

const LANES: readonly Lane[] = ['error', 'exposure', 'metric']

/** What a script outside says to the page. */
export interface OutagePage {
  /** Captures one event, under this id where one is given. */
  emit(index: number, uid?: string): string
  flush(): Promise<void>
  /** Lets time go by. */
  advance(ms: number): void
  /** Ids of the records on disk. */
  stored(): Promise<string[]>
  delivered: number
}

const { platform, advance } = leap(browserPlatform())
const database = await openDatabase(platform)
const { signal } = new AbortController()
const page: OutagePage = {
  delivered: 0,
  emit(index, uid = crypto.randomUUID()) {
    const lane = LANES[index % LANES.length] ?? 'metric'
    outbox.add({
      uid,
      name: 'outage',
      at: platform.now(),
      lane,
      attributes: { mark: toMark(index) },
    })
    return uid
  },
  flush: () => outbox.flush(),
  advance,
  async stored() {
    const chunks = await database.getAll('chunks')
    return chunks.flatMap(({ json }) => JSON.parse(json).map(({ uid }: { uid: string }) => uid))
  },
}
const onError = () => {}
const outbox = createOutbox({ platform, database, consent: 'granted', onError, signal })
createDelivery({
  platform,
  outbox,
  sink: otlpSink({ url: '/v1/logs' }),
  onDelivered: (_, count) => {
    page.delivered += count
  },
  onError,
  signal,
})
Object.assign(globalThis, { outage: page })
