import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'

export interface Served {
  /** Of an empty page that has run the script. */
  url: string
  server: Server
}

/** Bundles a script and serves a page that runs it, on a port of its own; what begins with /api goes to `api`. */
export async function servePage(entry: URL, api?: RequestListener): Promise<Served> {
  const { outputFiles } = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    minify: true,
  })
  const script = outputFiles[0]?.text ?? ''
  const server = createServer((request, response) => {
    if (api && request.url?.startsWith('/api')) return api(request, response)
    const isScript = request.url === '/bench.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(
      isScript ? script : '<!doctype html><title>bench</title><script src="/bench.js"></script>',
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, server }
}
