import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { ATTRIBUTES, type Peer } from '../peer.js'

export async function start(url: string): Promise<Peer> {
  const exporter = new OTLPLogExporter({ url })
  const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger('bench')
  return {
    capture: (mark) =>
      logger.emit({ eventName: 'bench', severityNumber: 9, attributes: { ...ATTRIBUTES, mark } }),
    flush: () => provider.forceFlush(),
  }
}
