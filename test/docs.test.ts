import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { runRollout } from '../scripts/rollout/command.js'
import { REASONS } from '../src/model/decision.js'
import { ERROR_CODES } from '../src/model/errors.js'
import { type CodeBlock, type Markdown, parseMarkdown } from './support/markdown.js'

const ROOT = resolve(import.meta.dirname, '..')
const READMES = ['README.md', 'README.zh-CN.md'] as const
const PAGES = [...READMES, 'ARCHITECTURE.md', 'SPEC.md', 'CONTRIBUTING.md', 'CHANGELOG.md'] as const

type Page = (typeof PAGES)[number]

const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const pages = Object.fromEntries(PAGES.map((page) => [page, parseMarkdown(textOf(page))])) as {
  [K in Page]: Markdown
}
const manifest: {
  scripts: Readonly<Record<string, string>>
  exports: Readonly<Record<string, unknown>>
} = JSON.parse(textOf('package.json'))
const subpaths = Object.keys(manifest.exports).map((path) => path.replace(/^\./, 'graysync'))

/** A text between backticks that can only mean a file or a folder of this repository. */
const isPath = (span: string): boolean =>
  /^(src|test|examples|scripts|bench|schema|\.ci)\/[\w./-]*$/.test(span) ||
  /^\.?[\w-]+(\.[\w-]+)*\.(md|json|cjs|mjs)$/.test(span)

/** Made when they are first needed, so that no checkout has them. */
const isMade = (span: string): boolean => span === 'keys.json'

const firstCells = (table: Markdown['tables'][number]): string[] =>
  table.slice(1).map(([cell = '']) => cell.replaceAll('`', ''))

const tablesThatBeginWith = (page: Page, first: string): string[][] =>
  pages[page].tables.map(firstCells).filter(([cell]) => cell === first)

describe.each(PAGES)('%s', (page) => {
  const { links, spans, blocks } = pages[page]

  it('links to files that are there', () => {
    const targets = links.filter((target) => !/^https?:/.test(target))
    const dead = targets.filter((target) => {
      const [path = ''] = target.split('#')
      return !existsSync(join(ROOT, dirname(page), path))
    })
    expect(dead).toEqual([])
  })

  it('names files that are there', () => {
    const named = spans.filter((span) => isPath(span) && !isMade(span))
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('names commands that are there', () => {
    const text = [...spans, ...blocks.map(({ code }) => code)].join('\n')
    const commands = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name)
    for (const name of ['start', 'test']) if (text.includes(`npm ${name}`)) commands.push(name)
    expect(commands.filter((name) => !(name in manifest.scripts))).toEqual([])
  })

  it('imports what the package exports', () => {
    const imports = blocks.flatMap(({ code }) =>
      [...code.matchAll(/from '(graysync[^']*)'/g)].map(([, path = '']) => path),
    )
    const named = spans.filter((span) => /^graysync\/[\w./-]+$/.test(span))
    expect([...imports, ...named].filter((path) => !subpaths.includes(path))).toEqual([])
  })
})

describe.each(READMES)('the tables of %s', (page) => {
  it('have every error code, in order', () => {
    expect(tablesThatBeginWith(page, ERROR_CODES[0])).toEqual([[...ERROR_CODES]])
  })

  it('have every reason, in the order of the rules', () => {
    expect(tablesThatBeginWith(page, REASONS[0])).toEqual([[...REASONS]])
  })

  it('have every door', () => {
    const [doors = []] = tablesThatBeginWith(page, 'graysync')
    expect([...doors].sort()).toEqual([...subpaths].sort())
  })

  it('have every variable of the upstream', () => {
    const [names = []] = tablesThatBeginWith(page, 'HOST, PORT')
    const source = textOf('examples/upstream/src/main.ts')
    const read = [...source.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name = '']) => name)
    const told = names.flatMap((cell) => cell.split(', '))
    expect(told.sort()).toEqual([...new Set(read)].sort())
  })

  it('leave no cell empty', () => {
    const cells = pages[page].tables.flat(2)
    expect(cells.length).toBeGreaterThan(0)
    expect(cells.filter((cell) => cell === '')).toEqual([])
  })
})

it('every command of the publisher in the README is one', async () => {
  const { blocks, spans } = pages['README.md']
  const code = blocks.map((block) => block.code).join('\n')
  const commands = [...code.matchAll(/npm run rollout -- (\w+)/g)].map(([, name = '']) => name)
  const options = [...spans.join('\n').matchAll(/--[a-z-]+/g)].map(([option]) => option)
  let help = ''
  await runRollout(['--help'], (line) => {
    help += `${line}\n`
  })
  expect(commands.length).toBeGreaterThan(0)
  expect([...commands, ...options].filter((word) => !help.includes(word))).toEqual([])
})

