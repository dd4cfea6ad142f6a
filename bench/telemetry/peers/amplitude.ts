import { flush, init, track } from '@amplitude/analytics-browser'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  await init('bench', undefined, {
    serverUrl: url,
    autocapture: false,
    remoteConfig: { fetchRemoteConfig: false },
    logLevel: 0,
  }).promise
  return {
    capture: (mark) => void track('bench', { ...ATTRIBUTES, mark }),
    flush: () => flush().promise,
  }
}
