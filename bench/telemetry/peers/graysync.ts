import { createDelivery } from '../../../src/flows/deliver.js'
import { otlpSink } from '../../../src/otlp.js'
import { browserPlatform } from '../../../src/platform/platform.js'
import { openDatabase } from '../../../src/store/database.js'
import { createOutbox } from '../../../src/store/outbox.js'
import { makeRecord } from '../../../src/telemetry/record.js'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  const platform = browserPlatform()
  const database = await openDatabase(platform)
  const { signal } = new AbortController()
  const shared = { platform, signal, onError() {} }
  const outbox = createOutbox({ ...shared, database, consent: 'granted' })
  const delivery = createDelivery({ ...shared, outbox, sink: otlpSink({ url }), onDelivered() {} })
  return {
    capture: (mark) => outbox.add(makeRecord(platform, 'metric', 'bench', { ...ATTRIBUTES, mark })),
    flush: () => delivery.drain(),
    persist: () => outbox.flush(),
  }
}
