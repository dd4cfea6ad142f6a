import type { Feedback, Survey } from '../model/record.js'
import { Base, dress, given, langOf, make, watchLang } from './element.js'
import { type FeedbackStrings, stringsOf } from './strings.js'
import { STYLE } from './style.js'
import { claimSurvey, dropSurvey, type Pace } from './surveys.js'
import { createWording, type Wording } from './wording.js'

/** What the survey needs of the handle. */
export interface SurveyTaker {
  feedback(entry: Feedback): Promise<{ id: string }>
  on(type: 'surveyWanted', listener: (survey: Survey & Pace) => void): () => void
}

const SCORES: Readonly<Record<Survey['kind'], readonly number[]>> = {
  csat: [1, 2, 3, 4, 5],
  nps: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
}

/**
 * Is `<graysync-survey>`: one question in a corner of the page, when the rollout wants it asked or the host calls `ask`.
 *
 * It takes no focus and covers no work. One tab asks; who answered is not asked that again, who took it away is left
 * alone for the cool-down. Texts and colours are those of `<graysync-feedback>`.
 *
 * @example
 * GraySyncSurvey.define()
 * const survey = document.createElement('graysync-survey') as GraySyncSurvey
 * survey.gray = gray
 * document.body.append(survey)
 */
export class GraySyncSurvey extends Base {
  /** Registers the element; once is enough. @default 'graysync-survey' */
  static define(name = 'graysync-survey'): void {
    if (!customElements.get(name)) customElements.define(name, GraySyncSurvey)
  }

  #strings: Partial<FeedbackStrings> = given(this, 'strings', {})
  #words: Wording | null = null
  #gray: SurveyTaker | null = given(this, 'gray', null)
  #stop = () => {}
  #stopWatching = () => {}

  /** Texts in place of the element's own. @default none */
  get strings(): Partial<FeedbackStrings> {
    return this.#strings
  }

  set strings(own: Partial<FeedbackStrings>) {
    this.#strings = own
    this.#speak()
  }

  /** Says when to ask, and takes the answer. @default null: nothing is asked */
  get gray(): SurveyTaker | null {
    return this.#gray
  }

  set gray(gray: SurveyTaker | null) {
    this.#gray = gray
    if (this.isConnected) this.#listen()
  }

  connectedCallback(): void {
    if (!this.shadowRoot) dress(this.attachShadow({ mode: 'open' }), STYLE)
    this.#stopWatching = watchLang(this, () => this.#speak())
    this.#listen()
  }

  disconnectedCallback(): void {
    this.#stop()
    this.#stopWatching()
    this.shadowRoot?.replaceChildren()
  }

  /** Asks, unless this was answered here, another tab asks, or the user is left alone for now. Answers whether it asks. */
  async ask(survey: Survey & Pace): Promise<boolean> {
    const root = this.shadowRoot
    if (!root || root.childElementCount > 0 || !(await claimSurvey(survey))) return false
    if (this.isConnected) root.append(this.#show(survey))
    return true
  }

  #listen(): void {
    this.#stop()
    this.#stop = this.#gray?.on('surveyWanted', (survey) => void this.ask(survey)) ?? (() => {})
  }

  #texts(): FeedbackStrings {
    return stringsOf(langOf(this), this.#strings)
  }

  #speak(): void {
    this.#words?.speak(this.#texts(), langOf(this))
  }

  #show(survey: Survey): HTMLElement {
    const words = createWording(this.#texts(), langOf(this))
    const { say } = words
    this.#words = words
    const choices = SCORES[survey.kind].map((score) => {
      const input = make('input', { type: 'radio', name: 'score', value: String(score) })
      const label = survey.kind === 'csat' ? say(`rating${score as 1}`) : String(score)
      return make('label', {}, input, label)
    })
    const comment = make('textarea', { id: 'comment', maxlength: '2000', rows: '2' })
    const later = make('button', { type: 'button', part: 'later' }, say('notNow'))
    const send = make('button', { type: 'submit', part: 'send' }, say('send'))
    const alert = make('p', { role: 'alert', id: 'alert' })
    const status = make('p', { role: 'status' })
    const question = make(
      'fieldset',
      { role: 'radiogroup', 'aria-labelledby': 'question', 'aria-required': 'true' },
      make('legend', { id: 'question' }, say(survey.kind)),
      make('div', { class: 'choices' }, ...choices),
      make('small', { hidden: survey.kind !== 'nps' }, say('npsLow'), ' · ', say('npsHigh')),
    )
    const complain = (message: keyof FeedbackStrings | null, isAtQuestion: boolean) => {
      question.setAttribute('aria-invalid', String(isAtQuestion))
      if (isAtQuestion) question.setAttribute('aria-describedby', 'alert')
      else question.removeAttribute('aria-describedby')
      alert.replaceChildren(...(message ? [say(message)] : []))
    }
    const form = make(
      'form',
      { novalidate: true },
      question,
      alert,
      make('div', { class: 'field' }, make('label', { for: 'comment' }, say('comment')), comment),
      make('div', { class: 'actions' }, later, send),
    )
    const box = make('section', { part: 'survey', 'aria-labelledby': 'question' }, form, status)
    const close = () => box.remove()
    later.addEventListener('click', close)
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') close()
    })
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const score = new FormData(form).get('score')
      if (score === null) {
        form.querySelector('input')?.focus()
        return complain('needsScore', true)
      }
      complain(null, false)
      this.#answer({
        text: comment.value,
        survey: { id: survey.id, kind: survey.kind, score: Number(score) },
      }).then(
        () => {
          dropSurvey(survey.id)
          const done = make('button', { type: 'button', part: 'close' }, say('close'))
          done.addEventListener('click', close)
          form.replaceWith(make('div', { class: 'actions' }, done))
          status.append(say('saved'))
          done.focus()
        },
        () => complain('failed', false),
      )
    })
    return box
  }

  async #answer(entry: Feedback): Promise<void> {
    if (!this.#gray) throw new TypeError('the survey has no handle')
    await this.#gray.feedback(entry)
  }
}
