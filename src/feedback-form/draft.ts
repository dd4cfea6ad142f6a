import { mintId } from '../lib/id.js'
import type { Feedback } from '../model/record.js'

const DRAFT = 'graysync.feedback.draft'
const ID = 'graysync.feedback.id'

/** What the user has begun to say. */
export type Draft = Pick<Feedback, 'text' | 'category' | 'rating' | 'severity' | 'contact'>

/** What was begun outlives the page. */
export function readDraft(): Draft {
  try {
    const draft: unknown = JSON.parse(localStorage.getItem(DRAFT) ?? '')
    return isDraft(draft) ? draft : { text: '' }
  } catch {
    return { text: '' }
  }
}

export function keepDraft(draft: Draft): void {
  attempt(() => localStorage.setItem(DRAFT, JSON.stringify(draft)))
}

export function dropDraft(): void {
  attempt(() => localStorage.removeItem(DRAFT))
  attempt(() => sessionStorage.removeItem(ID))
}

/** One id as long as one entry is written, so that two presses are one entry; a tab of its own, so that two tabs are two. */
export function readDraftId(): string {
  const id = attempt(() => sessionStorage.getItem(ID))
  return id ?? mintId(Date.now(), crypto.getRandomValues(new Uint8Array(16)))
}

export function keepDraftId(id: string): void {
  attempt(() => sessionStorage.setItem(ID, id))
}

function isDraft(value: unknown): value is Draft {
  return (
    typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
  )
}

/** A policy may forbid storage: a form without drafts is still a form. */
function attempt<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
