import type { Sink } from '../../../src/model/record.js'
import { serveGraySync, type WorkerScope } from '../../../src/service-worker.js'

const sink: Sink = {
  async send({ records }) {
    const body = JSON.stringify(records.map(({ uid }) => uid))
    const { ok } = await fetch('/records', { method: 'POST', body })
    return ok ? { status: 'accepted' } : { status: 'retry' }
  },
}

serveGraySync(globalThis as unknown as WorkerScope, { sink })
