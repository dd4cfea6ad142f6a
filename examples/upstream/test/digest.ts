import { answerDigest, createDigest } from '../../../src/consistency/digest.js'
import { compileTable } from '../../../src/consistency/rules.js'
import type { CompareRules, DigestAnswer } from '../../../src/model/source.js'
import { toLocalRow } from '../src/row.js'
import type { Client } from './support.js'

const salt = { high: 0x01234567, low: 0x89abcdef | 0 }

/** Content that is told apart by kind, order, escape and plane only. */
export const contents: readonly Record<string, unknown>[] = [
  {},
  { text: '' },
  { text: 'a\nb sc' },
  { text: 'a\\nb sc' },
  { 'a.b': 1, a: { b: 1 } },
  { a: { b: 1 } },
  { 'two words': 'x', '\\s': 'y' },
  { list: [] },
  { list: [null, 1, [2, { deep: true }]] },
  { list: {} },
  { n: 0 },
  { n: -1.5 },
  { n: 1e21 },
  { n: 0.1 },
  { n: 1e-7 },
  { yes: true, no: false, none: null },
  { '\ud83d\ude00': 1, '\uffee': 2, z: 3, é: 4 },
  { title: '水 and ß', tags: ['b', 'a'] },
]

/** Fills a table of a user's with many contents. */
export async function fillCards(client: Client, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, at) => ({
    id: `card-${at}`,
    front_content: contents[at % contents.length],
    back_content: { at },
    style: {},
    folder_id: at % 2 ? null : 'f',
    is_deleted: at % 50 === 49,
  }))
  for (let from = 0; from < count; from += 500) {
    const answer = await client.call('POST', '/api/rest/cards', rows.slice(from, from + 500))
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  }
}

export interface Compared {
  told: DigestAnswer[]
  expected: DigestAnswer[]
}

/** What the server and the device's own code say of the same rows. */
export async function compareDigests(
  client: Client,
  prefixes: readonly string[],
): Promise<Compared> {
  const ignore = [['updatedAt'], ['createdAt'], [null, 'tags'], ['frontContent', 'a.b']]
  const rules: CompareRules['tables'][string] = {
    ignore: ['updatedAt', 'createdAt', '*.tags', 'frontContent.a\\.b'],
  }
  const digest = createDigest(compileTable(rules, 'cards'), salt)
  const held = await client.call('GET', '/api/rest/cards')
  for (const row of held.body.filter((one: { is_deleted: boolean }) => !one.is_deleted)) {
    digest.add(row.id, toLocalRow(row))
  }
  const question = { salt: '0123456789abcdef', ignore, prefixes }
  const { body } = await client.call('POST', '/api/source/cards/digest', question)
  return { told: body.answers, expected: prefixes.map((prefix) => answerDigest(digest, prefix)) }
}

/** In one order: the parts of a sum and the rows of a part come in any. */
export function inOrder(answers: readonly DigestAnswer[]): unknown[] {
  return answers.map((answer) =>
    'sums' in answer ? (answer.sums.match(/.{12}/gs) ?? []).sort() : [...answer.rows].sort(),
  )
}
