/** One step of a rule's path: a name, or any name or index. */
export type Step = string | typeof ANY

export const ANY: unique symbol = Symbol('any')

/** The steps of a dotted path, or `null` where a step is empty. */
export function parsePath(path: string): Step[] | null {
  const steps: Step[] = []
  for (const [text] of `${path}.`.matchAll(/((?:\\.|[^\\.])*)\./gs)) {
    const step = text.slice(0, -1)
    if (step === '') return null
    steps.push(step === '*' ? ANY : step.replace(/\\(.)/gs, '$1'))
  }
  return steps.length === 0 ? null : steps
}

/** The dotted path of where a walk stands; a name with a dot or a star in it is told apart. */
export function joinPath(steps: readonly string[]): string {
  return steps.map((step) => (step === '*' ? '\\*' : step.replace(/[\\.]/g, '\\$&'))).join('.')
}

/** Whether every place that `path` can mean lies at or beneath a place that `above` means. */
export function liesBeneath(path: readonly Step[], above: readonly Step[]): boolean {
  return above.length <= path.length && above.every((step, at) => step === ANY || step === path[at])
}
