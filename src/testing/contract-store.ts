import type { Engine } from '../model/engine.js'
import type { Identified, Operation } from '../model/operation.js'
import type { Source, SourceRow } from '../model/source.js'
import { type Check, demand, toText } from './demand.js'

const PAGE = 100

/** Fills and clears the engine's store; leaves it empty. */
export async function checkStore<Op extends Operation>(
  { store, data }: Engine<Op>,
  {
    rows,
    op,
  }: { rows: Readonly<Record<string, readonly unknown[]>>; op: Identified<Op> | undefined },
  check: Check,
): Promise<void> {
  if (!store) return
  const seen = async () => (data ? toText(await readAll(data)) : '')
  const clear = async () => {
    await store.clear()
    await store.clear()
    demand(!data || (await readAll(data)).length === 0, 'rows are left')
  }
  await check('store.clear', 'contained', clear)
  await check('store.hydrate', 'contained', async () => {
    const fill = async () => {
      for (const [table, own] of Object.entries(rows)) await store.hydrate(table, own)
      return seen()
    }
    const once = await fill()
    demand(once === (await fill()), 'filled twice it holds something else')
    const due = Object.values(rows).flat().length
    const held = data ? (await readAll(data)).length : due
    demand(held === due, `it holds ${held} of ${due} rows`)
  })
  await check('data', 'contained', async () => {
    demand(data, 'there is none, and a store of its own is to be compared')
    for (const table of data.tables) await checkTable(data, table)
  })
  await check('store.apply', 'contained', async () => {
    const before = await seen()
    if (!op) return
    await store.apply(op)
    const once = await seen()
    demand(!data || once !== before, 'an operation leaves no row')
    await store.apply(op)
    demand(once === (await seen()), 'an operation that comes twice changes the rows twice')
  })
  await check('store.clear', 'contained', clear)
}

async function checkTable(data: Source, table: string): Promise<void> {
  const page = await data.page(table, undefined, PAGE)
  const keys = page.map(({ key }) => key)
  const got = await data.get(table, keys)
  demand(got.length === page.length, `${table}: \`get\` finds ${got.length} of ${page.length} rows`)
  const single = await data.page(table, undefined, 1)
  demand(single.length === Math.min(page.length, 1), `${table}: a page of 1 has ${single.length}`)
}

async function readAll(data: Source): Promise<SourceRow[]> {
  const rows: SourceRow[] = []
  for (const table of data.tables) {
    for (let page = await data.page(table, undefined, PAGE); page.length > 0; ) {
      rows.push(...page)
      page = await data.page(table, page.at(-1)?.key, PAGE)
    }
  }
  return rows
}
