import { AnalyticsBrowser } from '@segment/analytics-next'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  const apiHost = `${new URL(url).host}/v1`
  const analytics = AnalyticsBrowser.load({
    writeKey: 'bench',
    cdnSettings: { integrations: { 'Segment.io': { apiKey: 'bench', apiHost, protocol: 'http' } } },
  })
  await analytics
  return { capture: (mark) => void analytics.track('bench', { ...ATTRIBUTES, mark }) }
}
