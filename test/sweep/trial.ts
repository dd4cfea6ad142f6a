import type { Control, JournalEntry, LoggedOperation } from '../../src/model/engine.js'
import type { GraySync } from '../../src/model/handle.js'
import type { EngineName } from '../../src/model/operation.js'
import { createTestClient } from '../../src/testing.js'
import { createQueueEngine, type Tier } from './engine.js'
import { createNetwork, type Network } from './network.js'
import type { Plans } from './plans.js'
import { createProfile, type Profile, type Tab } from './profile.js'
import {
  type AppendOperation,
  append,
  type NoteRow,
  nameOfDisk,
  openDisk,
  type QueuedRow,
} from './queue.js'
import { createSchedule, type Schedule } from './schedule.js'
import { createServer, type Flaw, type Server, type ServerKind } from './server.js'

export const SERVERS: Record<Tier, ServerKind> = {
  drain: 'weak',
  contained: 'weak',
  keyed: 'keyed',
  versioned: 'versioned',
  fenced: 'fenced',
}

/** What became of the promise of one `enqueue`. */
export interface Asked {
  opId: string
  entityId: string
  fate: 'waiting' | 'accepted' | 'rejected' | 'wiped'
  /** Its number in the op-log, once it had one. */
  seq: number | null
  /** Who was signed in, by the op-log. */
  userId: string | null
}

export interface Client {
  tab: Tab
  gray: GraySync<AppendOperation>
}

/** One world from one seed: a profile, a server, engines of one tier, and everything that was asked for. */
export interface Trial {
  tier: Tier
  schedule: Schedule
  profile: Profile
  network: Network
  server: Server
  asked: readonly Asked[]
  open(goal: EngineName, turn: number, tab?: Tab): Client
  enqueue(client: Client, entityId: string): void
  /** Queues an operation past graysync, as a build before it did. */
  queueOld(tab: Tab, entityId: string): Promise<void>
  /** The user clears the data of the site: what was asked for until now may be lost. */
  wipe(): void
  readonly wasWiped: boolean
  control(): Control | undefined
  journal(): readonly JournalEntry[]
  openRows(): readonly LoggedOperation[]
  queueOf(name: EngineName): readonly QueuedRow[]
  notesOf(name: EngineName): readonly NoteRow[]
  end(): void
}

export function createTrial(o: {
  seed: number
  tier: Tier
  plans: Plans
  pristine?: boolean
  flaw?: Flaw
}): Trial {
  const { tier, plans } = o
  const schedule = createSchedule(o.seed)
  const server = createServer(SERVERS[tier], o.flaw)
  const network = createNetwork(schedule, server.serve)
  const profile = createProfile(schedule, network, { pristine: o.pristine ?? false })
  const { disk } = profile
  const asked: Asked[] = []
  // The SDK remembers an imported key by its object.
  const key = { ...plans.key }
  const logged = () => disk.peek<LoggedOperation>('graysync-control', 'oplog')
  const queueOf = (name: EngineName) => disk.peek<QueuedRow>(nameOfDisk(name), 'queue')

  return {
    tier,
    schedule,
    profile,
    network,
    server,
    asked,
    open(goal, turn, tab = profile.tab()) {
      const engines = {
        legacy: createQueueEngine('legacy', tier, tab),
        refactored: createQueueEngine('refactored', tier, tab),
      }
      const gray = createTestClient<AppendOperation>(
        {
          app: { name: 'sweep', version: '1' },
          engines,
          subject: { id: 'ann' },
          adoptNullUser: () => true,
          rollout: {
            keys: [key],
            bootstrap: plans.envelope(
              goal === 'legacy' && tier === 'drain' ? 'legacy, drained' : goal,
              turn,
            ),
            // Emptiness needs an answered request.
            ...(tier === 'drain' && { url: 'https://server.test/rollout' }),
          },
        },
        tab.platform,
      )
      return { tab, gray }
    },
    enqueue({ gray }, entityId) {
      const opId = `op-${asked.length}`
      const one: Asked = { opId, entityId, fate: 'waiting', seq: null, userId: null }
      asked.push(one)
      const op = { entity: 'notes', entityId, kind: 'append', token: opId, opId }
      gray.enqueue(op).then(
        () => {
          if (one.fate === 'waiting') one.fate = 'accepted'
          const row = logged().find((other) => other.opId === opId)
          one.seq = row?.seq ?? null
          one.userId = row?.userId ?? null
        },
        () => {
          if (one.fate === 'waiting') one.fate = 'rejected'
        },
      )
    },
    async queueOld(tab, entityId) {
      const opId = `old-${asked.length}`
      const op = { entity: 'notes', entityId, kind: 'append', token: opId, opId }
      const old = openDisk('legacy', tab.platform)
      await append(old, op)
      old.close()
      asked.push({
        opId,
        entityId,
        fate: 'accepted',
        seq: asked.length - 1_000_000,
        userId: 'ann',
      })
    },
    get wasWiped() {
      return asked.some((one) => one.fate === 'wiped')
    },
    wipe() {
      for (const one of asked) one.fate = 'wiped'
      profile.wipe()
    },
    control: () =>
      disk.peek<Control>('graysync-control', 'control').find((row) => row.key === 'control'),
    journal: () => disk.peek<JournalEntry>('graysync-control', 'journal'),
    openRows: () => logged().filter((row) => row.state === 'open' || row.state === 'quarantine'),
    queueOf,
    notesOf: (name) => disk.peek<NoteRow>(nameOfDisk(name), 'notes'),
    end: schedule.end,
  }
}
