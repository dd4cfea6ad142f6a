export type WayName = 'floor' | 'audit' | 'worker' | 'json' | 'normalised'

/** One way to compare two stores. */
export interface Way {
  name: WayName
  /** The least of some runs. */
  cpuMs: number
  wallMs: number
  /** The most of some runs, garbage included. */
  heapMb: number
  /** What is alive at most, after garbage was collected. */
  liveMb: number
  /** The longest task of each run on the page's main thread, in ms of CPU; of many rows none is measured. */
  tasksMs: readonly number[]
  /** Differences that it tells of. */
  told: number
  isRight: boolean
}

/** All rows of two stores, compared in each way. */
export interface Full {
  rows: number
  ways: readonly Way[]
}

/** An incremental audit of few and of many rows after as many writes. */
export interface Following {
  few: number
  many: number
  fewMs: number
  manyMs: number
}

/** What a write takes, in ms, checked by the fence alone, and tracked as well. */
export interface Writes {
  fenceMs: number
  trackedMs: number
  bulkFenceMs: number
  bulkTrackedMs: number
}

/** What a device and a server said to each other to find the rows that differ. */
export interface Talk {
  rows: number
  differences: number
  found: number
  bytes: number
  trips: number
}

/** What one run measured; a part that was left out is absent. */
export interface Figures {
  full?: Full
  /** The same with many more rows. */
  large?: Full
  following?: Following
  writes?: Writes
  talks?: readonly Talk[]
  browser: string
  cpu: string
}

/** What was measured, and whether it is within its bar. */
export type Bar = readonly [figure: string, holds: boolean]

const MOST = { cpu: 1.15, workerCpu: 1.4, taskMs: 50, heapMb: 64, liveShare: 0.2, flatMb: 8 }
const MOST_FOLLOWING = 1.5
const MOST_TRACKING = 1.1
/** By the number of differences in 100,000 rows. */
const MOST_SAID: Readonly<Record<number, { bytes: number; trips: number }>> = {
  10: { bytes: 24_000, trips: 4 },
  // A part of the third level holds more than four rows now and then: among so many, one of them is often asked about.
  1000: { bytes: 600_000, trips: 5 },
}

export function judgeFull(full: Full): Bar[] {
  const { rows } = full
  const [floor, audit, worker, normalised] = [
    wayOf(full, 'floor'),
    wayOf(full, 'audit'),
    wayOf(full, 'worker'),
    wayOf(full, 'normalised'),
  ]
  const cpu = audit.cpuMs / floor.cpuMs
  const share = audit.liveMb / normalised.liveMb
  return [
    atMost(`CPU of an audit of 2 x ${count(rows)} rows over reading alone`, cpu, MOST.cpu),
    judgeTasks('longest task', audit),
    judgeTasks('longest task on the page while a worker audits', worker),
    atMost('CPU in a worker over that in the page', worker.cpuMs / audit.cpuMs, MOST.workerCpu),
    atMost('heap over reading alone in MB', audit.heapMb - floor.heapMb, MOST.heapMb),
    atMost('live heap against normalised JSON', share, MOST.liveShare),
    atMost('CPU against normalised JSON', audit.cpuMs / normalised.cpuMs, 1),
    ['every planted difference found, and no other', audit.isRight && worker.isRight],
  ]
}

function judgeTasks(what: string, { tasksMs }: Way): Bar {
  const list = tasksMs.map((ms) => ms.toFixed(0)).join(', ')
  return [
    `${what} ${list} ms of CPU (at most ${MOST.taskMs})`,
    tasksMs.length > 0 && tasksMs.every((ms) => ms <= MOST.taskMs),
  ]
}

export function judgeLarge(full: Full, large: Full): Bar[] {
  const [small, audit, floor] = [wayOf(full, 'audit'), wayOf(large, 'audit'), wayOf(large, 'floor')]
  const rows = count(large.rows)
  return [
    atMost(`CPU over reading alone, ${rows} rows`, audit.cpuMs / floor.cpuMs, MOST.cpu),
    atMost(`heap over reading alone in MB, ${rows} rows`, audit.heapMb - floor.heapMb, MOST.heapMb),
    atMost(
      `live heap over that of ${count(full.rows)} rows in MB`,
      audit.liveMb - small.liveMb,
      MOST.flatMb,
    ),
    [`every planted difference found in ${rows} rows, and no other`, audit.isRight],
  ]
}

export function judgeFollowing({ few, many, fewMs, manyMs }: Following): Bar[] {
  const what = `1,000 changes of ${count(many)} rows in ${manyMs.toFixed(0)} ms, of ${count(few)} in ${fewMs.toFixed(0)} ms:`
  return [atMost(what, manyMs / fewMs, MOST_FOLLOWING)]
}

export function judgeWrites({ fenceMs, trackedMs, bulkFenceMs, bulkTrackedMs }: Writes): Bar[] {
  const pair = (tracked: number, fence: number) =>
    `${tracked.toFixed(2)} ms over ${fence.toFixed(2)} ms:`
  return [
    atMost(`a tracked write, ${pair(trackedMs, fenceMs)}`, trackedMs / fenceMs, MOST_TRACKING),
    atMost(
      `100 tracked rows, ${pair(bulkTrackedMs, bulkFenceMs)}`,
      bulkTrackedMs / bulkFenceMs,
      MOST_TRACKING,
    ),
  ]
}

export function judgeTalk({ rows, differences, found, bytes, trips }: Talk): Bar {
  const most = MOST_SAID[differences] ?? { bytes: 0, trips: 0 }
  return [
    `${count(found)} of ${count(differences)} differences in ${count(rows)} rows by ${count(bytes)} B (at most ${count(most.bytes)}) and ${trips} trips (at most ${most.trips})`,
    found === differences && bytes <= most.bytes && trips <= most.trips,
  ]
}

export function wayOf({ ways }: Full, name: WayName): Way {
  const way = ways.find((one) => one.name === name)
  if (!way) throw new Error(`nothing was measured for ${name}`)
  return way
}

function atMost(what: string, value: number, most: number): Bar {
  return [`${what} ${value.toFixed(2)} (at most ${most})`, value <= most]
}

export const count = (value: number): string => value.toLocaleString('en')
