import { createRefresh, type Refresh } from '../../../src/flows/refresh.js'
import type { RolloutOptions } from '../../../src/model/handle.js'
import { browserPlatform } from '../../../src/platform/platform.js'
import { openDatabase } from '../../../src/store/database.js'

interface Taken {
  version: number
  kill: boolean
  at: number
}

interface RefreshTab extends Refresh {
  taken: Taken[]
  errors: string[]
}

declare global {
  interface Window {
    /** A tab of an app, reduced to what keeps its rollout fresh. */
    refreshTab: RefreshTab
  }
}

async function readOptions(): Promise<RolloutOptions> {
  return (await fetch('/options')).json()
}

const taken: Taken[] = []
const errors: string[] = []
const platform = browserPlatform()
let highest = 0
const refresh = createRefresh({
  platform,
  options: await readOptions(),
  database: await openDatabase(platform),
  seen: {
    read: async () => ({ version: highest }),
    async raise(version) {
      highest = Math.max(highest, version)
      return highest === version
    },
  },
  onRollout: ({ version, kill }) => taken.push({ version, kill: kill === true, at: Date.now() }),
  onError: ({ code, message }) => errors.push(`${code} ${message}`),
  signal: new AbortController().signal,
})
await refresh.load()
window.refreshTab = { ...refresh, taken, errors }
