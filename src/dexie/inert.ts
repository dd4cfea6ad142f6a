import { GraySyncError } from '../model/errors.js'
import type { WritePort } from '../model/writes.js'

/** Where no handle runs, as in a worker: the replica alone says who may write, and no operation is taken. */
export const INERT: WritePort = {
  opened: () => {},
  rights: () => ({ flip: 0, term: 0, owner: null }),
  userId: () => null,
  now() {
    throw new GraySyncError('UNSUPPORTED', 'captured tables can be written in a browser page only')
  },
  mintId: () => crypto.getRandomValues(new Uint32Array(4)).join('-'),
  captured: () => {},
  fenced: () => {},
  report: () => {},
}
