import 'fake-indexeddb/auto'
import { setMaxListeners } from 'node:events'

// One signal ends all parts of a handle; Node takes more than ten listeners for a leak.
setMaxListeners(30)
