import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { createDue } from '../../src/engine/due.js'
import { createHanding, type Host } from '../../src/engine/handing.js'
import { append, settle } from '../../src/engine/oplog.js'
import { connectControl } from '../../src/store/control.js'
import { createFakeEngine, createWorld, type RowOperation } from '../../src/testing.js'
import { put } from '../support/session.js'

describe('what an engine was handed', () => {
  it('is remembered while it is open, and no longer: a session of days does not grow by all that it sent', async () => {
    const platform = createWorld({ indexedDB: new IDBFactory() }).tab()
    const log = connectControl(platform)
    const engine = createFakeEngine(['cards'])
    const own = { opId: 'own', op: put('own'), userId: null, state: 'open' as const }
    engine.disk.queue.push(own)
    const taken: string[] = []
    const running = { push: async ({ opId }: { opId: string }) => void taken.push(opId) }
    const host: Host<RowOperation> = {
      name: 'legacy',
      engine,
      running,
      leads: async () => true,
    }
    const handing = createHanding<RowOperation>({
      platform,
      log,
      userId: () => null,
      host: () => host,
      isDue: () => true,
      onPushed: () => {},
      onHanded: () => {},
      ack: async () => {},
      onError: () => {},
    })
    for (const opId of ['sent', 'open']) {
      await append(log, { op: { ...put(opId), opId }, userId: null, at: 1, applied: true })
    }
    await handing.meet(host)
    const due = createDue(log, handing.forgetEnded)
    expect(await handing.handAll(host, await due.read())).toBe(true)
    expect(taken).toEqual(['sent', 'open'])
    await settle(log, 'sent', { state: 'acked', by: 'legacy' })
    due.miss()
    await due.read()
    expect(['own', 'sent', 'open'].filter(handing.holds)).toEqual(['own', 'open'])
    log.close()
  })
})
