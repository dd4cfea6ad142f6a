import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parseRollout, type Rollout, type Subject, simulate } from '../../src/rollout.js'
import { dataFolder, type Keys, readKeys } from '../keys.js'
import { carryOut, draftRollout, isEdit, type Order, SLOTS_A_PERCENT } from './edit.js'
import { describe, describeChange, describeSimulation, warn, warnOfShrinking } from './print.js'
import { readSubjects } from './subjects.js'
import { publish, readPublished } from './upstream.js'

const DEFAULT_URL = 'http://localhost:8787/rollouts/sync-engine'

const HELP = `Publishes the signed rollout that every client follows.

  npm run rollout -- <command> [options]

  publish --share 10    the stage that plans 10 % begins; where none does, the active stage takes this share
  publish --stage name  this stage begins; with --share it takes that share
  publish --file f.json publishes this payload; version and issuedAt are set anew
  publish --shadow 5    this share runs the other engine in shadow
  halt, resume          admits nobody new; admits again
  kill, unkill          everybody to legacy at once; takes it back
  reset                 lifts local rollbacks
  show [--json]         the published rollout
  simulate              counts what the published rollout does; needs --subjects, takes --share, --stage, --file

  --url u               of the rollout (default ${DEFAULT_URL})
  --subjects f.csv      with a column id, every other column an attribute; tells what changes for how many
  --dry-run             says what would be published, and publishes nothing`

const OPTIONS = {
  share: { type: 'string' },
  stage: { type: 'string' },
  shadow: { type: 'string' },
  file: { type: 'string' },
  url: { type: 'string', default: DEFAULT_URL },
  subjects: { type: 'string' },
  json: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

interface Request {
  order: Order
  url: string
  json: boolean
  dryRun: boolean
  subjects: readonly Subject[] | null
  keys: Keys
  present: Rollout | null
  now: number
}

type Print = (line: string) => void

/** Runs one command of the publisher; answers the exit code. */
export async function runRollout(argv: readonly string[], print: Print): Promise<number> {
  try {
    await run(argv, print)
    return 0
  } catch (error) {
    print(`refused: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

async function run(argv: readonly string[], print: Print): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    allowPositionals: true,
  })
  const [command, ...others] = positionals
  if (values.help || command === undefined) return print(HELP)
  if (others.length > 0) throw new Error(`one command at a time, got: ${positionals.join(', ')}`)
  if (command !== 'show' && command !== 'simulate' && !isEdit(command)) {
    throw new Error(`no command "${command}"; run npm run rollout for a list`)
  }
  const keys = await readKeys(dataFolder())
  const request: Request = {
    order: await toOrder(command, values),
    url: values.url,
    json: values.json,
    dryRun: values['dry-run'],
    subjects: values.subjects === undefined ? null : await readSubjects(values.subjects),
    keys,
    present: await readPublished(values.url, keys),
    now: Date.now(),
  }
  if (command === 'show') return show(request, print)
  if (command === 'simulate') return simulateOrder(request, print)
  await publishOrder(request, print)
}

async function toOrder(
  command: string,
  values: { share?: string; stage?: string; shadow?: string; file?: string },
): Promise<Order> {
  const { share, stage, shadow, file } = values
  return {
    command,
    ...(share !== undefined && { share: toPercent('--share', share) }),
    ...(stage !== undefined && { stage }),
    ...(shadow !== undefined && { shadow: toPercent('--shadow', shadow) }),
    ...(file !== undefined && { document: parseRollout(await readFile(file)) }),
  }
}

function toPercent(option: string, text: string): number {
  const share = Number(text.replace(/\s*%$/, ''))
  const inSteps = Number.isInteger(Number((share * SLOTS_A_PERCENT).toFixed(6)))
  if (text.trim() === '' || !(share >= 0 && share <= 100) || !inSteps) {
    throw new Error(`${option} takes percent from 0 to 100 in steps of 0.001, got "${text}"`)
  }
  return share
}

function show({ present, json, url }: Request, print: Print): void {
  if (!present) throw new Error(`nothing is published at ${url} yet`)
  const lines = json ? [JSON.stringify(present, null, 2)] : describe(present)
  lines.forEach(print)
}

function simulateOrder(request: Request, print: Print): void {
  if (!request.subjects) throw new Error('simulate needs --subjects file.csv')
  const rollout = toNext(request, { ...request.order, command: 'publish' })
  const simulation = simulate(rollout, request.subjects, request.now)
  if (request.json) {
    print(JSON.stringify(simulation, null, 2))
    return
  }
  describeSimulation(simulation).forEach(print)
  warn(
    simulation,
    rollout.stages.map(({ name }) => name),
  ).forEach(print)
}

async function publishOrder(request: Request, print: Print): Promise<void> {
  const { url, keys, present, subjects, now, dryRun } = request
  const next = toNext(request, request.order)
  describe(next).forEach(print)
  warnOfShrinking(present, next).forEach(print)
  if (subjects) {
    const before = present && simulate(present, subjects, now)
    const after = simulate(next, subjects, now)
    print(describeChange(before, after))
    warn(after, next.stage === null ? [] : [next.stage]).forEach(print)
  }
  if (dryRun) return print(`dry run: nothing was published at ${url}`)
  await publish(url, next, keys)
  print(`published version ${next.version} at ${url}`)
}

function toNext({ url, present, now }: Request, order: Order): Rollout {
  if (!present && !order.document && order.command !== 'publish') {
    throw new Error(`nothing is published at ${url} yet; begin with publish`)
  }
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '') || 'rollout'
  return carryOut(present, draftRollout(name, now), order, now)
}
