import { audit } from '../../src/flows/audit.js'
import type { SourceRow } from '../../src/model/source.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { cardEverythingRules, httpSource, idbSource } from '../../src/sources.js'

const TABLE = 'cards'
const PAGE = 1_000

export interface Server {
  url: string
  user: string
}

const sourceOf = ({ url, user }: Server) =>
  httpSource({
    url: `${url}/api/source`,
    tables: [TABLE],
    digest: true,
    headers: { authorization: `Bearer ${user}` },
    timeoutMs: 900_000,
  })

function openDevice(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('device')
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: 'id' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function put(device: IDBDatabase, rows: readonly SourceRow['row'][]): Promise<void> {
  const transaction = device.transaction(TABLE, 'readwrite')
  for (const row of rows) transaction.objectStore(TABLE).put(row)
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })
}

/** Takes all rows of the server onto the device; answers how many. */
export async function hydrate(server: Server): Promise<number> {
  const [source, device] = [sourceOf(server), await openDevice()]
  let count = 0
  let after: IDBValidKey | undefined
  for (;;) {
    const rows = await source.page(TABLE, after, PAGE)
    const last = rows.at(-1)
    if (!last) break
    await put(
      device,
      rows.map(({ row }) => row),
    )
    count += rows.length
    after = last.key
  }
  device.close()
  return count
}

/** Spoils so many rows of the device, audits it against the server, and mends them; answers how many were found. */
export async function measureTalk(
  server: Server,
  rows: number,
  differences: number,
): Promise<number> {
  const device = await openDevice()
  const left = idbSource(device)
  const held: SourceRow['row'][] = []
  let after: IDBValidKey | undefined
  while (held.length < differences) {
    const page = await left.page(TABLE, after, rows / differences)
    const last = page.at(-1)
    if (!last) throw new Error('too few rows')
    held.push(last.row)
    after = last.key
  }
  await put(
    device,
    held.map((row) => ({ ...row, folderId: 'elsewhere' })),
  )
  const report = await audit({
    platform: browserPlatform(),
    left,
    right: sourceOf(server),
    rules: cardEverythingRules,
    tables: [TABLE],
    inFlight: () => false,
  })
  await put(device, held)
  device.close()
  const [table] = report.tables
  if (!report.complete) throw new Error(`the audit is not complete: ${table?.failure}`)
  return table?.compared === rows ? table.changed : Number.NaN
}
