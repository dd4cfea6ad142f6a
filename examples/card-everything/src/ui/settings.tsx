import { useState } from 'react'
import { clearRows, gray, toSubject } from '../gray.js'
import { isUserId, readConsent, readPreference, writePreference, writeUser } from '../session.js'
import { AuditView } from './audit-view.js'
import { answerConsent } from './consent.js'
import { Dialog } from './dialog.js'
import { useGray } from './gray.js'
import { useLanguage, useStrings } from './language.js'
import { ShadowView } from './shadow-view.js'
import type { Language } from './strings.js'

const PREFERENCES = ['none', 'refactored', 'legacy'] as const
const LANGUAGES: Record<Language, string> = { en: 'English', zh: '中文' }

export function Settings({ user, onClose }: { user: string | null; onClose(): void }) {
  const { strings } = useLanguage()
  return (
    <Dialog title={strings.settings} testId="settings" onClose={onClose}>
      <Account user={user} />
      <LanguageChoice />
      <EngineChoice />
      <ConsentChoice />
      <section aria-labelledby="data-heading">
        <h3 id="data-heading">{strings.data}</h3>
        <AuditView user={user} />
        <ShadowView />
        <button type="button" data-testid="support-file" onClick={() => void saveSupportFile()}>
          {strings.supportFile}
        </button>
      </section>
    </Dialog>
  )
}

async function saveSupportFile(): Promise<void> {
  const url = URL.createObjectURL(await gray.supportFile())
  const link = document.createElement('a')
  link.href = url
  link.download = 'card-everything-support.json'
  link.click()
  URL.revokeObjectURL(url)
}

/** Another user starts with empty tables; what is still queued stays with the user who wrote it. */
async function signInAs(user: string | null): Promise<void> {
  await gray.identify(toSubject(user))
  await gray.close()
  writeUser(user)
  await clearRows()
  location.reload()
}

function Account({ user }: { user: string | null }) {
  const strings = useStrings()
  const [bad, setBad] = useState(false)
  const submit = (data: FormData) => {
    const wanted = String(data.get('user')).trim().toLowerCase()
    setBad(!isUserId(wanted))
    if (isUserId(wanted) && wanted !== user) void signInAs(wanted)
  }
  return (
    <section aria-labelledby="account-heading">
      <h3 id="account-heading">{strings.account}</h3>
      {user === null && <p className="hint">{strings.signedOut}</p>}
      <form action={submit}>
        <label>
          {strings.userId}
          <input
            name="user"
            data-testid="user-id"
            spellCheck={false}
            autoComplete="off"
            defaultValue={user ?? ''}
            aria-invalid={bad}
            aria-describedby={bad ? 'bad-user' : undefined}
          />
        </label>
        {bad && (
          <p id="bad-user" role="alert">
            {strings.badUserId}
          </p>
        )}
        <footer className="buttons">
          {user && (
            <button type="button" data-testid="sign-out" onClick={() => void signInAs(null)}>
              {strings.signOut}
            </button>
          )}
          <button type="submit" data-testid="sign-in">
            {strings.signIn}
          </button>
        </footer>
      </form>
    </section>
  )
}

function LanguageChoice() {
  const { strings, language, speak } = useLanguage()
  return (
    <section>
      <label>
        {strings.language}
        <select
          data-testid="language"
          value={language}
          onChange={(event) => speak(event.target.value as Language)}
        >
          {Object.entries(LANGUAGES).map(([value, name]) => (
            <option key={value} value={value} lang={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </section>
  )
}

function EngineChoice() {
  const strings = useStrings()
  const decision = useGray((snapshot) => snapshot.decision)
  const [preference, setPreference] = useState<(typeof PREFERENCES)[number]>(
    readPreference() ?? 'none',
  )
  const choose = (wanted: (typeof PREFERENCES)[number]) => {
    const engine = wanted === 'none' ? null : wanted
    setPreference(wanted)
    writePreference(engine)
    void gray.prefer(engine)
  }
  return (
    <section>
      <fieldset>
        <legend>{strings.syncEngine}</legend>
        {PREFERENCES.map((value) => (
          <label key={value} className="choice">
            <input
              type="radio"
              name="preference"
              data-testid={`prefer-${value}`}
              checked={preference === value}
              onChange={() => choose(value)}
            />
            {strings.preference[value]}
          </label>
        ))}
      </fieldset>
      <p className="hint">{strings.preferenceHint}</p>
      {decision && (
        <details>
          <summary>{strings.why}</summary>
          <ol className="rules" data-testid="explain">
            {decision.explain().map(({ rule, answer, detail }) => (
              <li key={rule}>
                <code>{rule}</code> {answer ? strings.yes : strings.no} {detail}
              </li>
            ))}
          </ol>
        </details>
      )}
    </section>
  )
}

function ConsentChoice() {
  const strings = useStrings()
  const [consent, setConsent] = useState(readConsent)
  return (
    <section>
      <fieldset>
        <legend>{strings.consentTitle}</legend>
        <p className="hint">{strings.consentAsk}</p>
        {(['granted', 'denied'] as const).map((value) => (
          <label key={value} className="choice">
            <input
              type="radio"
              name="consent"
              data-testid={`consent-${value}`}
              checked={consent === value}
              onChange={() => {
                setConsent(value)
                void answerConsent(value)
              }}
            />
            {strings.consent[value]}
          </label>
        ))}
      </fieldset>
    </section>
  )
}
