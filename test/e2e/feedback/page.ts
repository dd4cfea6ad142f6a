import { GraySyncFeedback, GraySyncSurvey } from '../../../src/feedback-form.js'
import { createGraySync } from '../../../src/index.js'
import type { Sink } from '../../../src/model/record.js'
import { createFakeEngine } from '../../../src/testing.js'

declare global {
  interface Window {
    page: { form: GraySyncFeedback; survey: GraySyncSurvey; refused: string[] }
  }
}

const refused: string[] = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  refused.push(`${violatedDirective} ${blockedURI}`)
})

const sink: Sink = {
  async send({ records }) {
    const body = JSON.stringify(records)
    const sent = await fetch('/records', { method: 'POST', body }).catch(() => null)
    return sent?.ok ? { status: 'accepted' } : { status: 'retry' }
  },
}

const gray = createGraySync({
  app: { name: 'feedback', version: '1' },
  engines: { legacy: createFakeEngine(['cards']), refactored: createFakeEngine(['cards'], '2') },
  rollout: await (await fetch('/rollout')).json(),
  sink,
})
await gray.start()

GraySyncFeedback.define()
GraySyncSurvey.define()
const form = new GraySyncFeedback()
const survey = new GraySyncSurvey()
form.gray = gray
form.context = { version: '1', cards: 12 }
survey.gray = gray
document.getElementById('work')?.after(form, survey)
window.page = { form, survey, refused }
