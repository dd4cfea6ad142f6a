import { TABLES } from '../data/model.js'

/** Whether this build can apply an operation; another one waits in quarantine for a build that can. */
export function knows(op: { entity: string; kind: string }): boolean {
  return (
    (TABLES as readonly string[]).includes(op.entity) && (op.kind === 'put' || op.kind === 'delete')
  )
}
