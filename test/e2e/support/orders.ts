import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Order {
  number: number
  source: string
  args: readonly unknown[]
}

interface Line {
  /** The page that waits for its next order. */
  waiting: ServerResponse | null
  orders: Order[]
}

/** Has pages do things though nobody can reach into them: each asks for its next order, and tells its answer. */
export async function openOrders(): Promise<{
  /** A page that does nothing but take orders. */
  home: string
  /** Names a page to come. */
  expect(): string
  toUrl(page: string, id: string): string
  give<A extends readonly unknown[], T>(
    id: string,
    work: (...args: A) => T,
    args: A,
  ): Promise<Awaited<T>>
  close(): Promise<void>
}> {
  const lines = new Map<string, Line>()
  const answers = new Map<number, (answer: { value?: unknown; error?: string }) => void>()
  let count = 0

  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', '*')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    const path = new URL(request.url ?? '/', 'http://orders').pathname
    if (path === '/') {
      response.setHeader('content-type', 'text/html')
      return void response.end(`<!doctype html><script>(${takeOrders})()</script>`)
    }
    const [, what, key] = path.split('/')
    if (what === 'next') return wait(String(key), response)
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    answers.get(Number(key))?.(JSON.parse(Buffer.concat(parts).toString()))
    answers.delete(Number(key))
    response.end()
  })

  const wait = (id: string, response: ServerResponse) => {
    const line = lines.get(id)
    if (!line) return void response.writeHead(410).end()
    line.waiting = response
    response.on('close', () => {
      if (line.waiting === response) line.waiting = null
    })
    hand(line)
  }

  const hand = (line: Line) => {
    const order = line.waiting && line.orders.shift()
    if (!order) return
    line.waiting?.end(JSON.stringify(order))
    line.waiting = null
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    home: `http://127.0.0.1:${port}/`,
    expect() {
      const id = `page-${count++}`
      lines.set(id, { waiting: null, orders: [] })
      return id
    },
    // WebKit has six connections for a host, and each page that waits takes one.
    toUrl: (page, id) => `${page}#http://${id}.localhost:${port}/next/${id}`,
    give: <T>(id: string, work: unknown, args: readonly unknown[]) =>
      new Promise<Awaited<T>>((resolve, reject) => {
        const number = count++
        answers.set(number, ({ value, error }) =>
          error === undefined ? resolve(value as Awaited<T>) : reject(new Error(error)),
        )
        const line = lines.get(id)
        line?.orders.push({ number, source: String(work), args })
        if (line) hand(line)
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** The page's side: runs in it, and sees nothing but the address of its orders. */
export async function takeOrders(): Promise<void> {
  const from = location.hash.slice(1)
  if (!from) return
  // WebKit keeps a page with its connections.
  const leaving = new AbortController()
  addEventListener('pagehide', () => leaving.abort())
  for (;;) {
    const { signal } = leaving
    const response = await fetch(from, { cache: 'no-store', signal }).catch(() => null)
    if (!response?.ok) return
    const { number, source, args } = await response.json()
    const answer: { value?: unknown; error?: string } = {}
    try {
      answer.value = await new Function('args', `return (${source})(...args)`)(args)
    } catch (cause) {
      answer.error = String(cause)
    }
    const to = `${new URL(from).origin}/answer/${number}`
    const body = JSON.stringify(answer)
    // A page that leaves still answers; what outlives its page may have 64 KiB.
    const keepalive = body.length < 20_000
    await fetch(to, { method: 'POST', body, keepalive }).catch(() => undefined)
  }
}
