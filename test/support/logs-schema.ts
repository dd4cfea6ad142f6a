import protobuf from 'protobufjs'

/** The messages of OTLP's logs signal, by field numbers of the public protocol. */
const SCHEMA = {
  nested: {
    ExportLogsServiceRequest: {
      fields: { resourceLogs: { rule: 'repeated', type: 'ResourceLogs', id: 1 } },
    },
    ResourceLogs: {
      fields: {
        resource: { type: 'Resource', id: 1 },
        scopeLogs: { rule: 'repeated', type: 'ScopeLogs', id: 2 },
        schemaUrl: { type: 'string', id: 3 },
      },
    },
    Resource: {
      fields: {
        attributes: { rule: 'repeated', type: 'KeyValue', id: 1 },
        droppedAttributesCount: { type: 'uint32', id: 2 },
      },
    },
    ScopeLogs: {
      fields: {
        scope: { type: 'InstrumentationScope', id: 1 },
        logRecords: { rule: 'repeated', type: 'LogRecord', id: 2 },
        schemaUrl: { type: 'string', id: 3 },
      },
    },
    InstrumentationScope: {
      fields: {
        name: { type: 'string', id: 1 },
        version: { type: 'string', id: 2 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 3 },
        droppedAttributesCount: { type: 'uint32', id: 4 },
      },
    },
    LogRecord: {
      fields: {
        timeUnixNano: { type: 'fixed64', id: 1 },
        severityNumber: { type: 'int32', id: 2 },
        severityText: { type: 'string', id: 3 },
        body: { type: 'AnyValue', id: 5 },
        attributes: { rule: 'repeated', type: 'KeyValue', id: 6 },
        droppedAttributesCount: { type: 'uint32', id: 7 },
        flags: { type: 'fixed32', id: 8 },
        traceId: { type: 'bytes', id: 9 },
        spanId: { type: 'bytes', id: 10 },
        observedTimeUnixNano: { type: 'fixed64', id: 11 },
        eventName: { type: 'string', id: 12 },
      },
    },
    KeyValue: {
      fields: { key: { type: 'string', id: 1 }, value: { type: 'AnyValue', id: 2 } },
    },
    ArrayValue: { fields: { values: { rule: 'repeated', type: 'AnyValue', id: 1 } } },
    KeyValueList: { fields: { values: { rule: 'repeated', type: 'KeyValue', id: 1 } } },
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            'stringValue',
            'boolValue',
            'intValue',
            'doubleValue',
            'arrayValue',
            'kvlistValue',
            'bytesValue',
          ],
        },
      },
      fields: {
        stringValue: { type: 'string', id: 1 },
        boolValue: { type: 'bool', id: 2 },
        intValue: { type: 'int64', id: 3 },
        doubleValue: { type: 'double', id: 4 },
        arrayValue: { type: 'ArrayValue', id: 5 },
        kvlistValue: { type: 'KeyValueList', id: 6 },
        bytesValue: { type: 'bytes', id: 7 },
      },
    },
  },
}

const root = protobuf.Root.fromJSON(SCHEMA)

/** The same messages as protoc takes them. */
export const LOGS_PROTO: string = [
  'syntax = "proto3";',
  ...Object.entries(SCHEMA.nested).map(([name, message]) => writeMessage(name, message)),
].join('\n')

interface Message {
  fields: Record<string, { rule?: string; type: string; id: number }>
  oneofs?: unknown
}

function writeMessage(name: string, { fields, oneofs }: Message): string {
  const lines = Object.entries(fields).map(
    ([field, { rule, type, id }]) => `${rule ?? ''} ${type} ${field} = ${id};`,
  )
  const body = oneofs ? ['oneof value {', ...lines, '}'] : lines
  return [`message ${name} {`, ...body, '}'].join('\n')
}

export interface DecodedRecord {
  name: string
  nanos: bigint
  severity: number
  body: string | undefined
  attributes: [string, unknown][]
}

export interface DecodedLogs {
  resource: [string, unknown][]
  records: DecodedRecord[]
}

/** Carries a request through protobuf's wire format and reads it back; throws at whatever the protocol does not know. */
export function decodeLogs(json: unknown): DecodedLogs {
  return readLogs(encodeLogs(json))
}

/** The wire format of a request; throws at whatever the protocol does not know. */
export function encodeLogs(json: unknown): Uint8Array {
  const type = root.lookupType('ExportLogsServiceRequest')
  refuseUnknown(type, json, '$')
  const message = type.fromObject(json as object)
  const wrong = type.verify(message)
  if (wrong) throw new Error(wrong)
  return type.encode(message).finish()
}

export function readLogs(bytes: Uint8Array): DecodedLogs {
  const type = root.lookupType('ExportLogsServiceRequest')
  const read = type.toObject(type.decode(bytes), { longs: String, arrays: true }) as Wire
  const [logs] = read.resourceLogs
  if (!logs) throw new Error('no resource')
  return {
    resource: logs.resource.attributes.map(toPair),
    records: logs.scopeLogs.flatMap((scope) =>
      scope.logRecords.map((record) => ({
        // What is empty or 0 may be left out on the wire.
        name: record.eventName ?? '',
        nanos: BigInt(record.timeUnixNano ?? 0),
        severity: record.severityNumber,
        body: record.body?.stringValue,
        attributes: record.attributes.map(toPair),
      })),
    ),
  }
}

interface WireValue {
  stringValue?: string
  boolValue?: boolean
  intValue?: string
  doubleValue?: number
  arrayValue?: { values: WireValue[] }
  kvlistValue?: { values: WirePair[] }
}

interface WirePair {
  key?: string
  value?: WireValue
}

interface Wire {
  resourceLogs: {
    resource: { attributes: WirePair[] }
    scopeLogs: {
      logRecords: {
        timeUnixNano?: string
        severityNumber: number
        eventName?: string
        body?: WireValue
        attributes: WirePair[]
      }[]
    }[]
  }[]
}

function toPair({ key = '', value }: WirePair): [string, unknown] {
  return [key, toPlain(value ?? {})]
}

function toPlain(value: WireValue): unknown {
  if (value.intValue !== undefined) return Number(value.intValue)
  if (value.arrayValue) return value.arrayValue.values.map(toPlain)
  if (value.kvlistValue) return Object.fromEntries(value.kvlistValue.values.map(toPair))
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? null
}

// The library passes over names that it does not know; a collector may too, and the data would be gone.
function refuseUnknown(type: protobuf.Type, json: unknown, path: string): void {
  if (typeof json !== 'object' || json === null) throw new Error(`${path} is no message`)
  const names = Object.keys(json)
  for (const choice of type.oneofsArray) {
    const chosen = names.filter((name) => choice.oneof.includes(name))
    if (chosen.length > 1) throw new Error(`${path} has ${chosen.join(' and ')}`)
  }
  for (const [name, value] of Object.entries(json)) {
    refuseUnknownField(type.fields[name]?.resolve(), value, `${path}.${name}`)
  }
}

function refuseUnknownField(field: protobuf.Field | undefined, value: unknown, path: string): void {
  if (!field) throw new Error(`${path} is not in the protocol`)
  if (/64$/.test(field.type) && (typeof value !== 'string' || !/^-?\d+$/.test(value))) {
    throw new Error(`${path} must be digits in a text`)
  }
  const { resolvedType } = field
  if (!(resolvedType instanceof protobuf.Type)) return
  for (const item of [value].flat()) refuseUnknown(resolvedType, item, path)
}
