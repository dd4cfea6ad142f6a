import { randomUUID } from 'node:crypto'

type Plain = string | number | boolean | readonly Plain[]

/** A log record as OTLP's JSON has it. */
export interface OtlpRecord {
  uid: string
  timeUnixNano: string
  eventName: string
  body?: object
  attributes: object[]
}

export function record(
  name: string,
  attributes: Readonly<Record<string, Plain>>,
  o: { uid?: string; at?: number; body?: string } = {},
): OtlpRecord {
  const uid = o.uid ?? randomUUID()
  return {
    uid,
    timeUnixNano: `${o.at ?? Date.now()}000000`,
    eventName: name,
    attributes: Object.entries({ ...attributes, 'log.record.uid': uid }).map(([key, value]) => ({
      key,
      value: toValue(value),
    })),
    ...(o.body === undefined ? {} : { body: { stringValue: o.body } }),
  }
}

export function logs(installation: string, logRecords: readonly unknown[]): object {
  const facts = {
    'service.name': 'CardEverything',
    'service.version': '5.7.0',
    'telemetry.sdk.name': 'graysync',
    'app.installation.id': installation,
  }
  const attributes = Object.entries(facts).map(([key, value]) => ({ key, value: toValue(value) }))
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] }
}

function toValue(value: Plain): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { arrayValue: { values: value.map(toValue) } }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
