import { newTracker, trackSelfDescribingEvent } from '@snowplow/browser-tracker'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  newTracker('bench', new URL(url).origin, { appId: 'bench', encodeBase64: false })
  const schema = 'iglu:example/bench/jsonschema/1-0-0'
  return {
    capture: (mark) =>
      trackSelfDescribingEvent({ event: { schema, data: { ...ATTRIBUTES, mark } } }),
  }
}
