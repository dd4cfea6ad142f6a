import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '../..')

export interface Entrant {
  name: string
  version: string
  /** All of its code, with a page's global `peer` once it has started. */
  script: string
  /** Of the minimal set-up, minified, in brotli. */
  bytes: number
  sends: boolean
}

/** What the measuring itself costs. */
export const NOTHING: Entrant = {
  name: 'nothing',
  version: '',
  script: 'globalThis.peer = { capture() {} }',
  bytes: 0,
  sends: false,
}

const PEERS: readonly (readonly [string, string, string])[] = [
  ['graysync', 'graysync', 'package.json'],
  ['OpenTelemetry logs', 'opentelemetry', '@opentelemetry/sdk-logs'],
  ['Sentry, offline', 'sentry', '@sentry/browser'],
  ['Datadog logs', 'datadog', '@datadog/browser-logs'],
  ['PostHog', 'posthog', 'posthog-js'],
  ['Segment', 'segment', '@segment/analytics-next'],
  ['Snowplow', 'snowplow', '@snowplow/browser-tracker'],
  ['Amplitude', 'amplitude', '@amplitude/analytics-browser'],
]

/** graysync first. */
export function bundleEntrants(): Promise<Entrant[]> {
  return Promise.all(
    PEERS.map(async ([name, file, from]) => {
      const script = await bundle(`
        import { start } from './peers/${file}.js'
        globalThis.peer = await start(new URL('/v1/logs', location.href).href)`)
      const entry = await bundle(`export { start } from './peers/${file}.js'`)
      const bytes = brotliCompressSync(entry).byteLength
      return { name, version: readVersion(from), script, bytes, sends: true }
    }),
  )
}

async function bundle(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    charset: 'ascii',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

function readVersion(from: string): string {
  const file = from === 'package.json' ? from : join('node_modules', from, 'package.json')
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8')).version
}
