import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import type { LoadPage, Round } from '../../examples/card-everything/test/load/round.js'
import { readKeys } from '../../scripts/keys.js'
import type { Make, Tab } from '../e2e/support/tab.js'
import { startUpstream } from '../e2e/support/upstream.js'
import { hurry, hurryClock } from './hurry.js'
import { toPage } from './outage.js'

/** A difference between two engines has to stand for two minutes, and legacy reads once a minute: here a twentieth of both, so that many audits fit in. */
const TIMES = 20
/** Shorter waits bound what an engine may take. */
const FROM_MS = 60_000
const ROOT = new URL('../../', import.meta.url).pathname
const PAGE = join(ROOT, 'examples/card-everything/test/load/page.ts')

declare const load: LoadPage

export interface LoadResult {
  rounds: Round[]
  /** What was told and is not so, or is so and was not told. */
  wrong: string[]
}

/**
 * Runs the demo's two engines, refactored with legacy in shadow, in browsers against the real upstream; audits them
 * over and over while both write, and plants one divergence in each audit. Each browser is a profile of its own.
 */
export async function runLoad(
  make: Make,
  o: { runs: number; seed: number; cards: number; profiles: number },
): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), 'graysync-load-'))
  const upstream = await startUpstream(folder, await bundle())
  await upstream.publish({
    shadow: { share: 100_000 },
    stages: [{ name: 'first', share: 100_000 }],
  })
  const seeds = Array.from({ length: o.runs }, (_, at) => o.seed + at)
  const rounds: [number, Round][] = []
  const work = async (_: unknown, at: number) => {
    const browser = await make.launch(join(folder, `profile ${at}`))
    try {
      const tab = await browser.openTab()
      await openPage(tab, upstream.url)
      await tab.run((cards) => load.fill(cards), o.cards)
      await openPage(tab, upstream.url)
      await tab.run(() => load.begin())
      for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
        rounds.push([seed, await tab.run((given) => load.round(given), seed)])
      }
    } finally {
      await browser.close()
    }
  }
  try {
    await Promise.all(Array.from({ length: o.profiles }, work))
    return {
      rounds: rounds.map(([, round]) => round),
      wrong: rounds.flatMap(([seed, round]) => judge(round, seed)),
    }
  } finally {
    await upstream.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

function judge({ planted, told, complete, written }: Round, seed: number): string[] {
  const wrong = told.filter((one) => one !== planted).map((one) => `told in vain: ${one}`)
  if (!told.includes(planted)) wrong.push(`not told: ${planted}`)
  if (!complete) wrong.push('not read to its end')
  if (written === 0) wrong.push('nobody wrote')
  return wrong.map((one) => `seed ${seed}: ${one}`)
}

async function openPage(tab: Tab, url: string): Promise<void> {
  await tab.open(`${url}/`)
  while (!(await tab.run(() => 'load' in globalThis).catch(() => false))) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function bundle(): Promise<string> {
  const keys = await readKeys()
  const { outputFiles } = await build({
    entryPoints: [PAGE],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    define: {
      'process.env.NODE_ENV': '"production"',
      __GRAYSYNC_KEYS__: JSON.stringify(keys.public),
    },
    minify: true,
    charset: 'ascii',
    plugins: [fromSource],
  })
  const faster = `(${hurry})(${TIMES}, ${FROM_MS});(${hurryClock})(${TIMES});`
  return toPage(`${faster}${outputFiles[0]?.text ?? ''}`)
}

/** The package as it is written, and not as it was built last. */
const fromSource: Plugin = {
  name: 'from-source',
  setup(own) {
    own.onResolve({ filter: /^graysync($|\/)/ }, ({ path }) => ({
      path: join(ROOT, 'src', `${path.slice('graysync/'.length) || 'index'}.ts`),
    }))
  },
}
