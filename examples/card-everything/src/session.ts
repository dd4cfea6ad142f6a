import type { Consent, EngineName } from 'graysync'
import { mintUuid } from './data/uuid.js'

const KEYS = {
  user: 'card-everything:user',
  consent: 'card-everything:consent',
  language: 'card-everything:language',
  engine: 'card-everything:engine',
  preference: 'card-everything:preference',
}

function read(key: keyof typeof KEYS): string | null {
  try {
    return localStorage.getItem(KEYS[key])
  } catch {
    return null
  }
}

function write(key: keyof typeof KEYS, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(KEYS[key])
    else localStorage.setItem(KEYS[key], value)
  } catch {
    // Storage is refused here: the choice holds for this page only.
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The demo signs in by a user id alone. */
export function isUserId(text: string): boolean {
  return UUID.test(text)
}

/** Who is signed in: on the first visit a new user; `null` after signing out. */
export function readUser(): string | null {
  const user = read('user')
  if (user === 'none') return null
  if (user && isUserId(user)) return user
  const fresh = mintUuid()
  write('user', fresh)
  return fresh
}

export function writeUser(user: string | null): void {
  write('user', user ?? 'none')
}

/** Tells when another tab signed in as somebody else. */
export function onUserChange(listener: () => void): void {
  addEventListener('storage', (event) => {
    if (event.key === KEYS.user && event.oldValue !== null) listener()
  })
}

export function readConsent(): Consent {
  const consent = read('consent')
  return consent === 'granted' || consent === 'denied' ? consent : 'pending'
}

export function writeConsent(consent: Consent): void {
  write('consent', consent)
}

export function readLanguage(): 'en' | 'zh' {
  const language = read('language') ?? navigator.language
  return language.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

export function writeLanguage(language: 'en' | 'zh'): void {
  write('language', language)
}

function toEngine(text: string | null): EngineName | null {
  return text === 'legacy' || text === 'refactored' ? text : null
}

/** The engine whose rows were shown last: shown again until the handle knows better. */
export function readEngine(): EngineName {
  return toEngine(read('engine')) ?? 'legacy'
}

export function writeEngine(engine: EngineName): void {
  write('engine', engine)
}

export function readPreference(): EngineName | null {
  return toEngine(read('preference'))
}

export function writePreference(engine: EngineName | null): void {
  write('preference', engine)
}
