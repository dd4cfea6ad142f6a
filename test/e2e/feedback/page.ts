import { GraySyncFeedback, GraySyncSurvey } from '../../../src/feedback-form.js'
import { createGraySync, type GraySync } from '../../../src/index.js'
import type { Sink, SinkResult } from '../../../src/model/record.js'
import { createFakeEngine, type RowOperation } from '../../../src/testing.js'

declare global {
  interface Window {
    page: {
      form: GraySyncFeedback
      survey: GraySyncSurvey
      gray: GraySync<RowOperation>
      refused: string[]
    }
  }
}

const refused: string[] = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  refused.push(`${violatedDirective} ${blockedURI}`)
})

async function ask(path: string, init: RequestInit): Promise<SinkResult> {
  const answer = await fetch(path, init).catch(() => null)
  return answer?.ok ? { status: 'accepted' } : { status: 'retry' }
}

const sink: Sink = {
  send: ({ records }) => ask('/records', { method: 'POST', body: JSON.stringify(records) }),
  erase: (installation) => ask(`/installations/${installation}`, { method: 'DELETE' }),
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
window.page = { form, survey, gray, refused }
