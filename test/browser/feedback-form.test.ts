import axe from 'axe-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cdp, userEvent } from 'vitest/browser'
import { type FeedbackStrings, GraySyncFeedback } from '../../src/feedback-form.js'
import type { Feedback } from '../../src/model/record.js'

let form: GraySyncFeedback
let taken: Feedback[]
let fail: boolean

beforeEach(() => {
  localStorage.clear()
  taken = []
  fail = false
  document.documentElement.lang = 'en'
  document.body.innerHTML = '<a href="#x" id="before">before</a><main></main><a href="#y">after</a>'
  GraySyncFeedback.define()
  form = mount()
})

afterEach(() => {
  document.documentElement.dir = ''
  document.body.innerHTML = ''
})

function mount(o: { strings?: Partial<FeedbackStrings> } = {}): GraySyncFeedback {
  const element = document.createElement('graysync-feedback') as GraySyncFeedback
  element.gray = {
    async feedback(entry) {
      if (fail) throw new Error('no room')
      taken.push(entry)
      return { id: entry.id ?? '' }
    },
  }
  if (o.strings) element.strings = o.strings
  document.querySelector('main')?.replaceChildren(element)
  return element
}

function find<E extends HTMLElement = HTMLElement>(selector: string): E {
  const found = form.shadowRoot?.querySelector<E>(selector)
  if (!found) throw new Error(`no ${selector}`)
  return found
}

const dialog = () => form.shadowRoot?.querySelector('dialog') ?? null
const focused = () => form.shadowRoot?.activeElement ?? null
const opener = () => find('button[part="button"]')
const submit = () => userEvent.click(find('button[type="submit"]'))
const status = () => find('[role="status"]').textContent
const alert = () => find('[role="alert"]').textContent

async function isThanked(): Promise<void> {
  await expect.poll(status).toContain('Saved on this device')
}

describe('the dialog', () => {
  it('is modal and named, and takes the focus to the message', async () => {
    await userEvent.click(opener())
    expect(dialog()?.matches(':modal')).toBe(true)
    const title = find(`#${dialog()?.getAttribute('aria-labelledby')}`)
    expect(title.textContent).toBe('Tell us what you think')
    expect(focused()).toBe(find('#text'))
  })

  it('closes on Escape, gives the focus back, and keeps what was begun', async () => {
    opener().focus()
    await userEvent.keyboard('{Enter}')
    await userEvent.keyboard('half a thou')
    await userEvent.keyboard('{Escape}')
    await expect.poll(dialog).toBeNull()
    expect(focused()).toBe(opener())
    await userEvent.keyboard('{Enter}')
    expect(find<HTMLTextAreaElement>('#text').value).toBe('half a thou')
  })

  it('holds the focus: Tab goes round through every field and never to the page', async () => {
    await userEvent.click(opener())
    const seen = new Set<Element | null>()
    for (let i = 0; i < 20; i++) {
      seen.add(focused())
      await userEvent.keyboard('{Tab}')
      expect(document.activeElement).toBe(form)
    }
    expect([...seen]).toEqual(
      expect.arrayContaining([find('#text'), find('#category'), find('button[type="submit"]')]),
    )
    find('#text').focus()
    await userEvent.keyboard('{Shift>}{Tab}{/Shift}')
    expect(focused()).toBe(find('button[type="submit"]'))
    await userEvent.keyboard('{Tab}')
    expect(focused()).toBe(find('#text'))
  })

  it('is opened by a button of the host, and by the host itself, once', async () => {
    const own = document.createElement('button')
    own.slot = 'button'
    own.textContent = 'Say something'
    form.append(own)
    await userEvent.click(own)
    expect(dialog()?.open).toBe(true)
    form.open()
    expect(form.shadowRoot?.querySelectorAll('dialog')).toHaveLength(1)
    form.close()
    await expect.poll(dialog).toBeNull()
    form.open({ text: 'given', category: 'idea' })
    expect(find<HTMLTextAreaElement>('#text').value).toBe('given')
    expect(find<HTMLSelectElement>('#category').value).toBe('idea')
  })

  it('goes with its element', async () => {
    form.open()
    const opened = dialog()
    form.remove()
    await expect.poll(() => opened?.isConnected).toBe(false)
  })
})

