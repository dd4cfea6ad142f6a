import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'
import { buildPage } from '../../support/outage.js'
import { unpackPrevious } from '../../support/previous.js'

const SCRIPT = '../e2e/faults/page.ts'
const OPENED = "'graysync-control', 1, (db) => {"
/** It finds the stores of this one. */
const UPGRADED = "'graysync-control', 2, (db) => {\n if (db.objectStoreNames.length > 0) return"

/** One page with three builds of graysync: this one, the packed one before, and one that upgrades the control database. */
export type Build = 'present' | 'previous' | 'newer'
export type Builds = Readonly<Record<Build, string>>

export async function buildPages(): Promise<Builds> {
  const [present, previous, newer] = await Promise.all([
    buildPage(SCRIPT),
    buildPage(SCRIPT, [await toPrevious()]),
    buildPage(SCRIPT, [upgrade]),
  ])
  return { present, previous, newer }
}

async function toPrevious(): Promise<Plugin> {
  const path = `${await unpackPrevious('builds')}index.js`
  return {
    name: 'previous',
    setup: (build) => build.onResolve({ filter: /\/src\/index\.js$/ }, () => ({ path })),
  }
}

const upgrade: Plugin = {
  name: 'upgrade',
  setup: (build) =>
    build.onLoad({ filter: /\/src\/store\/control\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      if (!text.includes(OPENED)) throw new Error(`${path} has no ${OPENED}`)
      return { contents: text.replace(OPENED, UPGRADED), loader: 'ts' }
    }),
}
