import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type axe from 'axe-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isPresent } from '../support/presence.js'
import { type FeedbackServer, serveFeedback } from './feedback/server.js'
import { chromium } from './support/chromium.js'
import { firefox } from './support/firefox.js'
import type { Browser, KeyboardTab, Make } from './support/tab.js'
import { webkit } from './support/webkit.js'

declare global {
  interface Window {
    axe: typeof axe
  }
}

const WAIT = { timeout: 20_000, interval: 50 }
const SURVEY = { id: 'recommend', kind: 'nps', coolDownDays: 0, most: 100 } as const
/** Every stop of the form in its order; two facts go along. */
const STOPS = 'text rating file category consent fact fact cancel send'.split(' ')

let server: FeedbackServer

beforeAll(async () => {
  server = await serveFeedback()
})

afterAll(() => server?.close())

for (const make of [chromium, firefox, webkit]) {
  const isHere = isPresent(`The feedback form in ${make.name}`, make.absence)
  describe.skipIf(!isHere)(`in ${make.name}`, () => runInside(make))
}

/** Where the focus is: the id, part or name of the element, `page` and the id outside of form and survey. */
const readFocus = (tab: KeyboardTab): Promise<string> =>
  tab.run(() => {
    const outer = document.activeElement
    const inner = outer?.shadowRoot?.activeElement
    if (!inner) return `page ${outer?.id}`
    const name = inner.id || inner.getAttribute('part') || inner.getAttribute('name')
    return name ?? (inner.matches('[type=checkbox]') ? 'fact' : inner.localName)
  })

const isModal = (tab: KeyboardTab): Promise<boolean> =>
  tab.run(() => window.page.form.shadowRoot?.querySelector('dialog:modal') != null)

/** What the form or the survey says aloud, by the role of the place. */
const readSaid = (tab: KeyboardTab, role: 'alert' | 'status', at: 'form' | 'survey' = 'form') =>
  tab.run(
    (selector, name) => window.page[name].shadowRoot?.querySelector(selector)?.textContent,
    `[role=${role}]`,
    at,
  )

const readViolations = (tab: KeyboardTab): Promise<string[]> =>
  tab.run(async () => {
    // What still fades in has too little contrast.
    const moving = window.page.form.shadowRoot?.getAnimations() ?? []
    await Promise.all(moving.map(({ finished }) => finished))
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)
  })

const ask = (tab: KeyboardTab): Promise<boolean> =>
  tab.run((survey) => window.page.survey.ask(survey), SURVEY)

async function openByKeyboard(tab: KeyboardTab): Promise<void> {
  await tab.run(() => document.getElementById('work')?.focus())
  await tab.press('Tab')
  expect(await readFocus(tab)).toBe('button')
  await tab.press('Enter')
  await expect.poll(() => isModal(tab), WAIT).toBe(true)
}

async function pressTabs(tab: KeyboardTab, times: number): Promise<void> {
  for (let at = 0; at < times; at++) await tab.press('Tab')
}

