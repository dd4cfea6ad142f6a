// What a person asks for, long after the start. One chunk: each boundary more would split the start in two.
export { changeConsent, forget, restore, writeSupportFile } from './archive.js'
export { inspect } from './inspect.js'
export { preflight } from './preflight.js'
