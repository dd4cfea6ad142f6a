import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { rescue } from '../../src/engine/rescue.js'
import { GraySyncError } from '../../src/model/errors.js'
import { createFakeEngine, createWorld } from '../../src/testing.js'

/** As the coordinator of a tab whose handover another one took over while it stood still. */
const late = {
  check: () => Promise.reject(new GraySyncError('FENCED', 'another tab took the handover')),
}

function open() {
  const platform = createWorld({ indexedDB: new IDBFactory() }).tab()
  const [source, target] = [createFakeEngine(['cards', 'tags']), createFakeEngine(['cards'])]
  return { platform, source, target }
}

describe('a tab that comes back late', () => {
  it('puts no row that it rescued over those of another', async () => {
    const { platform, source, target } = open()
    const { page } = source.data ?? {}
    source.disk.rows.set('cards', new Map([['a', { id: 'a' }]]))
    // What can't be read as a whole is put over, table by table.
    Object.assign(source.data ?? {}, {
      page: (table: string, after: undefined, limit: number) =>
        table === 'tags' ? Promise.reject(new Error('broken')) : page?.(table, after, limit),
    })
    const rescuing = rescue({ platform, source, target, coordinator: late })
    await expect(rescuing).rejects.toMatchObject({ code: 'FENCED' })
    expect(target.disk.rows.get('cards')?.size ?? 0).toBe(0)
  })
})
