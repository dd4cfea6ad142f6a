import { createGraySync, defineEngine, type Operation } from 'graysync'
import { signRollout } from 'graysync/rollout'

type NoteOp = Operation & { text: string }

// Both engines share one table, here a key of localStorage. Real ones are imported inside `start`.
const readNotes = (): Record<string, string> => JSON.parse(localStorage.getItem('notes') ?? '{}')
const toyEngine = (name: string) =>
  defineEngine<NoteOp>({
    version: '1.0.0',
    start: (ctx) => ({
      push(op) {
        const text = `${op.text} (by ${name})`
        localStorage.setItem('notes', JSON.stringify({ ...readNotes(), [op.entityId]: text }))
        ctx.ack(op.opId) // A real engine says this when its server has the operation.
      },
    }),
  })

// A rollout comes signed from a server; this page signs one for itself. Change the share and reload.
const ES256 = { name: 'ECDSA', namedCurve: 'P-256' }
const { privateKey } = await crypto.subtle.generateKey(ES256, true, ['sign', 'verify'])
const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
const key = { kid: 'page', kty, crv, x, y } as JsonWebKey
const stage = { name: 'half', share: 50_000 } // of 100,000
const hash = { version: 1, salt: 'quick-start' } as const
const head = { schema: 1, rollout: 'notes', version: Date.now(), issuedAt: Date.now() } as const
const rollout = { ...head, hash, stage: stage.name, stages: [stage] }
const bootstrap = await signRollout(rollout, { ...key, d } as JsonWebKey, crypto.subtle)

const gray = createGraySync<NoteOp>({
  app: { name: 'quick-start', version: '1.0.0' },
  rollout: { keys: [key], bootstrap },
  engines: { legacy: toyEngine('legacy'), refactored: toyEngine('refactored') },
})

const find = (id: string) => document.getElementById(id) as HTMLElement
function show(): void {
  const snapshot = gray.getSnapshot()
  find('engine').textContent = snapshot.running ?? snapshot.phase
  find('reason').textContent = snapshot.decision?.reason ?? ''
  find('snapshot').textContent = JSON.stringify(snapshot, null, 2)
  find('notes').textContent = Object.values(readNotes()).join('\n')
}
gray.subscribe(show)
find('form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const text = String(new FormData(event.target as HTMLFormElement).get('text'))
  const entityId = crypto.randomUUID()
  await (await gray.enqueue({ entity: 'notes', entityId, kind: 'put', text })).settled
  show()
})
find('forget').addEventListener('click', async () => {
  await gray.close()
  for (const { name = '' } of await indexedDB.databases()) indexedDB.deleteDatabase(name)
  localStorage.clear()
  location.reload()
})
await gray.start()
