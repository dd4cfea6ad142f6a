import { expect, it, vi } from 'vitest'
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
