import { createDelivery } from '../../src/flows/deliver.js'
import type { Lane } from '../../src/model/record.js'
import { otlpSink } from '../../src/otlp.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { openDatabase } from '../../src/store/database.js'
import { createOutbox } from '../../src/store/outbox.js'

const LANES: readonly Lane[] = ['error', 'exposure', 'metric']

/** What a script outside says to the page. */
export interface OutagePage {
  emit(index: number): string
  flush(): Promise<void>
  delivered: number
}

const platform = browserPlatform()
const database = await openDatabase(platform)
const { signal } = new AbortController()
const page: OutagePage = {
  delivered: 0,
  emit(index) {
    const lane = LANES[index % LANES.length] ?? 'metric'
    const uid = crypto.randomUUID()
    outbox.add({ uid, name: 'outage', at: platform.now(), lane, attributes: { index } })
    return uid
  },
  flush: () => outbox.flush(),
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
