import { readFile } from 'node:fs/promises'
import type { AttributeValue, Subject } from '../../src/rollout.js'

/** Reads subjects from a CSV file (RFC 4180) with a header: the column `id`, every other column an attribute. */
export async function readSubjects(file: string): Promise<Subject[]> {
  const [header = [], ...rows] = parseCsv(await readFile(file, 'utf8'))
  const at = header.indexOf('id')
  if (at < 0) throw new Error(`${file} needs a column "id", got: ${header.join(', ')}`)
  return rows.map((row, line) => {
    if (row.length !== header.length) {
      throw new Error(
        `${file}, row ${line + 2}: ${row.length} fields, the header has ${header.length}`,
      )
    }
    const attributes = header.flatMap((name, column) =>
      column === at ? [] : [[name, toValue(row[column] ?? '')] as const],
    )
    return { id: row[at] ?? '', attributes: Object.fromEntries(attributes) }
  })
}

function toValue(text: string): AttributeValue {
  if (text === '') return null
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}

export function parseCsv(text: string): string[][] {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
  const source = text.replace(/^\uFEFF/, '')
  const rows: string[][] = []
  let row: string[] = []
  while (field.lastIndex < source.length) {
    const start = field.lastIndex
    const match = field.exec(source)
    if (!match) {
      const line = source.slice(0, start).split('\n').length
      throw new Error(`CSV line ${line}: a quote stands where none may stand`)
    }
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === ',' && field.lastIndex < source.length) continue
    if (match[3] === ',') row.push('')
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  return rows
}
