import type { Consent as Answer } from 'graysync'
import { useState } from 'react'
import { gray } from '../gray.js'
import { readConsent, writeConsent } from '../session.js'
import { useStrings } from './language.js'

/** Remembers the answer and tells graysync. */
export async function answerConsent(consent: Answer): Promise<void> {
  writeConsent(consent)
  await gray.setConsent(consent)
}

/** Asks once; until then nothing is sent. */
export function Consent() {
  const strings = useStrings()
  const [consent, setConsent] = useState(readConsent)
  if (consent !== 'pending') return null
  const answer = (given: Answer) => {
    setConsent(given)
    void answerConsent(given)
  }
  return (
    <section className="notice ask" aria-label={strings.consentTitle} data-testid="consent">
      <p>{strings.consentAsk}</p>
      <p className="answers">
        <button type="button" data-testid="deny-consent" onClick={() => answer('denied')}>
          {strings.deny}
        </button>
        <button
          type="button"
          className="main"
          data-testid="allow-consent"
          onClick={() => answer('granted')}
        >
          {strings.allow}
        </button>
      </p>
    </section>
  )
}
