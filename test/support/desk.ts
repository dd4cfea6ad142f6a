import { deleteDB } from 'idb'
import { createDelivery, type Delivery } from '../../src/flows/deliver.js'
import type { GraySyncError } from '../../src/model/errors.js'
import type { Consent, Lane, Sink, TelemetryRecord } from '../../src/model/record.js'
import { type GraySyncDatabase, openDatabase } from '../../src/store/database.js'
import { createOutbox, type Outbox } from '../../src/store/outbox.js'
import { createDevice, type Device, type Tab } from './device.js'

/** One tab with an outbox and a sender. */
export interface Desk {
  tab: Tab
  outbox: Outbox
  delivery: Delivery | null
  database: GraySyncDatabase | null
  delivered: Map<Lane, number>
  errors: GraySyncError[]
  close(): void
}

export async function openDesk(
  o: {
    device?: Device
    sink?: Sink
    consent?: Consent
    withoutDatabase?: boolean
    database?: GraySyncDatabase
  } = {},
): Promise<Desk> {
  const tab = (o.device ?? createDevice()).tab()
  const database = o.withoutDatabase
    ? null
    : (o.database ?? (await openDatabase(createDevice().tab().platform)))
  const ending = new AbortController()
  const { platform } = tab
  const { signal } = ending
  const errors: GraySyncError[] = []
  const delivered = new Map<Lane, number>()
  const onError = (error: GraySyncError) => void errors.push(error)
  const outbox = createOutbox({
    platform,
    database,
    consent: o.consent ?? 'granted',
    onError,
    signal,
  })
  const onDelivered = (lane: Lane, count: number) =>
    void delivered.set(lane, (delivered.get(lane) ?? 0) + count)
  const { sink } = o
  const delivery = sink
    ? createDelivery({ platform, outbox, sink, onDelivered, onError, signal })
    : null
  const close = () => {
    ending.abort()
    database?.close()
  }
  return { tab, outbox, delivery, database, delivered, errors, close }
}

export function makeRecords(count: number, lane: Lane = 'metric', size = 0): TelemetryRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    uid: crypto.randomUUID(),
    name: 'graysync.sync.window',
    at: Date.now() + index,
    lane,
    attributes: { 'graysync.engine': 'legacy', index, ...(size > 0 && { pad: 'x'.repeat(size) }) },
  }))
}

export function addAll(outbox: Outbox, records: readonly TelemetryRecord[]): string[] {
  for (const record of records) outbox.add(record)
  return records.map((record) => record.uid)
}

/** Waits for something that happens by itself, looking at each turn of the loop. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export const forgetDatabase = (): Promise<void> => deleteDB('graysync')
