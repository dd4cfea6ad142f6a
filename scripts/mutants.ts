// npm run mutants [-- --only TEXT]: puts each bug of test/mutants into a copy of the project, and expects the test that it names to fail there.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

interface Mutant {
  name: string
  patch: string
  file: string
  test: string
}

interface Report {
  testResults: {
    name: string
    assertionResults: { title: string; status: string }[]
  }[]
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PATCHES = join(ROOT, 'test/mutants')
const HEAD = /^.+\nCaught by: (?<file>\S+) › (?<test>.+)\n\n/

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const mutants = readdirSync(PATCHES)
  .filter((entry) => entry.endsWith('.patch') && entry.includes(values.only))
  .map(readMutant)
const copy = mkdtempSync(join(tmpdir(), 'graysync-mutants-'))
const began = performance.now()
const wrong: string[] = []

function readMutant(entry: string): Mutant {
  const patch = join(PATCHES, entry)
  const { file, test } = HEAD.exec(readFileSync(patch, 'utf8'))?.groups ?? {}
  if (!file || !test) throw new Error(`${entry}: its second line names no test`)
  return { name: entry.replace('.patch', ''), patch, file, test }
}

/** What came of the tests of this name: `title` is as it stands in the source, so one name may be many tests. */
function read({ testResults }: Report, { file, test }: Mutant): string[] {
  const words = test.split(/%[sijo]/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const title = new RegExp(`^${words.join('.*')}$`)
  return testResults
    .filter(({ name }) => name.endsWith(`/${file}`))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((result) => title.test(result.title))
    .map(({ status }) => status)
}

function runTests(files: readonly string[]): Report {
  const output = join(copy, 'report.json')
  rmSync(output, { force: true })
  const reporting = ['--reporter=json', `--outputFile=${output}`]
  // A machine that is busy breaks no test.
  const args = ['vitest', 'run', '--project', 'node', '--testTimeout=60000', ...reporting, ...files]
  spawnSync('npx', args, { cwd: copy, timeout: 600_000 })
  return JSON.parse(readFileSync(output, 'utf8'))
}

function apply(patch: string, ...options: string[]): boolean {
  return spawnSync('git', ['apply', ...options, patch], { cwd: copy }).status === 0
}

function judge(mutant: Mutant): string | null {
  if (!apply(mutant.patch)) return 'does not fit the code any more: write it anew'
  try {
    const isCaught = read(runTests([mutant.file]), mutant).includes('failed')
    return isCaught ? null : `was not caught by ${mutant.file} › ${mutant.test}`
  } catch (cause) {
    return `its tests could not be run: ${String(cause)}`
  } finally {
    apply(mutant.patch, '-R')
  }
}

try {
  for (const entry of [
    'src',
    'test',
    'schema',
    'package.json',
    'tsconfig.json',
    'vitest.config.ts',
  ]) {
    cpSync(join(ROOT, entry), join(copy, entry), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  // A test that fails anyway catches nothing.
  const healthy = runTests([...new Set(mutants.map(({ file }) => file))])
  for (const mutant of mutants) {
    const before = read(healthy, mutant)
    const isHealthy = before.length > 0 && before.every((status) => status === 'passed')
    const why = isHealthy ? judge(mutant) : `${mutant.file} › ${mutant.test}: does not pass`
    console.log(`${mutant.name}: ${why ?? 'caught'}`)
    if (why) wrong.push(mutant.name)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
const caught = mutants.length - wrong.length
const seconds = ((performance.now() - began) / 1000).toFixed(0)
console.log(`mutants: ${caught} of ${mutants.length} caught; ${seconds} s`)
process.exit(wrong.length === 0 && mutants.length > 0 ? 0 : 1)
