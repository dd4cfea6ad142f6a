import type { GraySyncFeedback } from 'graysync/feedback-form'
import { useEffect, useRef } from 'react'
import { APP, gray } from '../gray.js'
import { useShownEngine } from './gray.js'
import { Icon } from './icon.js'
import { useLanguage } from './language.js'

/** The button of the form; form and survey are loaded after the app is there. */
export function FeedbackButton() {
  const { strings, language } = useLanguage()
  const engine = useShownEngine()
  const form = useRef<GraySyncFeedback | null>(null)

  useEffect(() => {
    const elements: HTMLElement[] = []
    let isGone = false
    void import('graysync/feedback-form').then(({ GraySyncFeedback, GraySyncSurvey }) => {
      if (isGone) return
      GraySyncFeedback.define()
      GraySyncSurvey.define()
      const made = new GraySyncFeedback()
      const survey = new GraySyncSurvey()
      made.gray = gray
      survey.gray = gray
      // The app's own button opens the form.
      const button = document.createElement('span')
      button.slot = 'button'
      made.append(button)
      elements.push(made, survey)
      document.body.append(...elements)
      form.current = made
    })
    return () => {
      isGone = true
      for (const element of elements) element.remove()
    }
  }, [])

  const open = () => {
    if (!form.current) return
    form.current.context = { version: APP.version, engine: engine ?? 'none', language }
    form.current.open()
  }

  return (
    <button
      type="button"
      className="icon"
      data-testid="open-feedback"
      aria-haspopup="dialog"
      aria-label={strings.feedback}
      onClick={open}
    >
      <Icon name="message" />
    </button>
  )
}
