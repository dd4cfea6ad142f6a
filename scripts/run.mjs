// What the start, test and check commands share. Plain Node: it runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command and answers its exit code. */
export function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, PATH: `${ROOT}node_modules/.bin:${process.env.PATH}`, ...env },
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)))
  })
}

/** Runs a command and ends this process where it fails. */
export async function insist(command, args, env) {
  const code = await run(command, args, env)
  if (code !== 0) process.exit(code)
}

export async function install() {
  if (existsSync(`${ROOT}node_modules/.package-lock.json`)) return
  await insist('npm', ['install'])
}

const CHROMIUMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of a Chromium: named, installed, or fetched. */
export async function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  for (const name of CHROMIUMS) {
    const { status, stdout } = spawnSync('which', [name], { encoding: 'utf8' })
    if (status === 0) return stdout.trim()
  }
  const { chromium } = await import('playwright')
  if (!existsSync(chromium.executablePath())) await insist('playwright', ['install', 'chromium'])
  return chromium.executablePath()
}
