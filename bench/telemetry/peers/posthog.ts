import { posthog } from 'posthog-js'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  posthog.init('bench', {
    api_host: new URL(url).origin,
    autocapture: false,
    capture_pageview: false,
    capture_pageleave: false,
    disable_session_recording: true,
    disable_surveys: true,
    disable_external_dependency_loading: true,
    advanced_disable_flags: true,
    disable_compression: true,
    // A browser without a head is taken for a robot.
    opt_out_useragent_filter: true,
    persistence: 'localStorage',
  })
  return { capture: (mark) => void posthog.capture('bench', { ...ATTRIBUTES, mark }) }
}
