import { describe, expect, it } from 'vitest'
import { findLost, insistOnNone, type StagingOptions, stage } from '../../src/engine/staging.js'
import type { Pending } from '../../src/model/operation.js'
import { createFakeEngine, type FakeEngine, type RowOperation } from '../../src/testing.js'
import { put } from '../support/session.js'

const of = (opId: string, userId: string | null, entityId = opId): Pending<RowOperation> => ({
  opId,
  op: put(entityId),
  userId,
  state: 'open',
})

type Options = StagingOptions<RowOperation>

const options = (target: FakeEngine, more: Partial<Options> = {}): Options => ({
  id: 'h1',
  target,
  userId: 'ann',
  adoptNullUser: () => false,
  ...more,
})

const fail = (why: string): never => {
  throw new Error(why)
}

const ALL = [of('hers', 'ann'), of('nobody', null), of('his', 'bob')]

describe('what is staged', () => {
  it.each<[string, Partial<Options>, string[]]>([
    ['the operations of the user', {}, ['hers']],
    [
      'those of nobody as well, where the host says that they are the user’s',
      { adoptNullUser: ({ opId }) => opId === 'nobody' },
      ['hers', 'nobody'],
    ],
    ['those of nobody alone, where nobody is signed in', { userId: null }, ['nobody']],
  ])('are %s', async (_, more, expected) => {
    const target = createFakeEngine(['cards'])
    expect(await stage(options(target, more), ALL)).toEqual(expected)
    expect(target.disk.queue).toEqual([])
    await target.queue?.importer?.activate('h1')
    expect(target.disk.queue.map(({ opId }) => opId)).toEqual(expected)
  })

  it.each<[string, () => boolean]>([
    ['does not know an operation', () => false],
    ['can not say whether it knows an operation', () => fail('no such table')],
  ])('are none of a thing of which the engine %s, from that one on', async (_, answer) => {
    const target = createFakeEngine(['cards'])
    target.knows = ({ entityId }) => entityId !== 'strange' || answer()
    const mine = [of('1', 'ann', 'a'), of('2', 'ann', 'strange'), of('3', 'ann', 'strange')]
    expect(await stage(options(target), [...mine, of('4', 'ann', 'a')])).toEqual(['1', '4'])
  })

  it('is nothing in an engine without a queue', async () => {
    const { queue: _, ...least } = createFakeEngine(['cards'])
    expect(await stage({ ...options(createFakeEngine(['cards'])), target: least }, ALL)).toEqual([])
  })

  it.each([
    ['fewer', ['1'], '2 operations were staged, 1 came back or in another order'],
    ['others', ['1', '3'], '2 operations were staged, 2 came back or in another order'],
    ['the same in another order', ['2', '1'], '2 operations were staged, 2 came back or'],
    ['more', ['1', '2', '3'], '2 operations were staged, 3 came back or in another order'],
  ])('is not believed where the engine says %s', async (_, answer, message) => {
    const target = createFakeEngine(['cards'])
    Object.assign(target.queue?.importer ?? {}, { stage: async () => answer })
    await expect(stage(options(target), [of('1', 'ann'), of('2', 'ann')])).rejects.toMatchObject({
      code: 'HANDOVER_VERIFY',
      message: expect.stringContaining(message),
    })
  })
})

describe('what was activated', () => {
  it('is lost where the queue does not hold it, and unknown where that can not be read', async () => {
    const target = createFakeEngine(['cards'])
    target.disk.queue.push(of('1', 'ann'))
    expect(await findLost({ target }, ['1', '2', '3'])).toEqual(['2', '3'])
    expect(await findLost({ target }, ['1'])).toEqual([])
    delete target.queue?.exporter
    expect(await findLost({ target }, ['1', '2', '3'])).toEqual([])
    const { queue: _, ...least } = target
    expect(await findLost({ target: least }, ['1'])).toEqual([])
  })

  it('asks no queue where it is nothing', async () => {
    const target = createFakeEngine(['cards'])
    Object.assign(target.queue?.exporter ?? {}, { read: () => Promise.reject(new Error('asked')) })
    expect(await findLost({ target }, [])).toEqual([])
    await expect(findLost({ target }, ['1'])).rejects.toThrow('asked')
  })

  it('is told by number where something is lost', () => {
    expect(() => insistOnNone([], ['1'])).not.toThrow()
    expect(() => insistOnNone(['1'], ['1', '2'])).toThrow(
      '1 of 2 operations are not in the queue that took them',
    )
  })
})
