import type { DBCore, DBCoreMutateRequest, DBCoreTransaction } from 'dexie'

/**
 * Writes to a store of graysync inside a transaction of the host. Some browsers refuse a single request for want of room,
 * which Dexie answers with, and lets the transaction go on: all of it is taken back then.
 */
export async function writeBeside(
  core: DBCore,
  store: string,
  request: DBCoreMutateRequest,
): Promise<void> {
  const { failures } = await core.table(store).mutate(request)
  // A key that is there already is refused, and no failure.
  const cause = Object.values(failures).find(({ name }) => name !== 'ConstraintError')
  if (!cause) return
  giveUp(request.trans)
  throw cause
}

export function giveUp(trans: DBCoreTransaction): void {
  try {
    trans.abort()
  } catch {
    // It has ended by itself.
  }
}
