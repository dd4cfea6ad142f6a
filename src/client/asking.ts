import { bucketOf, FULL_SHARE, isInShare } from '../decision/bucket.js'
import type { PlannedSurvey, Rollout } from '../model/rollout.js'

const ENOUGH_ACKED = 20

/** What may bring up a survey. */
export type Occasion = NonNullable<PlannedSurvey['after']>

/** Says which survey an occasion brings up; each at most once a page. */
export function createAsking(
  rollout: () => Rollout | null,
  installation: () => string,
): (occasion: Occasion) => PlannedSurvey | null {
  const asked = new Set<string>()
  let acked = 0
  return (occasion) => {
    if (occasion === 'acked') acked++
    const newest = rollout()
    const survey = newest?.feedback?.survey
    if (!newest || !survey || asked.has(survey.id)) return null
    const { id, after = 'start', count = ENOUGH_ACKED, sample = FULL_SHARE } = survey
    if (occasion !== after || (after === 'acked' && acked < count)) return null
    if (!isInShare(bucketOf(`${newest.hash.salt}/survey/${id}`, installation()), sample))
      return null
    asked.add(id)
    return survey
  }
}
