import { make } from './element.js'
import { ACCEPTED, prepareFile } from './file.js'
import type { Wording } from './wording.js'

/** The field for a file: chosen, or pasted anywhere in the form. */
export interface Attachment {
  field: HTMLElement
  file(): Blob | null
}

/** `refuse` is called for a file that can't be sent. */
export function createAttachment(
  words: Wording,
  form: HTMLElement,
  refuse: () => void,
): Attachment {
  let file: Blob | null = null
  const input = make('input', { type: 'file', id: 'file', accept: ACCEPTED, part: 'file' })
  const name = make('output', { for: 'file' })
  const remove = make('button', { type: 'button', hidden: true }, words.say('removeFile'))
  const show = (text: string) => {
    name.textContent = text
    remove.hidden = file === null
  }
  const drop = () => {
    file = null
    input.value = ''
    show('')
  }
  const take = async (chosen: File | undefined) => {
    if (!chosen) return
    file = await prepareFile(chosen)
    if (file) return show(`${chosen.name} (${Math.ceil(file.size / 1_000)} kB)`)
    drop()
    refuse()
  }
  input.addEventListener('change', () => void take(input.files?.[0]))
  form.addEventListener('paste', (event) => {
    const pasted = event.clipboardData?.files[0]
    if (!pasted) return
    event.preventDefault()
    void take(pasted)
  })
  remove.addEventListener('click', () => {
    drop()
    input.focus()
  })
  const label = make('label', { for: 'file' }, words.say('file'))
  const chosen = make('div', { class: 'chosen' }, name, remove)
  return { field: make('div', { class: 'field' }, label, input, chosen), file: () => file }
}
