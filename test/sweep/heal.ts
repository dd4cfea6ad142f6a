import type { EngineName } from '../../src/model/operation.js'
import { judge } from './oracle.js'
import type { Client, Trial } from './trial.js'

/** Undoes every fault, lets another tab bring all to rest, and answers what the oracle has to say. */
export async function heal(
  trial: Trial,
  clients: readonly Client[],
  turn: number,
  goal: EngineName,
): Promise<string[]> {
  const { schedule, network } = trial
  network.online = true
  network.weather = () => null
  for (const { tab } of clients) {
    tab.resume()
    tab.onEvent = () => {}
  }
  await schedule.run(() => false, 40_000)
  for (const { tab } of clients) tab.kill()
  const healer = trial.open(goal, turn)
  void healer.gray.start()
  const isAtRest = () => {
    const owner = trial.control()?.owner
    return (
      healer.gray.getSnapshot().running !== null &&
      owner != null &&
      trial.control()?.handover === null &&
      trial.openRows().length === 0 &&
      trial.queueOf(owner).length === 0 &&
      network.underWay === 0
    )
  }
  const calm = await schedule.run(isAtRest, 900_000)
  const wrong = judge(trial)
  const { decision, guarantee, ...snapshot } = healer.gray.getSnapshot()
  if (!calm) wrong.push(`no rest: ${decision?.reason} ${JSON.stringify(snapshot)}`)
  return wrong
}
