import { parseArgs } from 'node:util'
import { consultOracles, findGoogleAbsence } from '../test/support/otlp-oracle.js'

const { values } = parseArgs({
  options: {
    batches: { type: 'string', default: '5000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const absence = findGoogleAbsence()
if (absence) console.log(`Google's protobuf does not read along: ${absence}`)
const batches = Number(values.batches)
const seed = Number(values.seed)
try {
  const { records } = await consultOracles({ batches, seed, google: absence === null })
  const readers = absence ? 'protobufjs' : "protobufjs and Google's protobuf"
  console.log(
    `${records} records in ${batches} batches: read alike by ${readers}, and as OpenTelemetry's exporter writes them`,
  )
} catch (cause) {
  console.error(cause)
  console.log(`read otherwise; again with --batches ${batches} --seed ${seed}`)
  process.exit(1)
}
