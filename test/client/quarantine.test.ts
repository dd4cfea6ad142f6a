import { describe, expect, it } from 'vitest'
import { createProfile, put, queued, rest } from '../support/session.js'

describe('an operation that its engine does not know', () => {
  it('waits in quarantine until a version of the engine that knows it starts, and goes in order, once', async () => {
    const profile = createProfile()
    const { legacy } = profile.engines
    legacy.knows = ({ kind }) => kind !== 'archive'
    const gray = profile.open()
    const errors: string[] = []
    gray.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    await gray.start()
    const before = await gray.enqueue(put('a', 'first'))
    const unknown = await gray.enqueue({ ...put('a'), kind: 'archive' })
    const behind = await gray.enqueue(put('a', 'last'))
    const beside = await gray.enqueue(put('b'))
    const all = [before, unknown, behind, beside].map(({ opId }) => opId)
    await expect.poll(() => queued(legacy)).toEqual([before.opId, beside.opId])
    await rest()
    expect(errors).toEqual(['HALTED engine legacy does not know cards.archive'])
    expect((await gray.openOperations()).map(({ opId }) => opId)).toEqual(all)
    await gray.close()

    const same = profile.open()
    await same.start()
    await rest()
    expect(queued(legacy)).toEqual([before.opId, beside.opId])
    await same.close()

    legacy.version = '1.1'
    legacy.knows = () => true
    const newer = profile.open()
    await newer.start()
    await expect
      .poll(() => queued(legacy))
      .toEqual([before.opId, beside.opId, unknown.opId, behind.opId])
    expect(legacy.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'last' })
    legacy.acknowledge()
    await expect.poll(() => newer.openOperations()).toEqual([])
    await newer.close()
  })
})
