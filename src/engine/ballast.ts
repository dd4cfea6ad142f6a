import { isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'

/** Two of these: a browser makes no more random bytes at once, and what is not random would be packed small. */
const PIECE_BYTES = 65_536
const PIECES = ['a', 'b']

/** Takes room that can be given back when there is no other. */
export function layBallast(connection: ControlConnection, platform: Platform): Promise<void> {
  return connection.run(async (db) => {
    if ((await db.count('ballast')) === PIECES.length) return
    for (const key of PIECES) {
      await db.put('ballast', { key, bytes: platform.randomBytes(PIECE_BYTES) })
    }
  })
}

/** Does what must get through. On a full disk the ballast goes, and it is done once more. */
export async function withRoom<T>(
  connection: ControlConnection,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isGraySyncError(cause) || cause.code !== 'QUOTA') throw cause
    await connection.run((db) => db.clear('ballast'))
    return work()
  }
}
