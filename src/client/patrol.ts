// What goes on while a tab lives, and no start waits for. One chunk, as in `desk.ts`.
export { waitForOldTabs } from './census.js'
export { tend } from './keeper.js'
export { untilReadable } from './revival.js'
export { keepVigil } from './vigil.js'