describe('the two READMEs', () => {
  const shapeOf = ({ headings, tables, blocks }: Markdown) => ({
    headings: headings.map(({ level }) => level),
    tables: tables.map((table) => table.map((row) => row.length)),
    blocks: blocks.map(({ language }) => language),
  })

  it('have the same sections, tables and blocks', () => {
    expect(shapeOf(pages['README.zh-CN.md'])).toEqual(shapeOf(pages['README.md']))
  })

  it('have the same code, comments apart', () => {
    const codeOf = ({ blocks }: Markdown) =>
      blocks.map(({ code }) => code.replace(/\/\/.*$/gm, '//'))
    expect(codeOf(pages['README.zh-CN.md'])).toEqual(codeOf(pages['README.md']))
  })

  it('have the same pairs of marks for figures', () => {
    const marksOf = (page: Page) => textOf(page).match(/<!-- \/?figures:\w+ -->/g)
    expect(marksOf('README.zh-CN.md')).toEqual(marksOf('README.md'))
    expect(marksOf('README.md')).toContain('<!-- figures:decision -->')
  })
})

describe('the examples of the README', () => {
  const { blocks } = pages['README.md']
  const isTyped = ({ language }: CodeBlock) => language === 'ts' || language === 'tsx'

  /** What the examples import of the app that they stand in. */
  const app = {
    'public-key.ts': 'export declare const publicKey: JsonWebKey',
    'cloud-sync.ts': 'export {}',
    'next-sync.ts':
      'export declare function createEngine(send: typeof fetch): { stop(): Promise<void> }',
  }

  it('compile', { timeout: 120_000 }, () => {
    const examples = blocks.filter(isTyped)
    expect(examples.length).toBeGreaterThan(0)
    const [first, ...others] = examples.map(({ language, code }, at) => [
      at === 0 ? 'gray.ts' : `example-${at}.${language}`,
      code,
    ])
    expect(complaintsAbout({ ...app, ...Object.fromEntries([first ?? [], ...others]) })).toEqual([])
  })

  it('would be refused if they were wrong', { timeout: 120_000 }, () => {
    const code = "import { createGraySync } from 'graysync'\ncreateGraySync({ ap: 1 })\n"
    expect(complaintsAbout({ 'wrong.ts': code })).toHaveLength(1)
  })
})

/** Compiles files that exist nowhere, beside the sources, with the options of this repository. */
function complaintsAbout(files: Readonly<Record<string, string>>): string[] {
  const folder = join(ROOT, 'test/example')
  const texts = new Map(Object.entries(files).map(([name, text]) => [join(folder, name), text]))
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT)
  options.paths = {
    graysync: [join(ROOT, 'src/index.ts')],
    'graysync/*': [join(ROOT, 'src/*.ts')],
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.directoryExists = (name) => name === folder || ts.sys.directoryExists(name)
  host.fileExists = (name) => texts.has(name) || fileExists(name)
  host.readFile = (name) => texts.get(name) ?? readFile(name)
  host.getSourceFile = (name, how, ...more) => {
    const text = texts.get(name)
    return text === undefined
      ? getSourceFile(name, how, ...more)
      : ts.createSourceFile(name, text, how)
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  return [...texts.keys()].flatMap((name) => {
    const file = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    )
  })
}

describe('SPEC.md', () => {
  const spec = textOf('SPEC.md')
  const named = [...spec.matchAll(/`([^`]+\.test\.tsx?)` › “([^”]+)”/g)].map(
    ([, file = '', name = '']) => ({ file, name }),
  )
  const invariants = pages['SPEC.md'].tables.flat().filter(([cell]) => /^I\d+$/.test(cell ?? ''))

  it('names tests that are there', () => {
    const isThere = ({ file, name }: (typeof named)[number]) =>
      [`'${name}'`, `\`${name}\``, `"${name}"`].some((title) => textOf(file).includes(title))
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((test) => !isThere(test))).toEqual([])
  })

  it('numbers its invariants without a gap, each with a test', () => {
    expect(invariants.map(([cell]) => cell)).toEqual(invariants.map((_, at) => `I${at + 1}`))
    expect(invariants.filter(([, , tests = '']) => !tests.includes('.test.ts'))).toEqual([])
  })

  it('has the rules in their order', () => {
    const [rules = []] = pages['SPEC.md'].tables.filter(([, first]) =>
      first?.[1]?.includes(REASONS[0]),
    )
    expect(rules.slice(1).map(([, cell = '']) => cell.replaceAll('`', ''))).toEqual([...REASONS])
  })
})

it('ARCHITECTURE.md names every door and every folder of src', () => {
  const { spans } = pages['ARCHITECTURE.md']
  const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  const names = entries.map((entry) => `src/${entry.name}${entry.isDirectory() ? '/' : ''}`)
  expect(names.filter((name) => !spans.includes(name))).toEqual([])
})

it('the license and the changelog name what the package is', () => {
  expect(textOf('LICENSE')).toMatch(/^MIT License\n\nCopyright \(c\) \d{4} graysync contributors\n/)
  expect(textOf('CHANGELOG.md')).toContain('## [Unreleased]')
})
