import { begin, type Draft, dropBegun, keepBegun, readBegun } from './feedback-form/draft.js'
import { Base, dress, given, langOf, make, watchLang } from './feedback-form/element.js'
import { createHistory } from './feedback-form/history.js'
import { type FeedbackStrings, stringsOf } from './feedback-form/strings.js'
import { STYLE } from './feedback-form/style.js'
import { createView, type Facts, type View } from './feedback-form/view.js'
import { createWording, type Wording } from './feedback-form/wording.js'
import type { Feedback, FeedbackEntry } from './model/record.js'

export type { FeedbackStrings } from './feedback-form/strings.js'
export { GraySyncSurvey, type SurveyTaker } from './feedback-form/survey.js'

/** What the form needs of the handle. */
export interface FeedbackTaker {
  feedback(entry: Feedback): Promise<{ id: string; durable?: boolean }>
  /** What was said before. @default none is shown */
  feedbackEntries?(): Promise<readonly FeedbackEntry[]>
}

/**
 * Is `<graysync-feedback>`: a button that opens a form in a modal dialog and hands the entry to the handle.
 *
 * The language is that of the nearest `lang` (English, Chinese, or the host's own `strings`), and follows it. Colours and shape are
 * custom properties: `--graysync-background`, `-color`, `-border`, `-accent`, `-on-accent`, `-error`, `-radius`, `-font`.
 * A button in the slot `button` takes the place of the form's own. What was begun is kept until it is saved.
 * Fires `graysync-feedback` with the id of the entry in `detail` once it is saved.
 *
 * @example
 * GraySyncFeedback.define()
 * const form = document.createElement('graysync-feedback') as GraySyncFeedback
 * form.gray = gray
 * form.context = { version: '5.7.0' }
 * document.body.append(form)
 */
export class GraySyncFeedback extends Base {
  /** Registers the element; once is enough. @default 'graysync-feedback' */
  static define(name = 'graysync-feedback'): void {
    if (!customElements.get(name)) customElements.define(name, GraySyncFeedback)
  }

  /** Takes the entries. @default null: nothing can be sent */
  gray: FeedbackTaker | null = given(this, 'gray', null)
  /** Facts to send along; the user sees each and may take it off. @default none */
  context: Facts = given(this, 'context', {})
  #strings: Partial<FeedbackStrings> = given(this, 'strings', {})
  #view: View | null = null
  #words: Wording | null = null
  #button: HTMLButtonElement | null = null
  #stop = () => {}

  /** Texts in place of the form's own. @default none */
  get strings(): Partial<FeedbackStrings> {
    return this.#strings
  }

  set strings(own: Partial<FeedbackStrings>) {
    this.#strings = own
    this.#speak()
  }

  connectedCallback(): void {
    if (!this.shadowRoot) this.#build(this.attachShadow({ mode: 'open' }))
    this.#stop = watchLang(this, () => this.#speak())
    this.#speak()
  }

  disconnectedCallback(): void {
    this.#stop()
    this.close()
  }

  /** Opens the form; what is given takes the place of what was begun. */
  open(entry: Partial<Draft> = {}): void {
    // The event of a dialog that was closed may be yet to come.
    if (this.#view?.dialog.open || !this.shadowRoot) return
    let begun = readBegun(entry)
    const words = createWording(this.#texts(), langOf(this))
    const view = createView(words, begun.draft, this.context)
    this.#view = view
    this.#words = words
    view.form.addEventListener('input', () => {
      begun = begin(view.draft())
      keepBegun(begun)
    })
    view.form.addEventListener('submit', (event) => {
      event.preventDefault()
      keepBegun(begun)
      void this.#submit(view, begun.id)
    })
    view.dialog.addEventListener('close', () => {
      view.dialog.remove()
      if (this.#view === view) this.#view = null
    })
    this.shadowRoot.append(view.dialog)
    view.dialog.showModal()
    this.#recall(view, words).catch(() => undefined)
  }

  /** Closes the form and keeps what was begun. */
  close(): void {
    this.#view?.dialog.close()
  }

  async #recall(view: View, words: Wording): Promise<void> {
    const entries = (await this.gray?.feedbackEntries?.()) ?? []
    if (entries.length > 0) view.append(createHistory(words, entries))
  }

  #build(root: ShadowRoot): void {
    dress(root, STYLE)
    this.#button = make('button', { type: 'button', part: 'button', 'aria-haspopup': 'dialog' })
    const slot = make('slot', { name: 'button' }, this.#button)
    slot.addEventListener('click', () => this.open())
    root.append(slot)
  }

  #speak(): void {
    const texts = this.#texts()
    if (this.#button) this.#button.textContent = texts.open
    this.#words?.speak(texts, langOf(this))
  }

  #texts(): FeedbackStrings {
    return stringsOf(langOf(this), this.#strings)
  }

  async #submit(view: View, id: string): Promise<void> {
    if (view.isBusy()) return
    const draft = view.draft()
    if (draft.text.trim() === '' && draft.rating === undefined) {
      return view.complain('needsText', 'text')
    }
    if (view.mayContact() && !draft.contact) return view.complain('needsContact', 'contact')
    view.setBusy(true)
    view.complain(null, null)
    try {
      if (!this.gray) throw new TypeError('the form has no handle')
      const file = view.file()
      const entry = { ...draft, context: view.facts(), id, ...(file && { file }) }
      const saved = await this.gray.feedback(entry)
      dropBegun(id)
      view.thank(saved.durable === false ? 'queued' : 'saved')
      this.dispatchEvent(
        new CustomEvent('graysync-feedback', {
          detail: { id: saved.id },
          bubbles: true,
          composed: true,
        }),
      )
    } catch {
      view.complain('failed', null)
    } finally {
      view.setBusy(false)
    }
  }
}