describe('an entry', () => {
  it('holds what was chosen and written, and says that it is saved', async () => {
    const heard: unknown[] = []
    document.addEventListener(
      'graysync-feedback',
      (event) => heard.push((event as CustomEvent).detail),
      {
        once: true,
      },
    )
    form.context = { version: '5.7.0', cards: 12 }
    await userEvent.click(opener())
    await userEvent.keyboard('Cards flicker')
    await userEvent.click(find('input[value="2"]'))
    await userEvent.selectOptions(find('#category'), 'bug')
    await userEvent.selectOptions(find('#severity'), 'high')
    await submit()
    await isThanked()
    expect(taken).toEqual([
      {
        text: 'Cards flicker',
        category: 'bug',
        rating: 2,
        severity: 'high',
        context: { version: '5.7.0', cards: 12 },
        id: expect.stringMatching(/^[\w-]{36}$/),
      },
    ])
    expect(heard).toEqual([{ id: taken[0]?.id }])
    expect(focused()).toBe(find('button[part="close"]'))
    await userEvent.keyboard('{Enter}')
    await expect.poll(dialog).toBeNull()
    form.open()
    expect(find<HTMLTextAreaElement>('#text').value).toBe('')
  })

  it('asks how bad only of what is broken', async () => {
    form.open({ text: 'x', category: 'bug', severity: 'high' })
    expect(find('#severity').checkVisibility()).toBe(true)
    await userEvent.selectOptions(find('#category'), 'praise')
    expect(find('#severity').checkVisibility()).toBe(false)
    await submit()
    await isThanked()
    expect(taken[0]).not.toHaveProperty('severity')
  })

  it('leaves out the facts that the user took off', async () => {
    form.context = { version: '5.7.0', page: '/cards' }
    form.open({ text: 'x' })
    const facts = [...(form.shadowRoot?.querySelectorAll('.check') ?? [])].map(
      (label) => label.textContent,
    )
    expect(facts).toEqual(expect.arrayContaining(['version: 5.7.0', 'page: /cards']))
    const page = [...(form.shadowRoot?.querySelectorAll<HTMLElement>('.check') ?? [])].at(-1)
    if (page) await userEvent.click(page)
    await submit()
    await isThanked()
    expect(taken[0]?.context).toEqual({ version: '5.7.0' })
  })

  it('names a contact only with consent, and forgets it when that is taken back', async () => {
    form.open({ text: 'x' })
    expect(find('#contact').checkVisibility()).toBe(false)
    await userEvent.click(find('#consent'))
    await userEvent.fill(find('#contact'), 'ada@example.org')
    expect(localStorage.getItem('graysync.feedback.draft')).toContain('ada@example.org')
    await userEvent.click(find('#consent'))
    expect(localStorage.getItem('graysync.feedback.draft')).not.toContain('ada@example.org')
    await submit()
    await isThanked()
    expect(taken[0]).not.toHaveProperty('contact')
  })

  it('without anything in it says so at the message', async () => {
    form.open()
    await submit()
    expect(alert()).toContain('write a message')
    expect(focused()).toBe(find('#text'))
    expect(find('#text').getAttribute('aria-invalid')).toBe('true')
    expect(find(`#${find('#text').getAttribute('aria-describedby')}`).textContent).toBe(alert())
    await userEvent.click(find('input[value="5"]'))
    await submit()
    await isThanked()
    expect(taken[0]).toMatchObject({ text: '', rating: 5 })
  })

  it('with consent but no contact says so at the contact', async () => {
    form.open({ text: 'x' })
    await userEvent.click(find('#consent'))
    await submit()
    expect(focused()).toBe(find('#contact'))
    expect(taken).toEqual([])
  })

  it('that could not be saved stays, says so, and goes under the same id at the next try', async () => {
    const ids: (string | undefined)[] = []
    form.gray = {
      async feedback(entry) {
        ids.push(entry.id)
        if (ids.length < 3) throw new Error('no room')
        return { id: entry.id ?? '' }
      },
    }
    form.open({ text: 'precious' })
    await submit()
    await expect.poll(alert).toContain('could not be saved')
    await submit()
    await expect.poll(() => ids.length).toBe(2)
    form.close()
    await expect.poll(dialog).toBeNull()
    form.open({ text: 'precious' })
    await submit()
    await isThanked()
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(3)
  })

  it('pressed twice is taken once', async () => {
    let finish = () => {}
    const entries: Feedback[] = []
    form.gray = {
      feedback(entry) {
        entries.push(entry)
        return new Promise((resolve) => {
          finish = () => resolve({ id: 'x' })
        })
      },
    }
    form.open({ text: 'x' })
    find('button[type="submit"]').focus()
    await userEvent.keyboard('{Enter}{Enter}')
    await userEvent.keyboard('{Enter}')
    expect(entries).toHaveLength(1)
    finish()
    await isThanked()
  })

  it('of the next time has another id', async () => {
    for (const text of ['one', 'two']) {
      form.open({ text })
      await submit()
      await isThanked()
      form.close()
      await expect.poll(dialog).toBeNull()
    }
    expect(new Set(taken.map((entry) => entry.id)).size).toBe(2)
  })

  it('does not claim to be on the device when it is not', async () => {
    form.gray = { feedback: async () => ({ id: 'x', durable: false }) }
    form.open({ text: 'x' })
    await submit()
    await expect.poll(status).toContain('while this page is open')
  })

  it('without a handle is not lost either', async () => {
    form.gray = null
    form.open({ text: 'x' })
    await submit()
    await expect.poll(alert).toContain('could not be saved')
  })

  it.each(['{', '[]', 'null', '{"id":"x","draft":{"text":5}}'])(
    'begins empty after a draft of %s',
    (draft) => {
      localStorage.setItem('graysync.feedback.draft', draft)
      form.open()
      expect(find<HTMLTextAreaElement>('#text').value).toBe('')
    },
  )
})

