import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import type { Lane } from '../../src/model/record.js'
import { createBuffer } from '../../src/store/outbox-buffer.js'
import { createWorld } from '../../src/testing.js'
import { makeRecords } from '../support/desk.js'

/** A buffer, and when it was due: in milliseconds since it was made. */
function open() {
  const world = createWorld({ indexedDB: new IDBFactory() })
  const tab = world.tab()
  const madeAt = tab.monotonic()
  const due: number[] = []
  const buffer = createBuffer(tab, () => {
    due.push(tab.monotonic() - madeAt)
    buffer.take()
  })
  const add = (lane: Lane, count = 1) => {
    for (const record of makeRecords(count, lane)) buffer.add(record)
  }
  const advance = (ms: number) => {
    for (let at = 0; at < ms; at++) world.advance(1)
  }
  return { add, advance, due }
}

describe('what is told', () => {
  it('waits a quarter of a second for more, counted from the first', () => {
    const { add, advance, due } = open()
    add('metric')
    advance(200)
    add('exposure')
    advance(400)
    expect(due).toEqual([250])
  })

  it.each(['error', 'feedback'] as const)('waits 50 ms for more where it is of lane %s', (lane) => {
    const { add, advance, due } = open()
    add('metric')
    advance(10)
    add(lane)
    advance(400)
    expect(due).toEqual([60])
  })

  it('is not put off by an error that comes when it is nearly due', () => {
    const { add, advance, due } = open()
    add('metric')
    advance(220)
    add('error')
    advance(400)
    expect(due).toEqual([250])
  })

  it('waits for nothing once it is a thousand records', () => {
    const { add, advance, due } = open()
    add('metric', 999)
    advance(5)
    expect(due).toEqual([])
    add('metric')
    advance(5)
    expect(due).toEqual([5])
  })

  it('waits anew once it was taken', () => {
    const { add, advance, due } = open()
    add('metric')
    advance(300)
    add('metric')
    advance(300)
    expect(due).toEqual([250, 550])
  })
})
