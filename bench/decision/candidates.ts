import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadBundled } from './bundle.js'
import { type Contender, isMeant, PEOPLE } from './scene.js'

/** By package, the module that sets it up; graysync comes first. */
const MODULES: readonly (readonly [string, string])[] = [
  ['graysync', 'graysync'],
  ['@openfeature/flagd-core', 'flagd'],
  ['@featurevisor/sdk', 'featurevisor'],
  ['@growthbook/growthbook', 'growthbook'],
  ['configcat-js', 'configcat'],
  ['unleash-client', 'unleash'],
  ['@openfeature/web-sdk', 'openfeature'],
  ['@statsig/js-on-device-eval-client', 'statsig'],
]

export interface Entrant extends Contender {
  version: string
  /** The module that sets it up. */
  file: string
}

/** Loads everybody, and leaves out, with the reason, who is not installed, does not run or answers something else. */
export async function loadEntrants(skip: (name: string, why: string) => void): Promise<Entrant[]> {
  const entrants: Entrant[] = []
  for (const [name, module] of MODULES) {
    const file = join(import.meta.dirname, 'contenders', `${module}.ts`)
    try {
      const { load } = await loadBundled<{ load(): Contender }>(file)
      const contender = load()
      await checkAnswers(contender)
      entrants.push({ ...contender, file, version: await readVersion(name) })
    } catch (cause) {
      skip(name, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause))
    }
  }
  return entrants
}

/** All answer the same question: nobody who is not meant, and about half of those who are. */
async function checkAnswers({ start, payload }: Contender): Promise<void> {
  const evaluate = await start(payload)
  const meant = PEOPLE.filter(isMeant)
  const taken = meant.filter((person) => evaluate(person)).length / meant.length
  const strays = PEOPLE.filter((person) => !isMeant(person) && evaluate(person)).length
  if (strays > 0) throw new Error(`it takes ${strays} who are not meant`)
  if (taken < 0.4 || taken > 0.6) throw new Error(`it takes ${Math.round(taken * 100)} %, not half`)
}

async function readVersion(name: string): Promise<string> {
  if (name === 'graysync') return versionIn(join(import.meta.dirname, '../../package.json'))
  let folder = dirname(createRequire(import.meta.url).resolve(name))
  while (!folder.endsWith(name)) folder = dirname(folder)
  return versionIn(join(folder, 'package.json'))
}

async function versionIn(file: string): Promise<string> {
  return (JSON.parse(await readFile(file, 'utf8')) as { version: string }).version
}
