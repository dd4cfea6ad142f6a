/** An ordered list of at most four operations, numbered from 1, in one byte: two bits each, the first on top. */
export type List = number

export const append = (list: List, op: number): List => list * 4 + op

export function opsOf(list: List): number[] {
  const ops: number[] = []
  for (let rest = list; rest > 0; rest >>= 2) ops.unshift(rest & 3)
  return ops
}

export const listOf = (ops: readonly number[]): List => ops.reduce(append, 0)

/** A set of operations in one byte. */
export type Ops = number

export const bit = (op: number): Ops => 1 << op
export const has = (set: Ops, op: number): boolean => (set & (1 << op)) !== 0

export function setOf(list: List): Ops {
  let set = 0
  for (let rest = list; rest > 0; rest >>= 2) set |= 1 << (rest & 3)
  return set
}

export const holds = (list: List, op: number): boolean => has(setOf(list), op)

export function keep(list: List, isKept: (op: number) => boolean): List {
  return listOf(opsOf(list).filter(isKept))
}

export const without = (list: List, op: number): List => keep(list, (other) => other !== op)
