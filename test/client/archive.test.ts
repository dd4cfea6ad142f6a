import { beforeAll, describe, expect, it } from 'vitest'
import type { GraySync, GraySyncOptions } from '../../src/model/handle.js'
import { DRAFT_NOTE, SURVEYS_NOTE } from '../../src/model/notes.js'
import type { Sink } from '../../src/model/record.js'
import { openControl } from '../../src/store/control.js'
import { openDatabase } from '../../src/store/database.js'
import type { RowOperation, Tab } from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { createProfile, put, queued, rest } from '../support/session.js'

let keys: TestKeys
let bootstraps: { none: string; all: string }
beforeAll(async () => {
  keys = await makeKeys()
  const none = await sign(keys, { version: 1, stages: [{ name: 'all', share: 0 }] })
  bootstraps = { none, all: await sign(keys, { version: 2 }) }
})

/** A profile that was handed over with one operation of content "secret". */
async function moveProfile(more: Partial<GraySyncOptions<RowOperation>> = {}, others = 0) {
  const profile = createProfile()
  const openWith = (bootstrap: string, tab?: Tab) => {
    const rollout = { keys: [keys.public], bootstrap }
    return profile.open({ rollout, subject: { id: 'ann' }, ...more }, tab)
  }
  const before = openWith(bootstraps.none)
  await before.start()
  const { opId } = await before.enqueue(put('a', 'secret'))
  for (let n = 0; n < others; n++) await before.enqueue(put(`other-${n}`))
  await expect.poll(() => queued(profile.engines.legacy)).toHaveLength(1 + others)
  await before.close()
  const tab = profile.world.tab()
  const gray = openWith(bootstraps.all, tab)
  expect(await gray.start()).toMatchObject({ running: 'refactored' })
  return { ...profile, gray, tab, opId }
}

async function readStores(tab: Tab) {
  const db = await openControl(tab)
  const stores = {
    facts: await db.getAllKeys('control'),
    oplog: await db.count('oplog'),
    journal: await db.count('journal'),
    backup: await db.count('backup'),
  }
  db.close()
  return stores
}

describe('forgetting', () => {
  it('leaves who owns the profile and which version it took, and nothing else', async () => {
    const { gray, tab } = await moveProfile()
    await gray.prefer('refactored')
    const database = await openDatabase(tab)
    await database.put('ledger', { key: 'undo', undo: [] })
    await database.put('health', { key: 'shadow' })
    await gray.forget()
    for (const store of ['rollout', 'ledger', 'health'] as const) {
      expect(await database.count(store)).toBe(0)
    }
    database.close()
    expect(await readStores(tab)).toEqual({
      facts: ['control', 'version'],
      oplog: 0,
      journal: 0,
      backup: 0,
    })
    await gray.close()
  })

  it('takes along what the form keeps: words that were begun, and which surveys were shown', async () => {
    const { gray, world } = await moveProfile()
    for (const note of [DRAFT_NOTE, SURVEYS_NOTE]) world.notes.set(note, 'ada@example.org')
    await gray.forget()
    expect([...world.notes.values()].filter((note) => note.includes('ada'))).toEqual([])
    await gray.close()
  })

  it('keeps operations that no server has where that is asked for', async () => {
    const { gray, tab, opId } = await moveProfile()
    await gray.forget({ keepPending: true })
    expect(await readStores(tab)).toMatchObject({ oplog: 1, journal: 0, backup: 0 })
    expect(await gray.openOperations()).toMatchObject([{ opId }])
    await gray.close()
  })
})

describe('what upstream is to forget', () => {
  it('is told at a later start, and nothing names it from then on, in no tab', async () => {
    const named: unknown[] = []
    const erased: string[] = []
    let isOnline = true
    const sink: Sink = {
      async send({ records }) {
        if (!isOnline) return { status: 'retry' }
        named.push(...records.map(({ attributes }) => attributes['app.installation.id']))
        return { status: 'accepted' }
      },
      async erase(installation) {
        if (!isOnline) return { status: 'retry' }
        erased.push(installation)
        return { status: 'accepted' }
      },
    }
    const profile = createProfile()
    const soon = <T>(seen: T): T => {
      profile.world.advance(1_000)
      return seen
    }
    const say = async (gray: GraySync<RowOperation>) => {
      named.splice(0)
      await gray.feedback({ text: 'hello' })
      await expect.poll(() => soon(named)).toHaveLength(1)
      return named[0]
    }
    const [gray, other] = [profile.open({ sink }), profile.open({ sink })]
    await gray.start()
    await other.start()
    const installation = await say(gray)
    expect(await say(other)).toBe(installation)
    isOnline = false
    await gray.forget()
    await rest()
    isOnline = true
    for (const one of [gray, other]) expect(await say(one)).not.toBe(installation)
    for (const one of [gray, other]) await one.close()
    const next = profile.open({ sink })
    await next.start()
    expect(await say(next)).not.toBe(installation)
    // A page that closes may not hear that it was done: it is asked again.
    await expect.poll(() => [...new Set(soon(erased))]).toEqual([installation])
    await next.close()
  })
})

