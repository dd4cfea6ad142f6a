// npm run sizes: what a page loads, minified and in brotli. size-limit counts code that is imported
// later as if it were loaded at once, so the boot load and the whole are measured here.
import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'
import { ROOT } from './run.mjs'

const ENTRY = "export { createGraySync } from './dist/index.js'"
const LIMITS = { boot: 38_820, headless: 76_470 }

const { outputFiles, metafile } = await build({
  stdin: { contents: ENTRY, resolveDir: ROOT },
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  outdir: 'sizes',
  write: false,
  metafile: true,
  logLevel: 'error',
  logOverride: { 'ignored-bare-import': 'silent' },
})
const bytesOf = (name) => {
  const file = outputFiles.find(({ path }) => path.endsWith(name.split('/').pop()))
  return brotliCompressSync(file.contents).length
}
const entry = Object.keys(metafile.outputs).find((name) => metafile.outputs[name].entryPoint)
const loaded = new Set()
const load = (name) => {
  if (loaded.has(name)) return
  loaded.add(name)
  for (const { path, kind } of metafile.outputs[name].imports) {
    if (kind === 'import-statement') load(path)
  }
}
load(entry)

const sum = (names) => [...names].reduce((bytes, name) => bytes + bytesOf(name), 0)
const sizes = { boot: sum(loaded), headless: sum(Object.keys(metafile.outputs)) }
let isOver = false
for (const [name, bytes] of Object.entries(sizes)) {
  const verdict = bytes > LIMITS[name] ? 'TOO LARGE' : 'ok'
  isOver ||= bytes > LIMITS[name]
  console.log(`${name}: ${bytes} B of ${LIMITS[name]} B brotli, ${verdict}`)
}
process.exit(isOver ? 1 : 0)
