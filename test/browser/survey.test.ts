import axe from 'axe-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { userEvent } from 'vitest/browser'
import { GraySyncSurvey, type SurveyTaker } from '../../src/feedback-form.js'
import type { Feedback } from '../../src/model/record.js'

const CSAT = { id: 'after-switch', kind: 'csat' } as const
const NPS = { id: 'recommend', kind: 'nps' } as const
type Listener = Parameters<SurveyTaker['on']>[1]

let taken: Feedback[]
let listeners: Set<Listener>
let fail: boolean

const gray: SurveyTaker = {
  async feedback(entry) {
    if (fail) throw new Error('no room')
    taken.push(entry)
    return { id: 'x' }
  },
  on(_type, listener) {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}

beforeEach(() => {
  localStorage.clear()
  taken = []
  listeners = new Set()
  fail = false
  document.documentElement.lang = 'en'
  document.body.innerHTML = '<button id="work">work</button>'
  GraySyncSurvey.define()
})

afterEach(() => {
  document.body.innerHTML = ''
})

function mount(): GraySyncSurvey {
  const element = document.createElement('graysync-survey') as GraySyncSurvey
  element.gray = gray
  document.body.append(element)
  return element
}

const boxOf = (element: GraySyncSurvey) => element.shadowRoot?.querySelector('section') ?? null
function find<E extends HTMLElement>(element: GraySyncSurvey, selector: string): E {
  const found = element.shadowRoot?.querySelector<E>(selector)
  if (!found) throw new Error(`no ${selector}`)
  return found
}

describe('a survey', () => {
  it('comes when the handle wants it, and leaves the focus where it is', async () => {
    const survey = mount()
    document.getElementById('work')?.focus()
    for (const listener of listeners) listener(CSAT)
    await expect.poll(() => boxOf(survey)?.textContent).toContain('How satisfied are you')
    expect(document.activeElement?.id).toBe('work')
    expect((await axe.run(survey)).violations).toEqual([])
  })

  it('hands over score and words, and thanks', async () => {
    const survey = mount()
    await survey.ask(NPS)
    expect(survey.shadowRoot?.querySelectorAll('input[type="radio"]')).toHaveLength(11)
    await userEvent.click(find(survey, 'input[value="0"]'))
    await userEvent.fill(find(survey, 'textarea'), 'too slow')
    await userEvent.click(find(survey, 'button[type="submit"]'))
    await expect.poll(() => find(survey, '[role="status"]').textContent).toContain('Saved on this')
    expect(taken).toEqual([{ text: 'too slow', survey: { ...NPS, score: 0 } }])
    expect(survey.shadowRoot?.activeElement).toBe(find(survey, 'button[part="close"]'))
  })

  it('without a choice sends nothing and leads to the choices', async () => {
    const survey = mount()
    await survey.ask(CSAT)
    await userEvent.click(find(survey, 'button[type="submit"]'))
    expect(taken).toEqual([])
    expect(survey.shadowRoot?.activeElement).toBe(find(survey, 'input'))
    const question = find(survey, '[role="radiogroup"]')
    expect(question.getAttribute('aria-invalid')).toBe('true')
    const alert = find(survey, `#${question.getAttribute('aria-describedby')}`)
    expect([alert.role, alert.textContent]).toEqual(['alert', 'Please choose an answer.'])
  })

  it('that can’t be kept says so, and stays', async () => {
    fail = true
    const survey = mount()
    await survey.ask(CSAT)
    await userEvent.click(find(survey, 'input[value="5"]'))
    await userEvent.click(find(survey, 'button[type="submit"]'))
    await expect.poll(() => find(survey, '[role="alert"]').textContent).toContain('could not be')
    expect(find<HTMLInputElement>(survey, 'input[value="5"]').checked).toBe(true)
  })

  it('goes with Escape or “Not now”', async () => {
    const survey = mount()
    await survey.ask({ ...CSAT, coolDownDays: 0 })
    find(survey, 'input').focus()
    await userEvent.keyboard('{Escape}')
    expect(boxOf(survey)).toBeNull()
    await survey.ask({ ...CSAT, coolDownDays: 0 })
    await userEvent.click(find(survey, 'button[part="later"]'))
    expect(boxOf(survey)).toBeNull()
  })

  it('speaks Chinese where the page does', async () => {
    document.documentElement.lang = 'zh-CN'
    const survey = mount()
    await survey.ask(CSAT)
    expect(find(survey, 'legend').textContent).toBe('您对本应用的满意程度如何？')
  })

  it('that is open follows the language of the page, and keeps the answer', async () => {
    const survey = mount()
    await survey.ask(NPS)
    await userEvent.click(find(survey, 'input[value="7"]'))
    document.documentElement.lang = 'zh-CN'
    const readWords = () => boxOf(survey)?.textContent?.match(/[a-z]+/gi)
    await expect.poll(readWords).toBeNull()
    expect(boxOf(survey)?.textContent).toContain('0：完全不会 · 10：一定会')
    expect(find<HTMLInputElement>(survey, 'input[value="7"]').checked).toBe(true)
    survey.strings = { nps: 'Na?' }
    expect(find(survey, 'legend').textContent).toBe('Na?')
  })
})

describe('somebody', () => {
  it('is asked by one tab only', async () => {
    const [one, two] = [mount(), mount()]
    const asked = await Promise.all([one.ask(CSAT), two.ask(CSAT)])
    expect(asked.filter(Boolean)).toHaveLength(1)
  })

  it('who took a survey away is left alone for the cool-down, with any survey', async () => {
    const survey = mount()
    await survey.ask(CSAT)
    await userEvent.click(find(survey, 'button[part="later"]'))
    expect(await survey.ask(NPS)).toBe(false)
    expect(await survey.ask({ ...NPS, coolDownDays: 0 })).toBe(true)
  })

  it('sees one survey no more often than it says', async () => {
    const survey = mount()
    const asked: boolean[] = []
    for (let at = 0; at < 3; at++) {
      asked.push(await survey.ask({ ...CSAT, coolDownDays: 0, most: 2 }))
      boxOf(survey)?.remove()
    }
    expect(asked).toEqual([true, true, false])
  })

  it('who answered is never asked that again', async () => {
    const survey = mount()
    const always = { ...CSAT, coolDownDays: 0, most: 100 }
    await survey.ask(always)
    await userEvent.click(find(survey, 'input[value="4"]'))
    await userEvent.click(find(survey, 'button[type="submit"]'))
    await expect.poll(() => taken.length).toBe(1)
    await userEvent.click(find(survey, 'button[part="close"]'))
    expect(await survey.ask(always)).toBe(false)
  })
})