describe('restoring', () => {
  it('takes operations that the op-log lost, once', async () => {
    const { gray, tab, engines, opId } = await moveProfile()
    const db = await openControl(tab)
    await db.clear('oplog')
    engines.refactored.disk.queue.splice(0)
    await gray.restore()
    await gray.restore()
    expect((await db.getAll('oplog')).map((row) => row.opId)).toEqual([opId])
    expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'secret' })
    db.close()
    await gray.close()
  })

  it('takes operations of every part, in their order', async () => {
    const { gray, tab, engines } = await moveProfile({}, 40)
    const all = queued(engines.refactored)
    const db = await openControl(tab)
    await db.clear('oplog')
    engines.refactored.disk.queue.splice(0)
    expect(await gray.restore()).toMatchObject({ operations: 41 })
    expect((await db.getAll('oplog')).map((row) => row.opId)).toEqual(all)
    db.close()
    await gray.close()
  })

  it.each(['no such backup', 'a part is torn'])('is refused where %s', async (why) => {
    const { gray, tab } = await moveProfile()
    const db = await openControl(tab)
    const parts = await db.getAll('backup')
    const last = parts.at(-1)
    if (why === 'a part is torn' && last) await db.put('backup', { ...last, value: [] })
    db.close()
    const hid = why === 'a part is torn' ? undefined : 'none'
    await expect(gray.restore(hid)).rejects.toMatchObject({ code: 'BACKUP' })
    await gray.close()
  })
})

describe('the backup of a user who logs out', () => {
  it('is deleted, and stays while the same user does', async () => {
    const { gray, tab } = await moveProfile()
    await gray.identify({ id: 'ann', attributes: { language: 'en' } })
    expect((await readStores(tab)).backup).toBeGreaterThan(0)
    await gray.identify(null)
    expect((await readStores(tab)).backup).toBe(0)
    await gray.close()
  })

  it('stays where the host keeps it, and can be restored by its id', async () => {
    const { gray, tab, opId } = await moveProfile({ keepBackupsOnLogout: true })
    const { backup } = await readStores(tab)
    expect(backup).toBeGreaterThan(0)
    await gray.identify(null)
    await gray.identify({ id: 'ben' })
    expect((await readStores(tab)).backup).toBe(backup)
    const db = await openControl(tab)
    await db.clear('oplog')
    const [kept] = await db.getAll('backup')
    await gray.restore(kept?.hid)
    expect(await db.getAll('oplog')).toMatchObject([{ opId, userId: 'ann' }])
    db.close()
    await gray.close()
  })
})

describe('a support file', () => {
  it('tells how it stands and what happened, and no content', async () => {
    const { gray } = await moveProfile()
    await rest()
    const text = await (await gray.supportFile()).text()
    const file = JSON.parse(text)
    expect(file).toMatchObject({
      app: { name: 'test' },
      control: { owner: 'refactored' },
      snapshot: { running: 'refactored' },
      gaps: [],
    })
    expect(file.journal.map((entry: { kind: string }) => entry.kind)).toContain(
      'handover.committed',
    )
    expect(file.backups).toHaveLength(1)
    expect(text).not.toContain('secret')
    await gray.close()
  })

  it('names operations that died with why, and nobody’s content', async () => {
    const { gray, engines, opId } = await moveProfile()
    const { opId: kept } = await gray.enqueue(put('b', 'secret'))
    engines.refactored.starts.at(-1)?.fail(opId, new Error('400: no such folder'))
    await expect
      .poll(async () => (await gray.openOperations()).map((pending) => pending.opId))
      .toEqual([kept])
    const text = await (await gray.supportFile()).text()
    expect(JSON.parse(text).dead).toEqual([
      {
        opId,
        entity: 'cards',
        entityId: 'a',
        kind: 'put',
        acceptedAt: 1_700_000_000_000,
        cause: '400: no such folder',
      },
    ])
    expect(text).not.toContain('secret')
    await gray.close()
  })
})
