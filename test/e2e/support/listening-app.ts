import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tab } from './tab.js'
import { APP_FOLDER } from './upstream.js'

/** Runs in the page before the app. What it notes outlives a reload, and ends with the tab. */
function listen(): void {
  const noted: string[] = JSON.parse(sessionStorage.getItem('complaints') ?? '[]')
  const keep = () => sessionStorage.setItem('complaints', JSON.stringify(noted))
  const note = (complaint: string) => {
    noted.push(complaint)
    keep()
  }
  keep()
  const say = console.error
  console.error = (...said: unknown[]) => {
    note(`console.error: ${said.join(' ')}`)
    say(...said)
  }
  addEventListener('error', (event) => note(`uncaught: ${event.message}`))
  addEventListener('unhandledrejection', (event) => note(`unhandled: ${String(event.reason)}`))
  document.addEventListener('securitypolicyviolation', (event) => {
    note(`against the policy: ${event.violatedDirective} ${event.blockedURI}`)
  })
}

/** Copies the built app, with a script in front of it that notes errors: not every driver tells of them. */
export async function copyListeningApp(folder: string): Promise<void> {
  await cp(APP_FOLDER, folder, { recursive: true })
  const page = join(folder, 'index.html')
  const html = await readFile(page, 'utf8')
  await writeFile(page, html.replace('</title>', '</title><script src="/listen.js"></script>'))
  await writeFile(join(folder, 'listen.js'), `(${listen})()`)
}

/** What went wrong in this tab so far. */
export const readComplaints = (tab: Tab): Promise<string[]> =>
  tab.run(() => JSON.parse(sessionStorage.getItem('complaints') ?? '["nothing listened"]'))
