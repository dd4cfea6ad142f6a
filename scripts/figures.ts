import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Figures, formatFigures, type Language } from '../bench/decision/figures.js'
import { replaceBetweenMarks } from './figures/marks.js'

/** Measures, and puts what was measured between the marks in the pages that show it. */

const ROOT = join(import.meta.dirname, '..')
const PAGES: Readonly<Record<Language, string>> = { en: 'README.md', 'zh-CN': 'README.zh-CN.md' }

function measure(script: string): Figures {
  const folder = mkdtempSync(join(tmpdir(), 'graysync-figures-'))
  const out = join(folder, 'figures.json')
  try {
    execFileSync('npm', ['run', '--silent', script, '--', '--json', out], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return JSON.parse(readFileSync(out, 'utf8')) as Figures
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const figures = measure('bench:decision')
for (const [language, page] of Object.entries(PAGES) as [Language, string][]) {
  const file = join(ROOT, page)
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, replaceBetweenMarks(text, 'decision', formatFigures(figures, language)))
  console.log(`${page}: figures of the decision`)
}
