import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'

export interface Served {
  /** Of an empty page that has run the script. */
  url: string
  server: Server
}

/**
 * Bundles a script and serves a page that runs it, on a port of its own; what begins with /api goes to `api`, and
 * `/worker.js` is the script of a worker.
 */
export async function servePage(
  entry: URL,
  { api, worker }: { api?: RequestListener | undefined; worker?: URL } = {},
): Promise<Served> {
  const scripts: Record<string, string> = { '/bench.js': await bundle(entry) }
  if (worker) scripts['/worker.js'] = await bundle(worker)
  const server = createServer((request, response) => {
    const { url = '' } = request
    if (api && url.startsWith('/api')) return api(request, response)
    const script = scripts[url]
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ?? '<!doctype html><title>bench</title><script src="/bench.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, server }
}

async function bundle(entry: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
  })
  return outputFiles[0]?.text ?? ''
}
