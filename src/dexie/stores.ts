/** Names of the stores that graysync has in a host's database. */
export const FENCE = 'graysyncFence'
export const CAPTURED = 'graysyncCaptured'
export const INTENTS = 'graysyncIntents'

/** Where the replica lies in its store. */
export const REPLICA = 'replica'