function runInside(make: Make<KeyboardTab>): void {
  let folder: string
  let browser: Browser<KeyboardTab>
  let tab: KeyboardTab
  let opened = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'graysync-feedback-'))
    browser = await make.launch(folder)
    tab = await browser.openTab()
  })

  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  async function openPage(at: KeyboardTab = tab): Promise<void> {
    // A driver may answer while the page from before is still there.
    const search = `?${++opened}`
    await at.open(`${server.url}${search}`)
    const isHere = (wanted: string) =>
      location.search === wanted && 'page' in window && 'axe' in window
    await expect.poll(() => at.run(isHere, search), WAIT).toBe(true)
  }

  beforeEach(async () => {
    server.records.length = 0
    server.isDown = false
    await openPage()
    await tab.run(() => {
      localStorage.clear()
    })
  })

  afterEach(async () => {
    expect(await tab.run(() => window.page.refused)).toEqual([])
  })

  it('opens by the keyboard as a styled, named, modal dialog, and takes the focus in', async () => {
    await openByKeyboard(tab)
    expect(await readFocus(tab)).toBe('text')
    const shown = await tab.run(() => {
      const { axe, page } = window
      const dialog = page.form.shadowRoot?.querySelector('dialog')
      const form = dialog?.querySelector('form')
      if (!dialog || !form) return null
      axe.setup(document)
      const name = axe.commons.text.accessibleText(dialog)
      axe.teardown()
      return [name, getComputedStyle(form).display]
    })
    expect(shown).toEqual(['Tell us what you think', 'grid'])
  })

  it('lets Tab go round both ways, through every field and never to the page', async () => {
    await openByKeyboard(tab)
    const walk = async (shift: boolean) => {
      const seen: string[] = []
      for (let at = 0; at < STOPS.length; at++) {
        seen.push(await readFocus(tab))
        await tab.press('Tab', { shift })
      }
      return seen
    }
    expect(await walk(false)).toEqual(STOPS)
    expect(await walk(true)).toEqual(['text', ...STOPS.slice(1).reverse()])
    expect(await readFocus(tab)).toBe('text')
  })

  it('closes on Escape, gives the focus back, and keeps what was begun', async () => {
    await openByKeyboard(tab)
    await tab.write('half a thou')
    await tab.press('Escape')
    await expect.poll(() => isModal(tab), WAIT).toBe(false)
    expect(await readFocus(tab)).toBe('button')
    await tab.press('Enter')
    const readText = () =>
      tab.run(() => window.page.form.shadowRoot?.querySelector('textarea')?.value)
    await expect.poll(readText, WAIT).toBe('half a thou')
  })

  it('announces what is wrong, and leads to the field', async () => {
    await openByKeyboard(tab)
    expect(await readSaid(tab, 'alert')).toBe('')
    await tab.press('Tab', { shift: true })
    await tab.press('Enter')
    await expect.poll(() => readSaid(tab, 'alert'), WAIT).toContain('Please write a message')
    expect(await readFocus(tab)).toBe('text')
    const field = await tab.run(() => {
      const text = window.page.form.shadowRoot?.querySelector('textarea')
      const described = text?.getAttribute('aria-describedby') ?? ''
      const alert = window.page.form.shadowRoot?.getElementById(described)
      const isBeside = alert?.parentElement === text?.parentElement
      return [text?.getAttribute('aria-invalid'), alert?.getAttribute('role'), isBeside]
    })
    expect(field).toEqual(['true', 'alert', true])
    expect(await readViolations(tab)).toEqual([])
    expect(server.records).toEqual([])
  })

  it('is filled in and sent by the keyboard alone, thanks aloud, and arrives', async () => {
    await openByKeyboard(tab)
    expect(await readSaid(tab, 'status')).toBe('')
    await tab.write('Cards flicker')
    await tab.press('Tab')
    await tab.press('Space')
    await tab.press('ArrowRight')
    await pressTabs(tab, STOPS.indexOf('send') - STOPS.indexOf('rating'))
    expect(await readFocus(tab)).toBe('send')
    await tab.press('Enter')
    await expect.poll(() => readSaid(tab, 'status'), WAIT).toContain('Saved on this device')
    expect(await readFocus(tab)).toBe('close')
    expect(await readViolations(tab)).toEqual([])
    await tab.press('Enter')
    await expect.poll(() => isModal(tab), WAIT).toBe(false)
    expect(await readFocus(tab)).toBe('button')
    await expect
      .poll(() => server.records.filter(({ lane }) => lane === 'feedback'), WAIT)
      .toMatchObject([{ body: 'Cards flicker', attributes: { 'graysync.feedback.rating': 2 } }])
  })

  describe('sent twice while upstream is away', () => {
    beforeEach(() => {
      server.isDown = true
    })

    const send = (from: KeyboardTab) =>
      from.run(() =>
        window.page.form.shadowRoot?.querySelector<HTMLElement>('[part=send]')?.click(),
      )
    const readSent = () => server.records.filter(({ lane }) => lane === 'feedback')
    const isEmpty = async () => {
      const entries = await tab.run(() => window.page.form.gray?.feedbackEntries?.() ?? [])
      return entries.every(({ state }) => state === 'sent')
    }
    const comeBack = async () => {
      server.isDown = false
      await tab.run(() => void window.dispatchEvent(new Event('online')))
    }

    it('by Enter and clicks at once arrives once', async () => {
      await openByKeyboard(tab)
      await tab.write('Cards flicker')
      await tab.run(() => {
        const { shadowRoot } = window.page.form
        shadowRoot?.querySelector<HTMLElement>('[part=send]')?.click()
        shadowRoot?.querySelector<HTMLElement>('[part=send]')?.click()
        shadowRoot?.querySelector('form')?.requestSubmit()
      })
      await expect.poll(() => readSaid(tab, 'status'), WAIT).toContain('Saved on this device')
      await comeBack()
      await expect.poll(readSent, WAIT).toMatchObject([{ body: 'Cards flicker' }])
      await expect.poll(isEmpty, WAIT).toBe(true)
      expect(readSent()).toHaveLength(1)
    })

    /** Sends what was begun from a second tab, where more may be said, and then from the first; what arrives, by id. */
    const sendFromTwo = async (more: string) => {
      await openByKeyboard(tab)
      await tab.write('Cards')
      const other = await browser.openTab()
      await openPage(other)
      await other.run((added) => {
        const { form } = window.page
        form.open()
        const text = form.shadowRoot?.querySelector('textarea')
        if (!text || added === '') return
        text.value += added
        text.dispatchEvent(new Event('input', { bubbles: true }))
      }, more)
      for (const each of [other, tab]) {
        await send(each)
        await expect.poll(() => readSaid(each, 'status'), WAIT).toContain('Saved on this device')
      }
      await other.close()
      await comeBack()
      await expect.poll(isEmpty, WAIT).toBe(true)
      return [...new Map(readSent().map(({ uid, body }) => [uid, body])).values()].sort()
    }

    it('from two tabs with the same draft arrives once', async () => {
      expect(await sendFromTwo('')).toEqual(['Cards'])
    })

    it('from two tabs and changed in one arrives as two', async () => {
      expect(await sendFromTwo('!')).toEqual(['Cards', 'Cards!'])
    })
  })

  it('forgets on the device at once, and upstream once the network is back after a reload', async () => {
    const say = async () => {
      await tab.run(() => window.page.gray.feedback({ text: 'hello' }))
      await expect.poll(() => server.records.length, WAIT).toBeGreaterThan(0)
      return server.records.splice(0).at(-1)?.attributes['app.installation.id']
    }
    const installation = await say()
    server.isDown = true
    await tab.run(() => window.page.gray.forget())
    await openPage()
    expect(server.erased).toEqual([])
    server.isDown = false
    await tab.run(() => window.dispatchEvent(new Event('online')))
    await expect.poll(() => server.erased, WAIT).toEqual([installation])
    expect(await say()).not.toBe(installation)
    await openPage()
    expect(await say()).not.toBe(installation)
    expect(server.erased.splice(0)).toEqual([installation])
  })

  it('a survey comes without taking the focus, and is answered by the keyboard alone', async () => {
    await tab.run(() => document.getElementById('work')?.focus())
    expect(await ask(tab)).toBe(true)
    expect(await readFocus(tab)).toBe('page work')
    expect(await readViolations(tab)).toEqual([])
    await pressTabs(tab, 5)
    expect(await readFocus(tab)).toBe('send')
    await tab.press('Enter')
    await expect.poll(() => readSaid(tab, 'alert', 'survey'), WAIT).toBe('Please choose an answer.')
    expect(await readViolations(tab)).toEqual([])
    expect(await readFocus(tab)).toBe('score')
    await tab.press('Space')
    await tab.press('ArrowRight')
    await tab.press('Tab')
    await tab.write('too slow')
    await pressTabs(tab, 2)
    expect(await readFocus(tab)).toBe('send')
    await tab.press('Enter')
    await expect.poll(() => readSaid(tab, 'status', 'survey'), WAIT).toContain('Saved on this')
    expect(await readFocus(tab)).toBe('close')
    await tab.press('Enter')
    await expect
      .poll(() => server.records.filter(({ lane }) => lane === 'feedback'), WAIT)
      .toMatchObject([{ body: 'too slow', attributes: { 'graysync.survey.score': 1 } }])
  })

  it.each([
    { view: 'a window at 200 %', path: 'zoomed', letters: '' },
    { view: 'a phone', path: 'phone', letters: '' },
    { view: 'large letters', path: 'phone', letters: '200%' },
  ])('fits $view without scrolling sideways', async ({ path, letters }) => {
    await tab.open(`${server.url}${path}`)
    await expect.poll(() => tab.run(() => window[0] && 'page' in window[0]), WAIT).toBe(true)
    const beyond = await tab.run(
      async (size, asked) => {
        const [frame] = [window[0]]
        if (!frame) return ['no frame']
        frame.document.documentElement.style.fontSize = size
        const { form, survey } = frame.page
        await survey.ask(asked)
        form.open({ category: 'bug', contact: 'ada@example.org' })
        const boxes = [form, survey].flatMap(({ shadowRoot }) => [
          ...(shadowRoot?.querySelectorAll('dialog, section') ?? []),
        ])
        const wide = [frame.document.documentElement, ...boxes].filter(
          ({ scrollWidth, clientWidth }) => scrollWidth > clientWidth,
        )
        const out = boxes.filter((box) => {
          const { left, right, top, bottom } = box.getBoundingClientRect()
          return left < 0 || right > frame.innerWidth || top < 0 || bottom > frame.innerHeight
        })
        return [boxes.length, ...[...wide, ...out].map(({ localName }) => localName)]
      },
      letters,
      SURVEY,
    )
    await openPage()
    expect(beyond).toEqual([2])
  })
}
