import { createGraySync } from '../../../src/index.js'
import type { Control, Engine, JournalEntry, LoggedOperation } from '../../../src/model/engine.js'
import type { EngineName } from '../../../src/model/operation.js'
import { browserPlatform } from '../../../src/platform/platform.js'
import { openControl } from '../../../src/store/control.js'
import { createQueueEngine, type Tier } from '../../sweep/engine.js'
import {
  type AppendOperation,
  type EngineDisk,
  type NoteRow,
  openDisk,
  type QueuedRow,
} from '../../sweep/queue.js'

/** What a page tells of one operation that it asked for. */
export interface Told {
  opId: string
  entityId: string
  fate: 'accepted' | 'rejected' | 'waiting'
}

/** What the profile holds, as it lies in its databases. */
export interface Stored {
  control: Control | undefined
  journal: JournalEntry[]
  oplog: LoggedOperation[]
  queues: Record<EngineName, QueuedRow[]>
  notes: Record<EngineName, NoteRow[]>
}

/** What a script outside says to a page. */
export interface FaultsPage {
  /** Another one after each load. */
  name: string
  /** Ends the writing, and resolves once everything was told. */
  settle(): Promise<void>
  running(): EngineName | null
  /** How many operations of this load were accepted. */
  accepted(): number
  /** Whether it was told that a newer build made what is stored. */
  outdated(): boolean
  /** Whether it was left, kept, and shown again. */
  returned(): boolean
  /** `null` at rest, else what is not. */
  unrest(): Promise<string | null>
  read(): Promise<Stored>
}

declare global {
  interface Window {
    faults: FaultsPage
  }
}

const query = new URLSearchParams(location.search)
const name = query.get('name') ?? ''
const tier = query.get('tier') as Tier
const notes = Number(query.get('notes'))
const pauseMs = Number(query.get('pauseMs'))
const burst = Number(query.get('burst'))
const width = Number(query.get('width'))

const { key, bootstrap, version } = await (await fetch('/plan')).json()
const platform = browserPlatform()

function createEngine(engine: EngineName): Engine<AppendOperation> {
  const made = createQueueEngine(engine, tier, { platform, server: '/operations', width })
  return { ...made, version }
}

const gray = createGraySync<AppendOperation>({
  app: { name: 'faults', version: '1' },
  engines: { legacy: createEngine('legacy'), refactored: createEngine('refactored') },
  subject: { id: 'ann' },
  adoptNullUser: () => true,
  rollout: { keys: [key], bootstrap },
})

const disks: Record<EngineName, EngineDisk> = {
  legacy: openDisk('legacy', platform),
  refactored: openDisk('refactored', platform),
}
/** A page that is loaded again under its name, since it was not kept, is another. */
const load = crypto.randomUUID().slice(0, 4)
let hasReturned = false
addEventListener('pageshow', ({ persisted }) => {
  hasReturned ||= persisted
})
let told: Told[] = []
let accepted = 0
let isOutdated = false
gray.on('error', ({ code }) => {
  isOutdated ||= code === 'NEWER_STATE'
})
let ended = false

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function write(at: number): Promise<void> {
  const opId = `${name}-${load}-${at}`
  const entityId = (10 + Math.floor(Math.random() * notes)).toString(36)
  const fate = await gray
    .enqueue({ entity: 'notes', entityId, kind: 'append', token: opId, opId })
    .then(
      ({ durable }) => (durable ? ('accepted' as const) : ('waiting' as const)),
      () => 'rejected' as const,
    )
  told.push({ opId, entityId, fate })
  if (fate === 'accepted') accepted++
}

async function keepWriting(): Promise<void> {
  for (let at = 0; !ended; ) {
    const size = 1 + Math.floor(Math.random() * burst)
    await Promise.all(Array.from({ length: size }, () => write(at++)))
    await pause(pauseMs)
  }
}

/** What was told is what a user saw; it goes to the server until that has it. */
async function keepTelling(): Promise<void> {
  while (!ended || told.length > 0) {
    const batch = told
    told = []
    const body = JSON.stringify(batch)
    const answer = await fetch('/told', { method: 'POST', body }).catch(() => null)
    if (!answer?.ok) told = [...batch, ...told]
    await pause(pauseMs)
  }
}

async function read(): Promise<Stored> {
  const db = await openControl(platform)
  const [control, journal, oplog] = await Promise.all([
    db.get('control', 'control'),
    db.getAll('journal'),
    db.getAll('oplog'),
  ])
  db.close()
  const [legacyQueue, refactoredQueue, legacyNotes, refactoredNotes] = await Promise.all([
    disks.legacy.run((disk) => disk.getAll('queue')),
    disks.refactored.run((disk) => disk.getAll('queue')),
    disks.legacy.run((disk) => disk.getAll('notes')),
    disks.refactored.run((disk) => disk.getAll('notes')),
  ])
  return {
    control: control as Control | undefined,
    journal,
    oplog,
    queues: { legacy: legacyQueue, refactored: refactoredQueue },
    notes: { legacy: legacyNotes, refactored: refactoredNotes },
  }
}

const writing = keepWriting()
const telling = keepTelling()
window.faults = {
  name,
  async settle() {
    ended = true
    await Promise.all([writing, telling])
  },
  returned: () => hasReturned,
  running: () => gray.getSnapshot().running,
  accepted: () => accepted,
  outdated: () => isOutdated,
  async unrest() {
    const { control, oplog, queues } = await read()
    const { decision, guarantee, ...snapshot } = gray.getSnapshot()
    const open = oplog.filter(({ state }) => state === 'open' || state === 'quarantine')
    const owner = control?.owner
    const queued = owner ? queues[owner].length : 0
    const isCalm = owner && !control.handover && open.length === 0 && queued === 0
    if (snapshot.running && isCalm) return null
    return `${name}: ${decision?.reason}, ${open.length} open, ${queued} queued, ${JSON.stringify({ control, snapshot })}`
  },
  read,
}
await gray.start()
