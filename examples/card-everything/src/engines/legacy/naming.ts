import { deriveOperationId } from 'graysync'

/** Names the rows of a queue that have no id, in their order: of those that are equal but for their attempts, each another. */
export function createNaming(
  store: string,
  taken: Iterable<string> = [],
): (content: unknown) => string {
  const used = new Set(taken)
  return (content) => {
    for (let ordinal = 0; ; ordinal += 1) {
      const opId = deriveOperationId(store, content, ordinal)
      if (used.has(opId)) continue
      used.add(opId)
      return opId
    }
  }
}
