// What goes on while a tab lives, and no start waits for. One chunk, as in `desk.ts`.
export { waitForOldTabs } from './census.js'
export { keepHouse } from './keeper.js'
export { tendSealed } from './sealed.js'
export { keepVigil } from './vigil.js'
