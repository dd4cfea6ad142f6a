export type Hint = { kind: 'accepted' } | { kind: 'settled'; opIds: string[] } | { kind: 'control' }

/** A message from another tab, of whatever build; `null` for anything that is not a hint. */
export function parseHint(message: unknown): Hint | null {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return null
  if (message.kind === 'accepted' || message.kind === 'control') return { kind: message.kind }
  if (message.kind !== 'settled' || !('opIds' in message) || !Array.isArray(message.opIds))
    return null
  return { kind: 'settled', opIds: message.opIds.filter((opId) => typeof opId === 'string') }
}
