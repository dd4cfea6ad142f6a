import { expect, it, vi } from 'vitest'
import { connectControl, readFact } from '../../src/store/control.js'
import { createProfile, rest } from '../support/session.js'

vi.mock('../../src/client/desk.js', () => {
  throw new TypeError('Failed to fetch dynamically imported module: desk.js')
})

it('identify() throws nothing into the host where code can not be loaded', async () => {
  const profile = createProfile()
  const gray = profile.open({ subject: { id: 'ann' } })
  await gray.start()
  await rest()
  await expect(gray.identify(null)).resolves.toMatchObject({ running: 'legacy' })
  await gray.close()
})

it('setConsent() throws nothing into the host where code can not be loaded, and is kept', async () => {
  const profile = createProfile()
  const gray = profile.open({ consent: 'granted' })
  await gray.start()
  await gray.setConsent('denied')
  await gray.close()
  const tab = profile.world.tab()
  expect(await readFact(connectControl(tab), 'consent')).toBe('denied')
})
