import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react'
import { readLanguage, writeLanguage } from '../session.js'
import { type Language, STRINGS, type Strings } from './strings.js'

interface Speech {
  language: Language
  strings: Strings
  speak(language: Language): void
}

const Context = createContext<Speech>({
  language: 'en',
  strings: STRINGS.en,
  speak: () => {},
})

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(readLanguage)
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  }, [language])
  const speech = useMemo(
    () => ({
      language,
      strings: STRINGS[language],
      speak: (wanted: Language) => {
        writeLanguage(wanted)
        setLanguage(wanted)
      },
    }),
    [language],
  )
  return <Context value={speech}>{children}</Context>
}

export function useStrings(): Strings {
  return use(Context).strings
}

export function useLanguage(): Speech {
  return use(Context)
}
