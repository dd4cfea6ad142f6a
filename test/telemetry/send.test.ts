import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SinkResult, TelemetryRecord } from '../../src/model/record.js'
import { sendAll, toBatchId } from '../../src/telemetry/send.js'
import { makeRecords } from '../support/desk.js'

type Fate = 'fine' | 'poison' | 'tooLarge'

const uids = (records: readonly TelemetryRecord[]) => records.map((record) => record.uid)

describe('a batch with records at fault', () => {
  const fates = fc.array(fc.constantFrom<Fate>('fine', 'fine', 'fine', 'poison', 'tooLarge'), {
    minLength: 1,
    maxLength: 80,
  })

  it('ends with every record accounted for once, in its order, wherever the connection breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fates, fc.option(fc.nat(40)), async (given, breaksAt) => {
        const records = makeRecords(given.length)
        const fate = new Map(records.map((record, index) => [record.uid, given[index]]))
        const taken: string[] = []
        let calls = 0
        const sent = await sendAll(records, async (part): Promise<SinkResult> => {
          if (breaksAt !== null && calls++ >= breaksAt) return { status: 'retry' }
          const fault = part.map((record) => fate.get(record.uid)).find((each) => each !== 'fine')
          if (fault === 'poison' || fault === 'tooLarge')
            return { status: 'refused', because: fault }
          taken.push(...uids(part))
          return { status: 'accepted' }
        })
        const all = [...taken, ...uids(sent.poison), ...uids(sent.tooLarge), ...uids(sent.rest)]
        expect(all.sort()).toEqual(uids(records).sort())
        expect(sent.accepted).toBe(taken.length)
        expect(taken.every((uid) => fate.get(uid) === 'fine')).toBe(true)
        expect(sent.poison.every((record) => fate.get(record.uid) === 'poison')).toBe(true)
        expect(sent.tooLarge.every((record) => fate.get(record.uid) === 'tooLarge')).toBe(true)
        if (sent.stop?.status === 'retry') {
          const kept = new Set(uids(sent.rest))
          expect(uids(sent.rest)).toEqual(uids(records).filter((uid) => kept.has(uid)))
        }
        if (!sent.stop) expect(sent.rest).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('is searched by halves: one record at fault in 512 costs few requests', async () => {
    const records = makeRecords(512)
    const bad = records[300]
    let calls = 0
    const sent = await sendAll(records, async (part) => {
      calls++
      return bad && part.includes(bad)
        ? { status: 'refused', because: 'poison' }
        : { status: 'accepted' }
    })
    expect(sent.poison).toEqual([bad])
    expect(calls).toBeLessThanOrEqual(2 * Math.log2(512) + 1)
  })

  it('never counts more as rejected than there are', async () => {
    const sent = await sendAll(makeRecords(3), async () => ({ status: 'accepted', rejected: 9 }))
    expect(sent).toMatchObject({ accepted: 0, rejected: 3 })
  })
})

describe('the name of a batch', () => {
  it('is the same for the same records, and another for others', () => {
    const records = makeRecords(5)
    expect(toBatchId(records)).toBe(toBatchId([...records]))
    expect(toBatchId(records)).not.toBe(toBatchId(records.slice(1)))
    expect(toBatchId(records)).not.toBe(toBatchId(records.slice(0, 4)))
  })
})
