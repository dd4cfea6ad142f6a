/** `ask`: whoever leads shows in the store that it lives. `forgotten`: the installation is to be named no more. */
export type Hint =
  | { kind: 'accepted' | 'control' | 'ask' | 'forgotten' }
  | { kind: 'settled'; opIds: string[] }

/** A message from another tab, of whatever build; `null` for anything that is not a hint. */
export function parseHint(message: unknown): Hint | null {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return null
  const { kind } = message
  if (kind === 'accepted' || kind === 'control' || kind === 'ask' || kind === 'forgotten') {
    return { kind }
  }
  if (kind !== 'settled' || !('opIds' in message) || !Array.isArray(message.opIds)) return null
  return { kind, opIds: message.opIds.filter((opId) => typeof opId === 'string') }
}
