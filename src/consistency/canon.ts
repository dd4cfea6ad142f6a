import { fingerprint, printHash } from './hash.js'
import { type Instant, isObject, kindOf } from './kind.js'
import { type Rule, ruleAt } from './rules.js'

const scratch = new DataView(new ArrayBuffer(8))

/**
 * A row as one text that any database can write: a line for each place that holds something and counts, in the order
 * of the bytes of their names. What counts as equal may have two texts (order, tolerance, values filled in), what
 * differs never has one.
 */
export function canonOf(row: Readonly<Record<string, unknown>>, rule: Rule | null): string {
  const lines: [place: string, held: string][] = []
  addFields(row, rule, '', lines)
  return lines
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([place, held]) => `${place} ${held}`)
    .join('\n')
}

function addFields(
  record: Readonly<Record<string, unknown>>,
  rule: Rule | null,
  above: string,
  lines: [string, string][],
): void {
  for (const name of Object.keys(record)) {
    add(record[name], rule && ruleAt(rule, name), above + escapeName(name), lines)
  }
}

function add(value: unknown, rule: Rule | null, place: string, lines: [string, string][]): void {
  if (value === undefined || value === null || rule?.ignored) return
  if (!isObject(value)) {
    lines.push([place, leafOf(value)])
    return
  }
  const kind = kindOf(value)
  if (kind === 'record') {
    lines.push([place, 'o'])
    addFields(value as Readonly<Record<string, unknown>>, rule, `${place}.`, lines)
  } else if (kind === 'list') {
    const list = value as readonly unknown[]
    lines.push([place, `l${list.length}`])
    for (const [at, member] of list.entries()) {
      add(member, rule && ruleAt(rule, String(at)), `${place}.${at}`, lines)
    }
  } else if (kind === 'date') lines.push([place, leafOf((value as Instant).toISOString())])
  // No other copy can hold it: it differs, and is then looked at as a row.
  else lines.push([place, `x${printHash(fingerprint(value, rule))}`])
}

function leafOf(value: unknown): string {
  if (typeof value === 'string') return `s${escapeText(value)}`
  if (typeof value === 'boolean') return value ? 'b1' : 'b0'
  if (typeof value !== 'number') return `x${typeof value}${String(value)}`
  // The two zeros are one number.
  scratch.setFloat64(0, value + 0)
  const hex = (at: number) => scratch.getUint32(at).toString(16).padStart(8, '0')
  return `n${hex(0)}${hex(4)}`
}

function escapeText(text: string): string {
  return /[\\\n]/.test(text) ? text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n') : text
}

function escapeName(name: string): string {
  return /[\\\n. ]/.test(name) ? escapeText(name).replace(/\./g, '\\.').replace(/ /g, '\\s') : name
}

/** As the bytes of UTF-8 would be ordered: surrogates stand above the rest of their plane. */
function compareBytes(a: string, b: string): number {
  const { length } = a
  for (let at = 0; at < length; at++) {
    const apart = rankOf(a.charCodeAt(at)) - rankOf(b.charCodeAt(at))
    if (apart !== 0) return apart > 0 ? 1 : -1
  }
  return length < b.length ? -1 : 0
}

function rankOf(unit: number): number {
  if (Number.isNaN(unit)) return -1
  if (unit >= 0xe000) return unit - 0x800
  return unit >= 0xd800 ? unit + 0x2000 : unit
}
