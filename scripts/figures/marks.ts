/** Puts figures between their marks in a page; throws where the marks are missing. */
export function replaceBetweenMarks(text: string, name: string, figures: string): string {
  const [begin, end] = [`<!-- figures:${name} -->`, `<!-- /figures:${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`no marks ${begin} … ${end}`)
  return `${text.slice(0, from + begin.length)}\n${figures}\n${text.slice(to)}`
}
