import type { Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openProfile, type Profile } from './support/browser.js'
import { startUpstream, type TestUpstream } from './support/upstream.js'

const WAIT = { timeout: 30_000, interval: 100 }

let upstream: TestUpstream
let profile: Profile | null = null

beforeAll(async () => {
  upstream = await startUpstream()
  await upstream.publish({ stages: [{ name: 'first', share: 100_000 }] })
})

afterEach(async () => {
  await profile?.close()
  profile = null
})

afterAll(async () => {
  await upstream?.close()
})

interface Shown {
  engine: string | null
  reason: string | null
  blocked: string | null
}

async function readShown(page: Page): Promise<Shown> {
  const engine = page.getByTestId('engine')
  const blocked = page.getByTestId('blocked')
  return {
    engine: await engine.getAttribute('data-engine'),
    reason: await engine.getAttribute('data-reason'),
    blocked: (await blocked.count()) > 0 ? await blocked.getAttribute('data-code') : null,
  }
}

async function expectShown(page: Page, shown: Partial<Shown>): Promise<void> {
  await expect.poll(() => readShown(page), WAIT).toMatchObject(shown)
}

async function writeCard(page: Page, title: string): Promise<void> {
  await page.getByTestId('new-card').click()
  await page.getByTestId('card-title').fill(title)
  await page.getByTestId('save-card').click()
  await page.getByTestId('card').filter({ hasText: title }).waitFor()
}

describe('a browser that lacks something', () => {
  it('runs legacy and says why without Web Locks', async () => {
    profile = await openProfile()
    await profile.context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })
    })
    const page = await profile.open(`${upstream.url}/`)
    await expectShown(page, { engine: 'legacy' })
    await writeCard(page, 'without locks')
    // The rollout of the first visit is used at the start after it was cached.
    await expect
      .poll(async () => {
        await page.reload()
        await expectShown(page, { engine: 'legacy' })
        return (await readShown(page)).reason
      }, WAIT)
      .toBe('UNSUPPORTED')
    await page.getByTestId('card').filter({ hasText: 'without locks' }).waitFor()
    expect(profile.complaints).toEqual([])
  })

  it('runs legacy and says why in an insecure context', async () => {
    profile = await openProfile(['--host-resolver-rules=MAP insecure.test 127.0.0.1'])
    const url = upstream.url.replace('localhost', 'insecure.test')
    const page = await profile.open(`${url}/`)
    expect(await page.evaluate(() => isSecureContext)).toBe(false)
    await expectShown(page, { engine: 'legacy', reason: 'NO_ROLLOUT' })
    await writeCard(page, 'over plain http')
    await page.reload()
    await expectShown(page, { engine: 'legacy', reason: 'NO_ROLLOUT' })
    await page.getByTestId('card').filter({ hasText: 'over plain http' }).waitFor()
    expect(profile.complaints).toEqual([])
  })

  it('runs legacy and says why when its databases can not be opened', async () => {
    profile = await openProfile()
    await profile.context.addInitScript(() => {
      const open = IDBFactory.prototype.open
      IDBFactory.prototype.open = function (name, version) {
        if (name.startsWith('graysync')) throw new DOMException('refused', 'SecurityError')
        return version === undefined ? open.call(this, name) : open.call(this, name, version)
      }
    })
    const page = await profile.open(`${upstream.url}/`)
    await expectShown(page, { engine: 'legacy', blocked: 'STORE' })
    await writeCard(page, 'without a store')
    expect(profile.complaints).toEqual([])
  })

  it('keeps its engine when the cached rollout is corrupted', async () => {
    profile = await openProfile()
    const page = await profile.open(`${upstream.url}/`)
    await expect.poll(() => page.getByTestId('reload').count(), WAIT).toBe(1)
    await page.reload()
    await expectShown(page, { engine: 'refactored', reason: 'IN_SHARE' })
    await writeCard(page, 'on refactored')
    await page.evaluate(
      () =>
        new Promise<void>((resolve, reject) => {
          const request = indexedDB.open('graysync')
          request.onsuccess = () => {
            const tx = request.result.transaction('rollout', 'readwrite')
            const store = tx.objectStore('rollout')
            store.get('rollout').onsuccess = (event) => {
              const record = (event.target as IDBRequest).result
              store.put({ ...record, envelope: `${record.envelope.slice(0, -4)}AAAA` })
            }
            tx.oncomplete = () => resolve()
            tx.onabort = () => reject(tx.error)
          }
        }),
    )
    await profile.context.route('**/rollouts/**', (route) => route.abort())
    await page.reload()
    await expectShown(page, { engine: 'refactored', reason: 'NO_ROLLOUT' })
    await page.getByTestId('card').filter({ hasText: 'on refactored' }).waitFor()
    await profile.context.unroute('**/rollouts/**')
    // Healed at the next contact, used at the start after that.
    await expect
      .poll(async () => {
        await page.reload()
        await expectShown(page, { engine: 'refactored' })
        return (await readShown(page)).reason
      }, WAIT)
      .toBe('KEPT')
    expect(profile.complaints).toEqual([])
  })
})
