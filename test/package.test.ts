import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const run = promisify(execFile)

async function readPackage(): Promise<{ exports: Record<string, unknown> }> {
  return JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
}

async function listSources(folder = 'src'): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('the package', () => {
  it('has one subpath for each door and no other', async () => {
    const doors = (await readdir(join(ROOT, 'src'), { withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name.replace(/\.ts$/, ''))
    const { exports } = await readPackage()
    const expected = Object.fromEntries(
      doors.map((door) => [
        door === 'index' ? '.' : `./${door}`,
        { types: `./dist/types/${door}.d.ts`, default: `./dist/${door}.js` },
      ]),
    )
    const files = Object.entries(exports).filter(([, target]) => typeof target === 'object')
    expect(Object.fromEntries(files)).toEqual(expected)
  })

  it('keeps every source file at 250 lines or fewer', async () => {
    for (const file of await listSources()) {
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n').length
      expect({ file, isLong: lines > 250 }).toEqual({ file, isLong: false })
    }
  })
})

describe('the layers', () => {
  /** One wrong import each: where it stands, what it imports, and the rule that has to say so. */
  const SEEDS: [string, string, string][] = [
    ['src/decision/seed.ts', '../engine/control.js', 'rooms-look-down'],
    ['src/consistency/seed.ts', '../flows/boot.js', 'rooms-look-down'],
    ['src/flows/seed.ts', './boot.js', 'flows-stand-alone'],
    ['src/store/seed.ts', '../engine/oplog.js', 'store-looks-down'],
    ['src/platform/seed.ts', '../store/open.js', 'platform-looks-down'],
    ['src/lib/seed.ts', '../model/errors.js', 'lib-looks-down'],
    ['src/model/seed.ts', '../lib/id.js', 'model-looks-down'],
    ['src/engine/seed.ts', '../index.js', 'doors-are-leaves'],
    ['src/otlp-seed.ts', './store/open.js', 'side-doors-see-their-room-and-the-nouns'],
    ['src/react-seed.ts', './client/state.js', 'the-handle-is-a-type-to-side-doors'],
    ['src/client/seed-form.ts', '../testing/world.js', 'testing-room-has-one-door'],
    ['src/engine/seed-idb.ts', 'idb', 'idb-lives-in-store'],
    ['src/engine/seed-dexie.ts', 'dexie', 'dexie-lives-in-its-door'],
  ]

  let folder: string
  let reported: { rule: string; from: string }[]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'graysync-layers-'))
    await cp(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
    for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
      await cp(join(ROOT, name), join(folder, name))
    }
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    for (const [file, target] of SEEDS) {
      await writeFile(join(folder, file), `export * from '${target}'\n`)
    }
    const bin = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
    const args = [bin, 'src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json']
    const options = { cwd: folder, maxBuffer: 1 << 28 }
    // It ends with an error because of the seeds: what it printed is the answer.
    const { stdout } = await run(process.execPath, args, options).catch((error) => error)
    const { summary } = JSON.parse(stdout) as {
      summary: { violations: { from: string; rule: { name: string } }[] }
    }
    reported = summary.violations.map(({ from, rule }) => ({ from, rule: rule.name }))
  }, 60_000)

  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(SEEDS)('report that %s imports %s', (file, _, rule) => {
    expect(reported).toContainEqual({ from: file, rule })
  })

  it('report nothing else', () => {
    const seeds = new Set(SEEDS.map(([file]) => file))
    expect(reported.filter(({ from, rule }) => !seeds.has(from) && rule !== 'no-cycles')).toEqual(
      [],
    )
  })
})
