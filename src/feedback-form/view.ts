import type { Feedback } from '../model/record.js'
import { createAttachment } from './attachment.js'
import type { Draft } from './draft.js'
import { make } from './element.js'
import type { FeedbackStrings } from './strings.js'
import type { Wording } from './wording.js'

export type Facts = Readonly<Record<string, string | number | boolean>>

const CATEGORIES = ['bug', 'idea', 'question', 'praise', 'other'] as const
const SEVERITIES = ['low', 'medium', 'high'] as const
const RATINGS = [1, 2, 3, 4, 5] as const

/** The dialog, and what the user has put into it. */
export interface View {
  dialog: HTMLDialogElement
  form: HTMLFormElement
  draft(): Draft
  /** The facts that the user left in. */
  facts(): Facts
  mayContact(): boolean
  file(): Blob | null
  /** Puts what was said before under the form. */
  append(history: HTMLElement): void
  /** Says what is wrong, and leads to it. */
  complain(message: keyof FeedbackStrings | null, at: 'text' | 'contact' | null): void
  isBusy(): boolean
  setBusy(isBusy: boolean): void
  /** Thanks the user in the place of the form. */
  thank(message: keyof FeedbackStrings): void
}

export function createView(words: Wording, draft: Draft, context: Facts): View {
  const { say } = words
  const text = make('textarea', { id: 'text', maxlength: '10000', autofocus: true })
  const category = make('select', { id: 'category' })
  const severity = make('select', { id: 'severity' })
  const consent = make('input', { type: 'checkbox', id: 'consent' })
  const contact = make('input', {
    type: 'text',
    id: 'contact',
    maxlength: '254',
    autocomplete: 'email',
  })
  const ratings = RATINGS.map((value) =>
    make('input', { type: 'radio', name: 'rating', value: String(value) }),
  )
  const facts = Object.entries(context).map(
    ([name, value]) => [name, value, make('input', { type: 'checkbox' })] as const,
  )
  const alert = make('p', { role: 'alert', id: 'alert' })
  const status = make('p', { role: 'status' })
  const send = make('button', { type: 'submit', part: 'send' }, say('send'))
  const cancel = make('button', { type: 'button', part: 'cancel' }, say('cancel'))

  category.append(...CATEGORIES.map((name) => make('option', { value: name }, say(name))))
  severity.append(
    make('option', { value: '' }, '—'),
    ...SEVERITIES.map((name) => make('option', { value: name }, say(name))),
  )
  const textField = field(say('text'), text)
  const severityField = field(say('severity'), severity)
  const contactField = field(say('contact'), contact)
  const rating = make(
    'fieldset',
    {},
    make('legend', {}, say('rating')),
    make(
      'div',
      { class: 'choices' },
      ...ratings.map((input, index) =>
        make('label', {}, input, say(`rating${RATINGS[index] ?? 1}`)),
      ),
    ),
  )
  const along = make(
    'fieldset',
    { hidden: facts.length === 0 },
    make('legend', {}, say('context')),
    ...facts.map(([name, value, input]) => check(input, `${name}: ${value}`)),
  )
  const actions = make('div', { class: 'actions' }, cancel, send)
  const form = make(
    'form',
    { novalidate: true },
    textField,
    rating,
    field(say('category'), category),
    severityField,
    check(consent, say('mayContact')),
    contactField,
    along,
    alert,
    actions,
  )
  const attachment = createAttachment(words, form, () => alert.replaceChildren(say('fileRefused')))
  rating.after(attachment.field)
  const title = make('h2', { id: 'title' }, say('title'))
  const dialog = make('dialog', { 'aria-labelledby': 'title', part: 'dialog' }, title, status, form)

  text.value = draft.text
  category.value = draft.category ?? 'other'
  severity.value = draft.severity ?? ''
  contact.value = draft.contact ?? ''
  consent.checked = contact.value !== ''
  for (const input of ratings) input.checked = Number(input.value) === draft.rating
  for (const [, , input] of facts) input.checked = true
  const arrange = () => {
    severityField.hidden = category.value !== 'bug'
    contactField.hidden = !consent.checked
  }
  arrange()
  form.addEventListener('input', arrange)
  cancel.addEventListener('click', () => dialog.close())
  wrapFocus(dialog)

  return {
    dialog,
    form,
    draft: () => {
      const rated = ratings.find((input) => input.checked)
      const isBug = category.value === 'bug' && severity.value !== ''
      return {
        text: text.value,
        category: category.value as NonNullable<Feedback['category']>,
        ...(rated && { rating: Number(rated.value) }),
        ...(isBug && { severity: severity.value as NonNullable<Feedback['severity']> }),
        ...(consent.checked && contact.value.trim() !== '' && { contact: contact.value.trim() }),
      }
    },
    facts: () =>
      Object.fromEntries(
        facts.flatMap(([name, value, input]) => (input.checked ? [[name, value]] : [])),
      ),
    mayContact: () => consent.checked,
    file: attachment.file,
    append: (history) => dialog.append(history),
    complain(message, at) {
      // Next to what it is about, so that both are in sight on a phone.
      actions.before(alert)
      for (const [input, place, name] of [
        [text, textField, 'text'],
        [contact, contactField, 'contact'],
      ] as const) {
        input.removeAttribute('aria-describedby')
        input.setAttribute('aria-invalid', String(name === at))
        if (name !== at) continue
        place.append(alert)
        input.setAttribute('aria-describedby', 'alert')
        input.focus()
      }
      alert.replaceChildren(...(message ? [say(message)] : []))
    },
    isBusy: () => send.getAttribute('aria-disabled') === 'true',
    setBusy: (isBusy) => send.setAttribute('aria-disabled', String(isBusy)),
    thank(message) {
      const close = make('button', { type: 'button', part: 'close' }, say('close'))
      close.addEventListener('click', () => dialog.close())
      form.replaceWith(make('div', { class: 'actions' }, close))
      status.append(say(message))
      close.focus()
    },
  }
}

function field(label: Node, input: HTMLElement): HTMLElement {
  return make('div', { class: 'field' }, make('label', { for: input.id }, label), input)
}

function check(input: HTMLInputElement, label: Node | string): HTMLElement {
  return make('label', { class: 'check' }, input, make('span', {}, label))
}

/** A modal dialog keeps the page out of reach, but Tab still leads into the browser's own bar. */
function wrapFocus(dialog: HTMLDialogElement): void {
  dialog.addEventListener('keydown', (event) => {
    // WebKitGTK names Shift+Tab by its place on the keyboard only.
    if (event.key !== 'Tab' && event.code !== 'Tab') return
    const stops = [
      ...dialog.querySelectorAll<HTMLElement>('textarea, select, input, button, summary'),
    ]
    const seen = stops.filter((stop) => stop.getClientRects().length > 0)
    const [from, to] = event.shiftKey ? [seen[0], seen.at(-1)] : [seen.at(-1), seen[0]]
    if (event.target !== from) return
    event.preventDefault()
    to?.focus()
  })
}
