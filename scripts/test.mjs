// npm test: installs, finds or fetches Chromium, builds, runs everything.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium, insist, install, run } from './run.mjs'

await install()
const CHROMIUM = await findChromium()
await insist('npm', ['run', '--silent', 'build:all'])

const folder = mkdtempSync(join(tmpdir(), 'graysync-test-'))
const file = join(folder, 'report.json')
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
const code = await run('vitest', ['run', ...reporters, ...process.argv.slice(2)], { CHROMIUM })
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8'))
rmSync(folder, { recursive: true })
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`)
process.exit(code)
