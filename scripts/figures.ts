import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatFigures as formatAudit } from '../bench/audit/format.js'
import { formatFigures as formatDecision, type Language } from '../bench/decision/figures.js'
import { formatFigures as formatHandover } from '../bench/handover/figures.js'
import { formatFigures as formatTelemetry } from '../bench/telemetry/figures.js'
import { replaceBetweenMarks } from './figures/marks.js'

/** Measures, and puts what was measured between the marks in the pages that show it; all, or those that are named. */

const ROOT = join(import.meta.dirname, '..')
const PAGES: Readonly<Record<Language, string>> = { en: 'README.md', 'zh-CN': 'README.zh-CN.md' }
const FORMATS: Readonly<Record<string, (json: string, language: Language) => string>> = {
  audit: (json, language) => formatAudit(JSON.parse(json), language),
  decision: (json, language) => formatDecision(JSON.parse(json), language),
  handover: (json, language) => formatHandover(JSON.parse(json), language),
  telemetry: (json, language) => formatTelemetry(JSON.parse(json), language),
}

function measure(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'graysync-figures-'))
  const out = join(folder, 'figures.json')
  try {
    execFileSync('npm', ['run', '--silent', script, '--', '--json', out], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(out, 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const named = process.argv.slice(2)
for (const [name, format] of Object.entries(FORMATS)) {
  if (named.length > 0 && !named.includes(name)) continue
  const json = measure(`bench:${name}`)
  for (const [language, page] of Object.entries(PAGES) as [Language, string][]) {
    const file = join(ROOT, page)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, replaceBetweenMarks(text, name, format(json, language)))
    console.log(`${page}: figures of ${name}`)
  }
}
