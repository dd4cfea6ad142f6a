import type { Feedback } from 'graysync'
import { useState } from 'react'
import { gray } from '../gray.js'
import { Dialog } from './dialog.js'
import { useLanguage } from './language.js'

const CATEGORIES = ['bug', 'idea', 'question', 'praise', 'other'] as const
const RATINGS = [1, 2, 3, 4, 5] as const

export function FeedbackDialog({ onClose }: { onClose(): void }) {
  const { strings, language } = useLanguage()
  const [thanked, setThanked] = useState(false)
  const [error, setError] = useState('')

  const submit = async (data: FormData) => {
    const rating = Number(data.get('rating'))
    const entry: Feedback = {
      text: String(data.get('text')).trim(),
      category: (data.get('category') ?? 'other') as NonNullable<Feedback['category']>,
      ...(rating > 0 ? { rating } : {}),
      context: { language },
    }
    try {
      await gray.feedback(entry)
      setThanked(true)
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause))
    }
  }

  return (
    <Dialog title={strings.feedback} testId="feedback" forWriting onClose={onClose}>
      {thanked ? (
        <p role="status" data-testid="thanks">
          {strings.thanks}
        </p>
      ) : (
        <form action={submit}>
          <label>
            {strings.feedbackText}
            <textarea name="text" rows={5} required maxLength={4_000} data-testid="feedback-text" />
          </label>
          <label>
            {strings.categoryLabel}
            <select name="category" data-testid="feedback-category" defaultValue="idea">
              {CATEGORIES.map((category) => (
                <option key={category} value={category}>
                  {strings.category[category]}
                </option>
              ))}
            </select>
          </label>
          <fieldset>
            <legend>{strings.rating}</legend>
            <div className="rating">
              {RATINGS.map((rating) => (
                <label key={rating}>
                  <input
                    type="radio"
                    name="rating"
                    value={rating}
                    aria-label={strings.stars(rating)}
                  />
                  <span aria-hidden="true">{rating}</span>
                </label>
              ))}
            </div>
          </fieldset>
          {error && <p role="alert">{strings.notSent(error)}</p>}
          <footer className="buttons">
            <button type="button" onClick={onClose}>
              {strings.cancel}
            </button>
            <button type="submit" className="main" data-testid="send-feedback">
              {strings.send}
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  )
}
