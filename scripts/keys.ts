import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A JWK that says its own name. */
export type NamedKey = JsonWebKey & { kid: string }

/** What signs rollouts here, and what verifies them: two public keys while a key is being replaced. */
export interface Keys {
  private: NamedKey
  public: NamedKey[]
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }

/** Where keys and the upstream's data are kept: `GRAYSYNC_DATA`, else `.graysync` beside package.json. */
export function dataFolder(): string {
  return process.env.GRAYSYNC_DATA ?? join(import.meta.dirname, '..', '.graysync')
}

/** Reads `keys.json` of a folder; makes it on first use, readable by its owner only. */
export async function readKeys(folder: string = dataFolder()): Promise<Keys> {
  const file = join(folder, 'keys.json')
  try {
    return toKeys(await readFile(file, 'utf8'), file)
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT')) throw cause
  }
  await mkdir(folder, { recursive: true })
  const draft = `${file}.${crypto.randomUUID()}`
  await writeFile(draft, `${JSON.stringify(await makeKeys(), null, 2)}\n`, { mode: 0o600 })
  try {
    // Two processes may start at once: the first file to be linked stands, whole, and both read it.
    await link(draft, file)
  } catch (cause) {
    if (!isErrno(cause, 'EEXIST')) throw cause
  } finally {
    await rm(draft)
  }
  return toKeys(await readFile(file, 'utf8'), file)
}

async function makeKeys(): Promise<Keys> {
  const pair = await crypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const kid = crypto.randomUUID().slice(0, 8)
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  const shared = { kid, kty, crv, x, y, alg: 'ES256' } as NamedKey
  return { private: { ...shared, d } as NamedKey, public: [shared] }
}

function toKeys(text: string, file: string): Keys {
  const keys = JSON.parse(text) as Keys
  if (keys.private?.kid && Array.isArray(keys.public)) return keys
  throw new Error(`${file} must hold {"private": JWK with kid, "public": [JWK with kid]}`)
}

function isErrno(cause: unknown, code: string): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === code
}
