import { mintId } from '../lib/id.js'
import { DRAFT_NOTE } from '../model/notes.js'
import type { Feedback } from '../model/record.js'

/** What the user has begun to say. */
export type Draft = Pick<Feedback, 'text' | 'category' | 'rating' | 'severity' | 'contact'>

/** The same words have the same id in every tab, so that however often they are sent they are one entry; other words have another. */
export interface Begun {
  id: string
  draft: Draft
}

/** What was begun outlives the page; what is given takes its place. */
export function readBegun(entry: Partial<Draft>): Begun {
  const kept = readKept()
  const draft = { ...(kept?.draft ?? { text: '' }), ...entry }
  return kept && JSON.stringify(kept.draft) === JSON.stringify(draft) ? kept : begin(draft)
}

export function begin(draft: Draft): Begun {
  return { id: mintId(Date.now(), crypto.getRandomValues(new Uint8Array(16))), draft }
}

export function keepBegun(begun: Begun): void {
  attempt(() => localStorage.setItem(DRAFT_NOTE, JSON.stringify(begun)))
}

/** Leaves what another tab has begun since. */
export function dropBegun(id: string): void {
  if (readKept()?.id === id) attempt(() => localStorage.removeItem(DRAFT_NOTE))
}

function readKept(): Begun | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(DRAFT_NOTE) ?? '')
    return isBegun(kept) ? kept : null
  } catch {
    return null
  }
}

function isBegun(value: unknown): value is Begun {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'draft' in value &&
    isDraft(value.draft)
  )
}

function isDraft(value: unknown): value is Draft {
  return (
    typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string'
  )
}

/** A policy may forbid storage: a form without drafts is still a form. */
function attempt(act: () => void): void {
  try {
    act()
  } catch {
    // Nothing is kept.
  }
}
