import { mkdir } from 'node:fs/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import type * as Run from './run.js'

const ROOT = new URL('../../', import.meta.url)

/**
 * The sweep in one file: in it a dynamic import takes no real time, which would order the events of a world anew each time.
 */
export async function bundleSweep(): Promise<string> {
  const folder = new URL('node_modules/.cache/graysync/', ROOT)
  await mkdir(folder, { recursive: true })
  const outfile = fileURLToPath(new URL(`sweep-${process.pid}.mjs`, folder))
  await build({
    entryPoints: [fileURLToPath(new URL('run.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['fake-indexeddb', 'fake-indexeddb/auto', 'fast-check'],
    logLevel: 'error',
  })
  return outfile
}

export async function loadSweep(): Promise<typeof Run> {
  return (await import(pathToFileURL(await bundleSweep()).href)) as typeof Run
}
