import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { type BuildOptions, build } from 'esbuild'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/graysync-bench')

async function bundle(options: BuildOptions): Promise<Uint8Array> {
  const { outputFiles = [] } = await build({
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
    ...options,
    write: false,
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}

/** Bytes over the wire of a minimal set-up: minified, brotli. */
export async function measureBundle(entry: string): Promise<number> {
  const stdin = { contents: entry, resolveDir: import.meta.dirname }
  return brotliCompressSync(await bundle({ stdin, minify: true, platform: 'browser' })).byteLength
}

/** As a page loads it, with all of its packages. */
export async function bundleForPage(file: string): Promise<string> {
  const code = await bundle({ entryPoints: [file], minify: true, platform: 'browser' })
  return new TextDecoder().decode(code)
}

/**
 * Loads a module with the packages as Node resolves them. It is bundled before, since what runs TypeScript here would mark
 * every function with its name, at each call.
 */
export async function loadBundled<Module>(file: string): Promise<Module> {
  const code = await bundle({ entryPoints: [file], platform: 'node', packages: 'external' })
  const out = join(CACHE, `${file.replace(/.*\//, '').replace(/\.ts$/, '')}.mjs`)
  await mkdir(CACHE, { recursive: true })
  await writeFile(out, code)
  return (await import(pathToFileURL(out).href)) as Module
}
