// What comes long after the start, or when a person asks for it. One chunk: each boundary more would split the start in two.
export {
  carryOver,
  dropBackups,
  forget,
  restore,
  writeSupportFile,
} from './archive.js'
export { keepAuditing } from './auditing.js'
export { inspect } from './inspect.js'
export { preflight } from './preflight.js'
export { planMending } from './repair.js'
export { createShadowing } from './shadowing.js'
