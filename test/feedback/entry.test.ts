import { describe, expect, it } from 'vitest'
import { toFeedbackRecord } from '../../src/feedback/entry.js'
import type { Feedback } from '../../src/model/record.js'

const platform = {
  now: () => 1_700_000_000_000,
  randomBytes: (length: number) => new Uint8Array(length),
}
const make = (entry: unknown) => toFeedbackRecord(platform, entry as Feedback)

describe('an entry', () => {
  it('becomes a record of the feedback lane that holds what was said', () => {
    const record = make({
      text: '  Cards flicker  ',
      category: 'bug',
      rating: 2,
      severity: 'high',
      contact: ' ada@example.org ',
      context: { version: '5.7.0', cards: 12, offline: true },
      id: 'draft-0001',
    })
    expect(record).toEqual({
      uid: 'draft-0001',
      name: 'graysync.feedback.submitted',
      at: 1_700_000_000_000,
      lane: 'feedback',
      body: 'Cards flicker',
      attributes: {
        'graysync.feedback.category': 'bug',
        'graysync.feedback.rating': 2,
        'graysync.feedback.severity': 'high',
        'graysync.feedback.contact': 'ada@example.org',
        'graysync.feedback.context.version': '5.7.0',
        'graysync.feedback.context.cards': 12,
        'graysync.feedback.context.offline': true,
      },
    })
  })

  it('holds nothing that the user did not give', () => {
    expect(make({ text: 'Nice' }).attributes).toEqual({ 'graysync.feedback.category': 'other' })
    expect(make({ text: 'Nice', contact: '  ' }).attributes).toEqual({
      'graysync.feedback.category': 'other',
    })
  })

  it('may be a rating alone', () => {
    expect(make({ text: '', rating: 5 }).body).toBe('')
  })

  it('without an id gets one of its own', () => {
    expect(make({ text: 'Nice' }).uid).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('may be an answer to a survey, a record of its own', () => {
    const survey = { id: 'after-switch', kind: 'nps' as const, score: 0 }
    const { name, attributes } = make({ text: '', survey })
    expect(name).toBe('graysync.survey.answered')
    expect(attributes).toEqual({
      'graysync.survey.id': 'after-switch',
      'graysync.survey.kind': 'nps',
      'graysync.survey.score': 0,
    })
  })

  it('says that a file follows', () => {
    const file = new Blob(['what I saw'], { type: 'text/plain' })
    expect(make({ text: 'See', file }).attributes).toMatchObject({
      'graysync.feedback.file.type': 'text/plain',
      'graysync.feedback.file.bytes': 10,
    })
  })

  it.each<[string, unknown]>([
    ['file', { text: 'See', file: 'C:\\picture.png' }],
    ['file', { text: 'See', file: new Blob(['<b>'], { type: 'text/html' }) }],
    ['file', { text: 'See', file: new Blob([new Uint8Array(5_000_001)], { type: 'image/png' }) }],
    ['survey', { text: '', survey: 5 }],
    ['survey.id', { text: '', survey: { id: '', kind: 'csat', score: 5 } }],
    ['survey.kind', { text: '', survey: { id: 'one', kind: 'ces', score: 5 } }],
    ['survey.score', { text: '', survey: { id: 'one', kind: 'csat', score: 0 } }],
    ['survey.score', { text: '', survey: { id: 'one', kind: 'nps', score: 10.5 } }],
    ['text', { text: '' }],
    ['text', { text: '   ' }],
    ['text', {}],
    ['text', { text: 7 }],
    ['text', { text: 'x'.repeat(10_001) }],
    ['category', { text: 'a', category: 'rant' }],
    ['rating', { text: 'a', rating: 0 }],
    ['rating', { text: 'a', rating: 6 }],
    ['rating', { text: 'a', rating: 2.5 }],
    ['rating', { text: 'a', rating: '5' }],
    ['severity', { text: 'a', severity: 'deadly' }],
    ['contact', { text: 'a', contact: 'x'.repeat(255) }],
    ['contact', { text: 'a', contact: 5 }],
    ['context', { text: 'a', context: null }],
    ['context', { text: 'a', context: 'all' }],
    [
      'context',
      { text: 'a', context: Object.fromEntries([...'x'.repeat(31)].map((x, i) => [x + i, 1])) },
    ],
    ['context.rows', { text: 'a', context: { rows: [1] } }],
    ['context.size', { text: 'a', context: { size: Number.NaN } }],
    ['context.xxxxx', { text: 'a', context: { ['x'.repeat(65)]: 1 } }],
    ['context.page', { text: 'a', context: { page: 'x'.repeat(1_001) } }],
    ['id', { text: 'a', id: 'short' }],
    ['id', { text: 'a', id: 'with space in it' }],
    ['id', { text: 'a', id: 12_345_678 }],
  ])('with a wrong %s is refused by that name: %o', (field, entry) => {
    expect(() => make(entry)).toThrow(
      expect.objectContaining({
        code: 'FEEDBACK',
        message: expect.stringContaining(`feedback.${field}`),
      }),
    )
  })

  it('that is none at all is refused', () => {
    for (const entry of [null, undefined, 'text', 5]) {
      expect(() => make(entry)).toThrow(expect.objectContaining({ code: 'FEEDBACK' }))
    }
  })
})
