import { describe, expect, it } from 'vitest'
import { READER, readControl } from '../../src/engine/control.js'
import type { Sink } from '../../src/model/record.js'
import { connectControl, readFact } from '../../src/store/control.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, type Profile, pass, put, queued, rest } from '../support/session.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')
await import('../../src/client/desk.js')

const keys = await makeKeys()

/** A profile that was moved, at whose next start no database answers. */
async function createHanging() {
  const faulty = createFaultyFactory()
  const bare = createProfile({ indexedDB: faulty.factory })
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  const profile: Profile = {
    ...bare,
    open: (more = {}, tab) => bare.open({ rollout, ...more }, tab),
  }
  const before = profile.open()
  expect(await before.start()).toMatchObject({ running: 'refactored' })
  await before.close()
  faulty.hangs = true
  return { faulty, profile }
}

async function startBlocked(profile: Profile, gray = profile.open()) {
  const starting = gray.start()
  await rest()
  profile.world.advance(2_000)
  expect(await starting).toMatchObject({ running: null, blocked: { by: 'STORE_BLOCKED' } })
  // From here on it waits.
  await rest()
  return gray
}

describe('databases that answer only after the start', () => {
  it('let the page begin anew, whose operations go to the engine that owns the profile', async () => {
    const { faulty, profile } = await createHanging()
    const { engines } = profile
    const gray = await startBlocked(profile)
    const phases: string[] = []
    gray.subscribe(() => phases.push(gray.getSnapshot().phase))
    await expect(gray.enqueue(put('a'))).rejects.toMatchObject({ code: 'NO_QUEUE' })
    faulty.hangs = false
    await pass(profile, 5_000)
    await expect.poll(() => gray.getSnapshot().running).toBe('refactored')
    expect(gray.getSnapshot()).toMatchObject({ role: 'writer' })
    expect(gray.getSnapshot()).not.toHaveProperty('blocked')
    expect(new Set(phases)).toEqual(new Set(['running']))
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.refactored)).toEqual([opId])
    expect(engines.legacy.starts).toHaveLength(0)
    expect(engines.refactored.starts).toHaveLength(2)
    await gray.close()
  })

  it('let the page ask for an update where a newer build wrote there meanwhile', async () => {
    const { faulty, profile } = await createHanging()
    const gray = await startBlocked(profile)
    faulty.hangs = false
    const control = connectControl(profile.world.tab())
    const newer = { ...(await readControl(control)), minReader: READER + 1 }
    await control.run(async (db) => void (await db.put('control', newer)))
    control.close()
    await pass(profile, 5_000)
    await expect.poll(() => gray.getSnapshot().reload).toBe('required')
    expect(await gray.enqueue(put('a'))).toMatchObject({ durable: true })
    await gray.close()
  })

  it('are asked more and more seldom, until they answer', async () => {
    const { faulty, profile } = await createHanging()
    const gray = await startBlocked(profile)
    const asked: number[] = []
    const { open } = faulty.factory
    faulty.factory.open = (name, version) => {
      asked.push(profile.world.tab().monotonic())
      return open(name, version)
    }
    await pass(profile, 200_000)
    const pauses = asked.map((at, i) => at - (asked[i - 1] ?? at)).slice(1)
    // Each waits 2 seconds for its answer.
    expect(pauses.map((ms) => Math.floor(ms / 1_000))).toEqual([12, 22, 42, 62])
    faulty.hangs = false
    await pass(profile, 60_000)
    await expect.poll(() => gray.getSnapshot().running).toBe('refactored')
    await gray.close()
  })

  it('keep what the user chose meanwhile', async () => {
    const { faulty, profile } = await createHanging()
    const gray = await startBlocked(profile, profile.open({ consent: 'granted' }))
    await gray.setConsent('denied')
    await gray.prefer('legacy')
    faulty.hangs = false
    await pass(profile, 5_000)
    await expect.poll(() => gray.getSnapshot().running).toBe('legacy')
    await gray.close()
    const control = connectControl(profile.world.tab())
    expect(await readFact(control, 'consent')).toBe('denied')
    expect(await readFact(control, 'preference')).toBe('legacy')
  })

  it('leave nothing behind that tells upstream twice', async () => {
    const { faulty, profile } = await createHanging()
    const told: string[] = []
    const sink: Sink = {
      async send({ records }) {
        told.push(...records.map((record) => JSON.stringify(record)))
        return { status: 'accepted' }
      },
    }
    const gray = await startBlocked(profile, profile.open({ sink, consent: 'granted' }))
    faulty.hangs = false
    await pass(profile, 10_000)
    await expect.poll(() => gray.getSnapshot().running).toBe('refactored')
    gray.use(7 as never)
    const heard = () => told.filter((record) => record.includes('OPTION'))
    while (!told.some((record) => record.includes('graysync.resource.sample'))) {
      profile.world.advance(500)
      await new Promise((go) => setTimeout(go))
    }
    expect(heard()).toHaveLength(1)
    await gray.close()
  })

  it('are not asked any more by a page that is closed', async () => {
    const { faulty, profile } = await createHanging()
    const gray = await startBlocked(profile)
    await gray.close()
    let asked = 0
    faulty.factory.open = () => {
      asked++
      return new IDBOpenDBRequest()
    }
    await pass(profile, 120_000)
    expect(asked).toBe(0)
  })

  it.each([0, 1, 2, 5, 20, 60])(
    'leave a page closed that is closed %i turns later',
    async (turns) => {
      const { faulty, profile } = await createHanging()
      const gray = await startBlocked(profile)
      faulty.hangs = false
      profile.world.advance(5_000)
      for (let turn = 0; turn < turns; turn++) await new Promise((go) => setImmediate(go))
      let ended = 0
      for (const closing of [gray.close(), gray.close()]) void closing.then(() => ended++)
      expect(ended).toBe(0)
      await pass(profile, 20_000)
      await expect.poll(() => ended).toBe(2)
      expect(gray.getSnapshot()).toMatchObject({ phase: 'closed', running: null })
      expect(await profile.world.tab().locks()).toEqual([])
    },
  )

  it('are left alone where legacy runs without them', async () => {
    const faulty = createFaultyFactory()
    faulty.hangs = true
    const profile = createProfile({ indexedDB: faulty.factory })
    const gray = profile.open()
    const starting = gray.start()
    await rest()
    profile.world.advance(2_000)
    expect(await starting).toMatchObject({ running: 'legacy' })
    faulty.hangs = false
    await pass(profile, 120_000)
    expect(profile.engines.legacy.starts).toHaveLength(1)
    await gray.close()
  })
})
