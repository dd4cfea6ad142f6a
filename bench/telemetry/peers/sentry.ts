import {
  captureMessage,
  init,
  makeBrowserOfflineTransport,
  makeFetchTransport,
} from '@sentry/browser'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  init({
    dsn: 'https://key@sentry.example/1',
    tunnel: url,
    transport: (options) =>
      makeBrowserOfflineTransport(makeFetchTransport)({
        ...options,
        maxQueueSize: 1_000,
        flushAtStartup: true,
      }),
    // They repeat the messages of earlier events.
    maxBreadcrumbs: 0,
    sendClientReports: false,
  })
  return { capture: (mark) => void captureMessage(mark, { extra: { ...ATTRIBUTES } }) }
}
