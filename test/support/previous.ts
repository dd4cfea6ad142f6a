import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The package as it was packed when decisions were complete, and handovers were not yet. */
const PACKAGE = new URL('../fixtures/graysync-0.1.0-decisions.tgz', import.meta.url)

/** Where its doors lie; each caller has a folder of its own, since tests run side by side. */
export async function unpackPrevious(caller: string): Promise<string> {
  const folder = new URL(`../../node_modules/.cache/graysync/${caller}/`, import.meta.url)
  await mkdir(folder, { recursive: true })
  const { status } = spawnSync('tar', ['xzf', fileURLToPath(PACKAGE), '-C', fileURLToPath(folder)])
  if (status !== 0) throw new Error(`${PACKAGE.pathname} can't be unpacked`)
  return fileURLToPath(new URL('package/dist/', folder))
}
