import type { Representation, Rollout, Simulation } from '../../src/rollout.js'

/** The state of a rollout, as lines. */
export function describe(rollout: Rollout): string[] {
  const active = rollout.stages.find(({ name }) => name === rollout.stage)
  return [
    `rollout   ${rollout.rollout}, version ${rollout.version} of ${new Date(rollout.issuedAt).toISOString()}`,
    `state     ${stateOf(rollout)}`,
    `stage     ${active ? `${active.name}, ${percent(active.share)}` : 'none has begun'}`,
    `plan      ${rollout.stages.map(({ name, share }) => `${name} ${percent(share)}`).join(', ') || 'no stages'}`,
    ...(rollout.holdout ? [`holdout   ${percent(rollout.holdout)}`] : []),
    ...(rollout.shadow ? [`shadow    ${percent(rollout.shadow.share)}`] : []),
    ...(rollout.resetEpoch ? [`reset     epoch ${rollout.resetEpoch}`] : []),
  ]
}

function stateOf(rollout: Rollout): string {
  if (rollout.kill) return 'KILLED: everybody goes to legacy'
  return rollout.admit === 'held' ? 'halted: nobody new is admitted' : 'open'
}

/** What publishing would change for these subjects. */
export function describeChange(before: Simulation | null, after: Simulation): string {
  const was = before?.refactored ?? 0
  const moved = after.refactored - was
  return `subjects  ${after.subjects}: ${was} admitted to refactored before, ${after.refactored} after (${moved < 0 ? '' : '+'}${moved})`
}

export function warnOfShrinking(before: Rollout | null, after: Rollout): string[] {
  const was = before ? shareOf(before) : 0
  const is = shareOf(after)
  if (is >= was) return []
  const fate = after.onShrink === 'handover' ? 'go back to legacy' : 'stay on refactored'
  return [
    `warning   the share shrinks from ${percent(was)} to ${percent(is)}: those already moved ${fate}`,
  ]
}

function shareOf(rollout: Rollout): number {
  return rollout.stages.find(({ name }) => name === rollout.stage)?.share ?? 0
}

export function describeSimulation(simulation: Simulation): string[] {
  const reasons = Object.entries(simulation.reasons).filter(([, count]) => count > 0)
  return [
    `subjects  ${simulation.subjects}, of which ${simulation.refactored} get refactored now`,
    ...reasons.map(([reason, count]) => `          ${reason.padEnd(18)} ${count}`),
    ...simulation.stages.map(
      ({ name, share, refactored }) =>
        `stage     ${name}, ${percent(share)}: ${refactored} subjects`,
    ),
    ...simulation.attributes.flatMap(describeAttribute),
  ]
}

function describeAttribute({ attribute, skewed, strata, fit, means }: Representation): string[] {
  const figures = fit
    ? `chi-square ${round(fit.chiSquare)} (df ${fit.df}, p ${round(fit.p)}), V ${round(fit.cramersV)}, PSI ${round(fit.psi)} (p ${round(fit.psiP)})`
    : `SMD ${round(means?.smd ?? 0)} (noise ${round(means?.noise ?? 0)})`
  return [
    `attribute ${attribute}: ${skewed ? 'SKEWED' : 'represented'}, ${figures}`,
    ...strata
      .slice(0, 12)
      .map(({ value, subjects, refactored }) => `          ${value}: ${refactored} of ${subjects}`),
  ]
}

/** What the release owner had better know before a stage begins, as lines. */
export function warn(simulation: Simulation, stages: readonly string[]): string[] {
  const small = simulation.stages.filter(
    ({ name, certifiable }) => stages.includes(name) && !certifiable,
  )
  const attributes = simulation.refactored ? simulation.attributes : []
  return [
    ...small.map(
      ({ name, refactored, detectable }) =>
        `warning   stage ${name} has ${refactored} subjects, about 1000 are needed to certify an error rate below 0.5 %: it will end inconclusive; ${
          detectable === null
            ? 'too few to show any rate reliably'
            : `what ${refactored} show reliably is ${detectable} % and above`
        }`,
    ),
    ...attributes
      .filter(({ skewed }) => skewed)
      .map(
        ({ attribute }) => `warning   the cohort does not represent all subjects in ${attribute}`,
      ),
    ...attributes.flatMap(({ attribute, strata }) =>
      strata
        .filter(({ covered }) => !covered)
        .map(
          ({ value, refactored }) =>
            `warning   not covered: ${attribute} ${value}, ${refactored} of at least 30 subjects`,
        ),
    ),
  ]
}

function percent(share: number): string {
  return `${share / 1_000} %`
}

function round(value: number): string {
  return Number(value.toPrecision(3)).toString()
}