describe('the language', () => {
  it.each([
    ['zh-CN', '反馈', '告诉我们您的想法'],
    ['zh', '反馈', '告诉我们您的想法'],
    ['en-GB', 'Feedback', 'Tell us what you think'],
    ['fi', 'Feedback', 'Tell us what you think'],
  ])('of a page in %s is its own, or English', (lang, open, title) => {
    document.documentElement.lang = lang
    form = mount()
    expect(opener().textContent).toBe(open)
    form.open()
    expect(find('#title').textContent).toBe(title)
  })

  it('of what is open follow the page, and leave what was begun and the focus alone', async () => {
    const entries = [{ id: 'one', at: Date.UTC(2026, 4, 1), state: 'waiting' as const }]
    Object.assign(form.gray ?? {}, { feedbackEntries: async () => entries })
    form.context = { version: '5.7.0' }
    form.open({ category: 'bug' })
    await expect.poll(() => form.shadowRoot?.querySelector('li')).not.toBeNull()
    await userEvent.click(find('#consent'))
    await submit()
    const said = find<HTMLTextAreaElement>('#text')
    await userEvent.fill(said, '写了一半')
    await submit()
    expect([alert(), focused()?.id]).toEqual([expect.stringContaining('how to reach'), 'contact'])
    const readWords = () => form.shadowRoot?.textContent?.match(/[a-z]{2,}/gi) ?? []
    expect(readWords().length).toBeGreaterThan(40)
    document.documentElement.lang = 'zh_CN'
    await expect.poll(readWords).toEqual(['version'])
    expect(alert()).toBe('请填写联系方式，或取消允许联系的勾选。')
    expect([said.value, find('#text'), focused()?.id]).toEqual(['写了一半', said, 'contact'])
    await userEvent.click(find('#consent'))
    await submit()
    await expect.poll(status).toBe('谢谢。已保存在本设备上，将会发送。')
    document.documentElement.lang = 'en'
    await expect.poll(status).toContain('Saved on this device')
    form.strings = { saved: 'Danke.' }
    expect(status()).toBe('Danke.')
  })

  it('are those of the new place where the element is moved', async () => {
    const place = document.createElement('section')
    place.lang = 'zh'
    document.body.append(place)
    place.append(form)
    expect(opener().textContent).toBe('反馈')
    place.lang = 'en'
    await expect.poll(() => opener().textContent).toBe('Feedback')
  })

  it('may be the host’s', () => {
    form = mount({ strings: { open: 'Sag was', title: 'Deine Meinung' } })
    expect(opener().textContent).toBe('Sag was')
    form.open()
    expect(find('#title').textContent).toBe('Deine Meinung')
    expect(find('button[type="submit"]').textContent).toBe('Send')
  })

  it('from right to left turns the form round', () => {
    document.documentElement.dir = 'rtl'
    form.open()
    const [cancel, send] = [find('button[part="cancel"]'), find('button[part="send"]')]
    expect(send.getBoundingClientRect().left).toBeLessThan(cancel.getBoundingClientRect().left)
  })
})

