import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Keys, readKeys } from '../../scripts/keys.js'
import { runRollout } from '../../scripts/rollout/command.js'
import { parseCsv } from '../../scripts/rollout/subjects.js'
import { parseRollout, type Rollout, verifyEnvelope } from '../../src/rollout.js'

let folder: string
let server: Server
let url: string
let published: string | null
let keys: Keys

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graysync-'))
  vi.stubEnv('GRAYSYNC_DATA', folder)
  keys = await readKeys(folder)
  published = null
  server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.writeHead(published ? 200 : 404).end(published ?? 'nothing yet')
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    published = Buffer.concat(chunks).toString()
    response.writeHead(204).end()
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rollouts/sync-engine`
})

afterEach(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  await new Promise((closed) => server.close(closed))
  await rm(folder, { recursive: true })
})

async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = []
  const code = await runRollout([...argv, '--url', url], (line) => lines.push(line))
  return { code, text: lines.join('\n') }
}

async function present(): Promise<Rollout> {
  return parseRollout(await verifyEnvelope(published ?? '', keys.public, crypto.subtle))
}

async function fileOf(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, text)
  return file
}

describe('the publisher', () => {
  test('begins with a plan, at the share it is given, signed', async () => {
    expect(await run('publish', '--share', '10')).toMatchObject({ code: 0 })
    expect(await present()).toMatchObject({
      rollout: 'sync-engine',
      hash: { version: 1, salt: 'sync-engine' },
      stage: 'round-one',
      stages: [{ share: 10_000 }, { share: 50_000 }, { share: 100_000 }],
    })
  })

  test('carries out one order after the other, each with a higher version', async () => {
    const steps: [string[], Partial<Rollout>][] = [
      [['publish', '--share', '10'], { stage: 'round-one' }],
      [['publish', '--share', '50%'], { stage: 'round-two' }],
      [['halt'], { admit: 'held', stage: 'round-two' }],
      [['resume'], { admit: 'open' }],
      [['kill'], { kill: true }],
      [['unkill'], { kill: false }],
      [['reset'], { resetEpoch: 1 }],
      [['reset'], { resetEpoch: 2 }],
      [['publish', '--stage', 'full'], { stage: 'full' }],
      [['publish', '--shadow', '5'], { stage: 'full', shadow: { share: 5_000 } }],
      [['publish', '--shadow', '0', '--share', '50'], { stage: 'round-two', shadow: { share: 0 } }],
    ]
    let version = 0
    for (const [argv, expected] of steps) {
      expect(await run(...argv)).toMatchObject({ code: 0 })
      const rollout = await present()
      expect(rollout).toMatchObject(expected)
      expect(rollout.version).toBeGreaterThan(version)
      version = rollout.version
    }
  })

  test('goes above the version that is published, even one from the future', async () => {
    await run('publish', '--share', '10')
    const document = JSON.stringify({ ...(await present()), version: 9e15 - 1 })
    const { signRollout } = await import('../../src/rollout.js')
    published = await signRollout(JSON.parse(document), keys.private, crypto.subtle)
    await run('halt')
    expect((await present()).version).toBe(9e15)
  })

  test('gives a share that no stage plans to the active stage, and says when it shrinks', async () => {
    await run('publish', '--share', '50')
    const { text } = await run('publish', '--share', '12.345')
    expect(text).toContain(
      'the share shrinks from 50 % to 12.345 %: those already moved stay on refactored',
    )
    expect(await present()).toMatchObject({
      stage: 'round-two',
      stages: [{}, { share: 12_345 }, {}],
    })
  })

  test.each([
    [['publish', '--share', '101'], '--share takes percent from 0 to 100'],
    [['publish', '--share', '1.23456'], 'in steps of 0.001, got "1.23456"'],
    [['publish', '--share', ''], 'got ""'],
    [['publish', '--stage', 'nope'], 'no stage "nope", there are: round-one, round-two, full'],
    [['launch'], 'no command "launch"'],
    [['halt', 'kill'], 'one command at a time'],
    [['halt', '--force'], "'--force'"],
    [['simulate'], 'simulate needs --subjects'],
    [['publish', '--file', '/nowhere/rollout.json'], 'ENOENT'],
  ])('refuses %j, changing nothing', async (argv, why) => {
    await run('publish', '--share', '10')
    const before = published
    const { code, text } = await run(...argv)
    expect({ code, refused: text.startsWith('refused: ') }).toEqual({ code: 1, refused: true })
    expect(text).toContain(why)
    expect(published).toBe(before)
  })

  test.each(['halt', 'kill', 'show'])(
    'has nothing to %s before the first publish',
    async (command) => {
      const { code, text } = await run(command)
      expect(code).toBe(1)
      expect(text).toContain('nothing is published')
    },
  )

  test('publishes a whole document, unless its salt or its name differs or a client would refuse it', async () => {
    await run('publish', '--share', '10')
    const rollout = await present()
    const segments = [{ name: 'pro', constraints: [] }]
    const good = await fileOf('good.json', JSON.stringify({ ...rollout, segments }))
    expect(await run('publish', '--file', good)).toMatchObject({ code: 0 })
    expect(await present()).toMatchObject({ segments })
    const before = published
    const cases: [object, string][] = [
      [{ hash: { version: 1, salt: 'other' } }, 'the salt may never change'],
      [{ rollout: 'other' }, 'this url publishes "sync-engine", the document is "other"'],
      [{ kill: 'yes' }, '$.kill must be true or false, got "yes"'],
    ]
    for (const [change, why] of cases) {
      const file = await fileOf('bad.json', JSON.stringify({ ...rollout, ...change }))
      const { code, text } = await run('publish', '--file', file)
      expect(code).toBe(1)
      expect(text).toContain(why)
    }
    expect(published).toBe(before)
  })

  test('does not go on from a document that others signed', async () => {
    await run('publish', '--share', '10')
    await rm(join(folder, 'keys.json'))
    const { code, text } = await run('halt')
    expect(code).toBe(1)
    expect(text).toContain('no pinned key is named')
  })

  test('says what it would publish, and does not, in a dry run', async () => {
    const { code, text } = await run('publish', '--share', '10', '--dry-run')
    expect(code).toBe(0)
    expect(text).toContain('stage     round-one, 10 %')
    expect(published).toBeNull()
  })

  test('shows what is published, also as JSON to edit', async () => {
    await run('publish', '--share', '10')
    expect((await run('show')).text).toContain('state     open')
    expect(JSON.parse((await run('show', '--json')).text)).toEqual(await present())
  })

  test('says what to do when no upstream answers', async () => {
    const lines: string[] = []
    const code = await runRollout(['show', '--url', 'http://127.0.0.1:9/x'], (line) =>
      lines.push(line),
    )
    expect(code).toBe(1)
    expect(lines.join()).toContain("doesn't answer; is the upstream running")
  })

  test('passes on why an upstream refuses', async () => {
    server.removeAllListeners('request')
    server.on('request', (request, response) => {
      response.writeHead(request.method === 'GET' ? 404 : 409).end('version is not higher')
    })
    const { code, text } = await run('publish', '--share', '10')
    expect(code).toBe(1)
    expect(text).toContain('answered 409: version is not higher')
  })
})

describe('subjects', () => {
  const csv = (count: number): string =>
    [
      'id,plan,cards',
      ...Array.from({ length: count }, (_, n) => `user-${n},${n % 2 ? 'pro' : 'free'},${n % 97}`),
    ].join('\n')

  test('show what a publish changes, and that a stage is too small', async () => {
    const file = await fileOf('s.csv', csv(2_000))
    const first = await run('publish', '--share', '10', '--subjects', file)
    expect(first.text).toMatch(
      /subjects {2}2000: 0 admitted to refactored before, (\d+) after \(\+\1\)/,
    )
    expect(first.text).toMatch(/stage round-one has \d+ subjects, about 1000 are needed/)
    const next = await run('publish', '--share', '100', '--subjects', file)
    expect(next.text).toMatch(/before, 2000 after \(\+\d+\)/)
    expect(next.text).not.toContain('warning')
  })

  test('are simulated for the stage that is asked for, and nothing is published', async () => {
    await run('publish', '--share', '10')
    const before = published
    const file = await fileOf('s.csv', csv(4_000))
    const { code, text } = await run('simulate', '--subjects', file, '--stage', 'round-two')
    expect(code).toBe(0)
    expect(text).toMatch(/IN_SHARE +\d+\n +OUT_OF_SHARE +\d+/)
    expect(text).toContain('attribute plan: represented')
    const report = JSON.parse((await run('simulate', '--subjects', file, '--json')).text)
    expect(report).toMatchObject({
      subjects: 4_000,
      attributes: [{ attribute: 'plan' }, { attribute: 'cards' }],
    })
    expect(published).toBe(before)
  })

  test('that a segment leaves out are named', async () => {
    await run('publish', '--share', '10')
    const segments = [
      { name: 'pro', constraints: [{ attribute: 'plan', operator: 'IN', values: ['pro'] }] },
    ]
    const stages = [{ name: 'all', share: 100_000, where: ['pro'] }]
    const document = await fileOf(
      'd.json',
      JSON.stringify({ ...(await present()), segments, stages, stage: 'all' }),
    )
    const { text } = await run(
      'publish',
      '--file',
      document,
      '--subjects',
      await fileOf('s.csv', csv(3_000)),
    )
    expect(text).toContain('the cohort does not represent all subjects in plan')
    expect(text).toContain('not covered: plan free, 0 of at least 30 subjects')
  })

  test.each([
    ['name,plan\na,b', 'needs a column "id", got: name, plan'],
    ['id,plan\na', 'row 2: 1 fields, the header has 2'],
    ['id,plan\na,"b', 'CSV line 2'],
  ])('in a file like %j are refused', async (text, why) => {
    await run('publish', '--share', '10')
    const result = await run('simulate', '--subjects', await fileOf('s.csv', text))
    expect(result.code).toBe(1)
    expect(result.text).toContain(why)
  })
})

test('CSV is read as RFC 4180 writes it', () => {
  expect(parseCsv('\uFEFFa,b\r\n"1,""2""\n3",\r\n\n,x\n')).toEqual([
    ['a', 'b'],
    ['1,"2"\n3', ''],
    ['', 'x'],
  ])
})

describe('keys', () => {
  test('are made once, for whoever comes first, and readable by their owner alone', async () => {
    const other = join(folder, 'deep', 'data')
    const [a, b] = await Promise.all([readKeys(other), readKeys(other)])
    expect(a).toEqual(b)
    expect(a.public).toHaveLength(1)
    expect(a.public[0]).toMatchObject({ kid: a.private.kid, kty: 'EC', crv: 'P-256' })
    expect(a.public[0]).not.toHaveProperty('d')
    expect((await stat(join(other, 'keys.json'))).mode & 0o077).toBe(0)
    expect(await readKeys(other)).toEqual(a)
  })

  test('that are not keys are named with their file', async () => {
    await writeFile(join(folder, 'keys.json'), '{}')
    await expect(readKeys(folder)).rejects.toThrow(/keys\.json must hold/)
    expect(await readFile(join(folder, 'keys.json'), 'utf8')).toBe('{}')
  })
})
