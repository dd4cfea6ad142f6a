import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { gray } from './gray.js'
import { onUserChange } from './session.js'
import { App } from './ui/app.js'
import { LanguageProvider } from './ui/language.js'
import './ui/styles.css'

// Rendering never waits for it.
void gray.start()
// Another tab signed in as somebody else: this one would show and send for the wrong user.
onUserChange(() => location.reload())

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider>
        <App />
      </LanguageProvider>
    </StrictMode>,
  )
}
