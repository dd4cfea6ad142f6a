/** A block of code in a page, with the language that it names. */
export interface CodeBlock {
  language: string
  code: string
}

/** A page of Markdown, as far as a test asks about it. */
export interface Markdown {
  headings: readonly { level: number; text: string }[]
  /** Cells of every table, without the line beneath the header. */
  tables: readonly (readonly (readonly string[])[])[]
  blocks: readonly CodeBlock[]
  /** Texts between backticks outside of blocks. */
  spans: readonly string[]
  /** Targets of links. */
  links: readonly string[]
}

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm

export function parseMarkdown(text: string): Markdown {
  const blocks = [...text.matchAll(FENCE)].map(([, language = '', code = '']) => ({
    language,
    code,
  }))
  const prose = text.replace(FENCE, '')
  const lines = prose.split('\n')
  return {
    headings: lines.flatMap((line) => {
      const [, marks, title] = /^(#{1,6}) (.+)$/.exec(line) ?? []
      return marks && title ? [{ level: marks.length, text: title }] : []
    }),
    tables: readTables(lines),
    blocks,
    spans: [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span),
    links: [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
  }
}

function readTables(lines: readonly string[]): string[][][] {
  const tables: string[][][] = []
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith('|')) continue
    if (!lines[at - 1]?.startsWith('|')) tables.push([])
    if (!/^[|\s:-]+$/.test(line)) tables.at(-1)?.push(toCells(line))
  }
  return tables
}

function toCells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
