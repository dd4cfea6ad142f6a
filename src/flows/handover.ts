import { type Backup, createBackup, deleteBackup, putAll } from '../engine/backup.js'
import { readControl } from '../engine/control.js'
import { type Coordinator, createCoordinator } from '../engine/coordinator.js'
import { gather, readCarried } from '../engine/gather.js'
import type { Engines } from '../engine/guarantee.js'
import { hydrate, insistOnClean, topUp } from '../engine/hydrate.js'
import { sweepLate } from '../engine/late.js'
import type { Replicas } from '../engine/replicas.js'
import { giveUpStaged, rescue, softenQueue, toLoss, unapply } from '../engine/rescue.js'
import { findLost, insistOnNone, restage, stage } from '../engine/staging.js'
import { mintId } from '../lib/id.js'
import type { Control, Engine } from '../model/engine.js'
import { type ErrorCode, GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { AuditReport, Source } from '../model/source.js'
import { readRoom } from '../platform/room.js'
import type { ControlConnection } from '../store/control.js'

const SPARE_BYTES = 5_000_000
/** Stands for refactored in a build without it: it keeps nobody from legacy, and takes nothing over. */
const ABSENT = { version: '', start() {} }

export interface HandoverOptions<Op extends Operation> {
  platform: Platform
  control: ControlConnection
  engines: Engines<Op>
  /** Who was signed in as it began. */
  userId: string | null
  /** Who is signed in now. */
  presentUser(): string | null
  adoptNullUser(op: Pending<Op>): boolean
  audit(left: Source, right: Source): Promise<AuditReport>
  /** The engine that is left may be broken: the way back needs no help of it. */
  rescues: boolean
  replicas: Pick<Replicas, 'raise' | 'forward'>
  onStep(control: Control): void
}

export interface Outcome {
  id: string
  from: EngineName
  to: EngineName
  outcome: 'committed' | 'aborted'
  moved: number
  durationMs: number
  error?: GraySyncError
  because?: ErrorCode
}

interface Handing<Op extends Operation> extends HandoverOptions<Op> {
  id: string
  from: EngineName
  to: EngineName
  source: Engine<Op>
  target: Engine<Op>
  claim: number
  coordinator: Coordinator
  /** What a rescue could not read. */
  unread: readonly string[]
  elapsed(): number
}

/** Moves the profile to the other engine: prepare, fence, save, import, commit; or leaves it where it was. */
export async function handover<Op extends Operation>(
  o: HandoverOptions<Op>,
  present: Control,
): Promise<Outcome> {
  const from = present.owner ?? 'legacy'
  const id = mintId(o.platform.now(), o.platform.randomBytes(16))
  const which = { id, from, to: opposite(from), claim: present.claim + 1, term: present.term }
  const h = begin(o, which)
  let moved: string[] = []
  try {
    await h.coordinator.prepare()
    if (isRescue(h)) Object.assign(h, await rescue(h))
    // The owner still writes: what takes long is done now, and brought up to date inside the fence.
    const backup = await openBackup(h)
    await hydrate({ ...h, backup })
    await backup.verify()
    // What is in that queue would be sent ahead of all that is moved there.
    await sweepLate({ ...h, engine: h.target, from: h.to, isSealed: h.coordinator.isMine })
    await h.coordinator.fence()
    // Nothing is read before every database of the host knows that nobody owns the profile.
    await raise(h)
    await h.replicas.forward()
    const queued = (await h.source.queue?.exporter?.read()) ?? []
    const { open, movable } = await gather<Op>(h.control, queued, {
      at: h.platform.now(),
      isMine: h.coordinator.isMine,
    })
    await verifyRows(h, backup)
    const { operations, rows, withRows } = await backup.seal(open)
    await h.coordinator.saved({ operations, rows, withRows, unread: h.unread })
    await h.coordinator.check()
    if (h.unread.length > 0 && h.target.store && !h.source.data) await unapply(h.control)
    moved = await stage(h, movable)
    await h.coordinator.imported({ moved: moved.length })
    await h.coordinator.commit()
  } catch (cause) {
    return takeBack(h, cause, moved)
  }
  return finish(h, moved)
}

/** Ends what a dead tab left: a committed handover is finished, any other is taken back. */
export async function resume<Op extends Operation>(
  o: HandoverOptions<Op>,
  present: Control,
): Promise<Outcome | null> {
  if (!present.handover) return null
  const h = begin(o, { ...present.handover, claim: present.claim, term: present.term })
  if (!present.handover.finishing) {
    return takeBack(h, new GraySyncError('ABORTED', `interrupted while ${present.phase}`), [])
  }
  // It is left at once, and may be broken.
  if (o.rescues && h.to === 'refactored') h.target = await giveUpStaged(h)
  if (isRescue(h)) h.source = { ...h.source, ...softenQueue(h, []) }
  return finish(h, [], () => restage(h))
}

function isRescue<Op extends Operation>({ rescues, from }: Handing<Op>): boolean {
  return rescues && from === 'refactored'
}

function opposite(name: EngineName): EngineName {
  return name === 'legacy' ? 'refactored' : 'legacy'
}

function begin<Op extends Operation>(
  o: HandoverOptions<Op>,
  which: { id: string; from: EngineName; to: EngineName; claim: number; term: number },
): Handing<Op> {
  const since = o.platform.monotonic()
  const engines = { refactored: ABSENT, ...o.engines }
  return {
    ...o,
    ...which,
    source: engines[which.from],
    target: engines[which.to],
    unread: [],
    coordinator: createCoordinator({ ...o, ...which }),
    elapsed: () => o.platform.monotonic() - since,
  }
}

async function openBackup<Op extends Operation>(h: Handing<Op>): Promise<Backup> {
  const { usage, quota } = await readRoom(h.platform)
  // Room for the target's store as well, each as large as all that is there.
  const withRows = quota - usage > 2 * usage + SPARE_BYTES
  return createBackup({ ...h, hid: h.id, withRows, isMine: h.coordinator.isMine })
}

/** Inside the fence both stores must hold the same; rows that changed since `hydrate` are brought over first. */
async function verifyRows<Op extends Operation>(h: Handing<Op>, backup: Backup): Promise<void> {
  const { data: left } = h.source
  const { data: right, store } = h.target
  if (!left) return
  // Where nothing tells what changed since, rows are read inside the fence.
  if (!store || !right) return putAll(backup, left)
  const first = await h.audit(left, right)
  if (first.clean) return
  await topUp({ ...h, backup }, first)
  const second = await h.audit(left, right)
  if (second.clean) return
  await h.replicas.forward()
  insistOnClean(second, await readCarried(h.control))
}

async function raise<Op extends Operation>(h: Handing<Op>): Promise<void> {
  await h.replicas.raise(await readControl(h.control))
}

/** After the commit there is no way back but another handover. Every step may be repeated: what fails now is tried at the next boot. */
async function finish<Op extends Operation>(
  h: Handing<Op>,
  moved: readonly string[],
  before: () => Promise<void> = async () => {},
): Promise<Outcome> {
  try {
    if (h.target === ABSENT) throw new GraySyncError('ENGINE_LOAD', 'there is no refactored engine')
    await before()
    await raise(h)
    if (h.presentUser() !== h.userId) {
      // What was staged is of whoever was signed in before.
      const present = { ...h, userId: h.presentUser() }
      return finish(present, [], () => restage(present))
    }
    await h.coordinator.check()
    await h.target.queue?.importer?.activate(h.id)
    await h.coordinator.check()
    await h.source.queue?.exporter?.seal(h.id)
    // Until the handover is finished no engine starts, and none takes anything out of its queue.
    const lost = await findLost(h, moved)
    await h.coordinator.finish()
    insistOnNone(lost, moved)
    return conclude(h, 'committed', moved.length, toLoss(h.unread))
  } catch (cause) {
    return conclude(h, 'committed', moved.length, toError(cause))
  }
}

async function takeBack<Op extends Operation>(
  h: Handing<Op>,
  cause: unknown,
  moved: readonly string[],
): Promise<Outcome> {
  let error = toError(cause)
  // Without room not even the way back can be written.
  if (error.code === 'QUOTA') await deleteBackup(h.control, h.id).catch(() => undefined)
  if (await h.coordinator.abort(error)) {
    // What fails here is tried before the engine starts.
    await raise(h).catch(() => undefined)
    await h.target.queue?.importer?.discard(h.id).catch(() => undefined)
  } else {
    // The commit may have got through although its answer did not.
    const { claim, handover: state } = await readControl(h.control)
    if (state?.id === h.id && state.finishing) return finish(h, moved)
    // It was begun, and another tab ended it.
    if (claim >= h.claim) error = new GraySyncError('FENCED', 'another tab took the handover')
  }
  return conclude(h, 'aborted', 0, error)
}

function toError(cause: unknown): GraySyncError {
  return isGraySyncError(cause)
    ? cause
    : new GraySyncError('ABORTED', `handover: ${String(cause)}`, { cause })
}

function conclude<Op extends Operation>(
  h: Handing<Op>,
  outcome: Outcome['outcome'],
  moved: number,
  error?: GraySyncError,
): Outcome {
  return {
    id: h.id,
    from: h.from,
    to: h.to,
    outcome,
    moved,
    durationMs: h.elapsed(),
    ...(error && { error, because: error.code }),
  }
}
