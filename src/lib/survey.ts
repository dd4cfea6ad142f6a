/** What the answers to a survey come to. */
export interface SurveyScore {
  answers: number
  /** CSAT: the share of those who chose 4 or 5, 0 to 1. NPS: promoters (9, 10) less detractors (0 to 6), -1 to 1. `null` without answers. */
  score: number | null
}

/**
 * Scores answers of 1 to 5 to how satisfied somebody is: the share of those who are (4 or 5).
 *
 * @example
 * scoreCsat([5, 4, 2]).score // 2 of 3
 */
export function scoreCsat(answers: readonly number[]): SurveyScore {
  return toScore(answers, (answer) => (answer >= 4 ? 1 : 0))
}

/**
 * Scores answers of 0 to 10 to how likely somebody recommends the app: promoters (9, 10) less detractors (0 to 6).
 *
 * @example
 * scoreNps([10, 9, 8, 3]).score // 2 of 4 less 1 of 4
 */
export function scoreNps(answers: readonly number[]): SurveyScore {
  return toScore(answers, (answer) => (answer >= 9 ? 1 : answer <= 6 ? -1 : 0))
}

function toScore(answers: readonly number[], weigh: (answer: number) => number): SurveyScore {
  if (answers.length === 0) return { answers: 0, score: null }
  const sum = answers.reduce((total, answer) => total + weigh(answer), 0)
  return { answers: answers.length, score: sum / answers.length }
}