describe('everybody', () => {
  const violations = async () => {
    const { violations: found } = await axe.run(form, { resultTypes: ['violations'] })
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join()}`)
  }

  it.each(['light', 'dark'])('is served by the %s form: axe finds nothing', async (scheme) => {
    document.documentElement.style.colorScheme = scheme
    form.context = { version: '5.7.0' }
    form.open({ category: 'bug' })
    await userEvent.click(find('#consent'))
    await submit()
    expect(await violations()).toEqual([])
    await userEvent.fill(find('#text'), 'x')
    await userEvent.click(find('#consent'))
    await submit()
    await isThanked()
    expect(await violations()).toEqual([])
    document.documentElement.style.colorScheme = ''
  })

  it('reaches targets of at least 24 px', () => {
    form.context = { version: '5.7.0' }
    form.open({ category: 'bug', contact: 'x' })
    const targets = [
      ...(dialog()?.querySelectorAll<HTMLElement>(
        'button:not([hidden]), select, textarea, input[type="file"], summary, label:has(input)',
      ) ?? []),
    ]
    for (const target of targets) {
      expect(target.getBoundingClientRect().height, target.outerHTML).toBeGreaterThanOrEqual(24)
    }
    expect(targets.length).toBeGreaterThan(9)
  })

  it('can use it in a window as narrow as 320 px', () => {
    const frame = document.createElement('iframe')
    frame.width = '320'
    frame.height = '256'
    document.body.append(frame)
    frame.contentDocument?.body.append(form)
    form.open()
    expect(dialog()?.getBoundingClientRect().right).toBeLessThanOrEqual(320)
    expect(dialog()?.scrollWidth).toBeLessThanOrEqual(dialog()?.clientWidth ?? 0)
    frame.remove()
  })

  it('sees borders and focus in forced colours, and no motion when that is reduced', async () => {
    const features = [
      { name: 'forced-colors', value: 'active' },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]
    await cdp().send('Emulation.setEmulatedMedia', { features })
    form.open({ text: 'x' })
    const style = getComputedStyle(find('button[type="submit"]'))
    expect(style.borderTopWidth).toBe('1px')
    expect(style.backgroundColor).not.toBe(style.color)
    expect(getComputedStyle(find('dialog')).animationName).toBe('none')
    await cdp().send('Emulation.setEmulatedMedia', { features: [] })
    expect(getComputedStyle(find('dialog')).animationName).toBe('rise')
  })

  it('sees the colours of the host', () => {
    form.style.setProperty('--graysync-background', 'rgb(1, 2, 3)')
    form.open()
    expect(getComputedStyle(find('dialog')).backgroundColor).toBe('rgb(1, 2, 3)')
  })
})

describe('a file', () => {
  const picture = async (side: number, name = 'shot.png') => {
    const canvas = new OffscreenCanvas(side, side)
    const context = canvas.getContext('2d')
    if (!context) throw new Error('no canvas')
    // Noise, which no format makes small.
    const noise = context.createImageData(side, side)
    for (let at = 0; at < noise.data.length; at += 4) {
      noise.data[at] = (at * 7_919) % 251
      noise.data[at + 1] = (at * 104_729) % 241
      noise.data[at + 3] = 255
    }
    context.putImageData(noise, 0, 0)
    return new File([await canvas.convertToBlob()], name, { type: 'image/png' })
  }
  const choose = (file: File) => userEvent.upload(find('input[type="file"]'), file)
  const shown = () => find('output').textContent

  it('goes along with the entry, under its name', async () => {
    form.open({ text: 'see' })
    await choose(await picture(8))
    await expect.poll(shown).toBe('shot.png (1 kB)')
    await submit()
    await isThanked()
    expect(taken[0]?.file?.type).toBe('image/png')
  })

  it('may be taken off again, which leads back to choosing', async () => {
    form.open({ text: 'see' })
    await choose(await picture(8))
    await expect.poll(shown).not.toBe('')
    await userEvent.click(find('.chosen button'))
    expect([shown(), focused()]).toEqual(['', find('input[type="file"]')])
    await submit()
    await isThanked()
    expect(taken[0]).not.toHaveProperty('file')
  })

  it('that is pasted is taken like a chosen one', async () => {
    form.open({ text: 'see' })
    const clipboardData = new DataTransfer()
    clipboardData.items.add(await picture(8, 'pasted.png'))
    const paste = { clipboardData, bubbles: true, cancelable: true }
    find('textarea').dispatchEvent(new ClipboardEvent('paste', paste))
    await expect.poll(shown).toContain('pasted.png')
  })

  it('is made smaller when it is a large picture', async () => {
    form.open({ text: 'see' })
    const large = await picture(1_800)
    await choose(large)
    await expect.poll(shown, { timeout: 20_000 }).not.toBe('')
    await submit()
    await isThanked()
    const sent = taken[0]?.file
    expect(sent?.size).toBeLessThan(large.size)
    const bitmap = sent && (await createImageBitmap(sent))
    expect([bitmap?.width, bitmap?.height]).toEqual([1_600, 1_600])
  })

  it.each([
    ['page.html', 'text/html', 10],
    ['long.txt', 'text/plain', 5_000_001],
  ])('of a kind or size that can’t be sent is refused aloud: %s', async (name, type, size) => {
    form.open({ text: 'see' })
    await choose(new File([new Uint8Array(size)], name, { type }))
    await expect.poll(alert).toContain('at most 5 MB')
    expect(shown()).toBe('')
  })
})

describe('what was said before', () => {
  const readStates = () =>
    [...(form.shadowRoot?.querySelectorAll('[data-state]') ?? [])].map((state) => state.textContent)

  it.each([
    ['en', ['Not sent', 'Could not be delivered']],
    ['zh-CN', ['未发送', '未能送达']],
  ])('and was given up or refused does not wait for ever (%s)', async (lang, texts) => {
    document.documentElement.lang = lang
    const states = ['refused', 'unsent'] as const
    const entries = states.map((state, at) => ({ id: state, at, state }))
    Object.assign(form.gray ?? {}, { feedbackEntries: async () => entries })
    form.open()
    await expect.poll(readStates).toEqual(texts)
  })

  it('is listed with what became of it, the newest first', async () => {
    const entries = [
      { id: 'one', at: Date.UTC(2026, 4, 1), state: 'sent' as const },
      { id: 'two', at: Date.UTC(2026, 4, 2), state: 'waiting' as const },
    ]
    Object.assign(form.gray ?? {}, { feedbackEntries: async () => entries })
    form.open()
    await expect.poll(() => form.shadowRoot?.querySelectorAll('li').length).toBe(2)
    expect(find('summary').textContent).toBe('What you said before')
    expect(readStates()).toEqual(['Saved here, not sent yet', 'Sent'])
    await expect.poll(async () => (await axe.run(find('dialog'))).violations).toEqual([])
  })
})

describe('a page with a strict policy', () => {
  it('styles the form without a nonce, and nothing is refused', async () => {
    const frame = document.createElement('iframe')
    const source = new URL('../../src/feedback-form.ts', import.meta.url).href
    frame.srcdoc = `<!doctype html><html lang="en"><head>
      <meta http-equiv="Content-Security-Policy"
        content="default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self'; connect-src 'self' ws:; require-trusted-types-for 'script'">
      <script>
        window.refused = []
        document.addEventListener('securitypolicyviolation', (e) => refused.push(e.violatedDirective))
      </script>
      <script type="module">
        import { GraySyncFeedback } from '${source}'
        GraySyncFeedback.define()
        const form = document.createElement('graysync-feedback')
        form.context = { version: '1' }
        document.body.append(form)
        form.open({ category: 'bug' })
        window.form = form
      </script></head><body></body></html>`
    document.body.append(frame)
    const page = () =>
      frame.contentWindow as unknown as { form?: GraySyncFeedback; refused: string[] } | null
    await expect.poll(() => page()?.form?.shadowRoot?.querySelector('dialog')?.open).toBe(true)
    const opened = page()?.form?.shadowRoot?.querySelector('form')
    expect(opened && frame.contentWindow?.getComputedStyle(opened).display).toBe('grid')
    expect(page()?.refused).toEqual([])
  })
})

describe('a class that comes late', () => {
  it('finds what the host has set on the element before', () => {
    const early = document.createElement('late-feedback') as GraySyncFeedback
    const gray = { feedback: async () => ({ id: 'x' }) }
    Object.assign(early, { gray, strings: { open: 'Early' }, context: { a: 1 } })
    document.body.append(early)
    customElements.define('late-feedback', class extends GraySyncFeedback {})
    expect(early.gray).toBe(gray)
    expect(early.context).toEqual({ a: 1 })
    expect(early.shadowRoot?.querySelector('button')?.textContent).toBe('Early')
    early.strings = { open: 'Later' }
    expect(early.shadowRoot?.querySelector('button')?.textContent).toBe('Later')
  })
})
