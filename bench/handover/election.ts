import { createGraySync } from '../../src/index.js'
import { type CardOp, createEngine } from './engine.js'

/** Joins the tabs of the profile. The answer's `leads` resolves with the epoch ms at which this one runs the engine. */
export async function join(): Promise<{ role: string; leads: Promise<number> }> {
  const gray = createGraySync<CardOp>({
    app: { name: 'bench', version: '1' },
    engines: { legacy: await createEngine('legacy') },
  })
  const leads = new Promise<number>((resolve) => {
    gray.subscribe(() => {
      const state = gray.getSnapshot()
      if (state.phase === 'running' && state.role === 'writer') resolve(Date.now())
    })
  })
  const state = await gray.start()
  return { role: state.phase === 'running' ? state.role : state.phase, leads }
}
