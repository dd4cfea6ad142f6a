/** A list of numbers that grows. */
export interface Numbers {
  add(value: number): void
  /** -1 beyond the end. */
  at(index: number): number
  set(index: number, value: number): void
}

export function createNumbers(): Numbers {
  let items = new Int32Array(1 << 12)
  let length = 0
  return {
    add(value) {
      if (length === items.length) {
        const grown = new Int32Array(length * 2)
        grown.set(items)
        items = grown
      }
      items[length++] = value
    },
    at: (index) => (index < length ? (items[index] ?? -1) : -1),
    set(index, value) {
      items[index] = value
    },
  }
}
