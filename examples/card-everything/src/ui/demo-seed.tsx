import { useEffect, useState } from 'react'
import { seed } from '../data/commands.js'
import { generateCards } from '../data/generate.js'
import { write } from '../gray.js'
import { useStrings } from './language.js'

const MOST = 5_000
const SEED = 2025

/** `?demo=200` writes 200 generated cards, with their folders, tags and pictures, through graysync. */
function readAmount(): number {
  const amount = Number(new URLSearchParams(location.search).get('demo'))
  return Number.isInteger(amount) ? Math.min(Math.max(amount, 0), MOST) : 0
}

export function DemoSeed({ user }: { user: string | null }) {
  const strings = useStrings()
  const [amount] = useState(readAmount)
  const [progress, setProgress] = useState<{ done: number; total: number } | null>(null)
  const [error, setError] = useState('')

  useEffect(() => {
    if (amount === 0) return
    const stop = new AbortController()
    // A reload does not write them twice.
    history.replaceState(null, '', location.pathname)
    const fill = async () => {
      const operations = seed(generateCards({ seed: SEED, cards: amount }), user)
      for (const [index, operation] of operations.entries()) {
        if (stop.signal.aborted) return
        await write([operation])
        setProgress({ done: index + 1, total: operations.length })
      }
    }
    fill().catch((cause: unknown) => setError(String(cause)))
    return () => stop.abort()
  }, [amount, user])

  if (error) {
    return (
      <p className="notice bad" role="alert">
        {error}
      </p>
    )
  }
  if (!progress || progress.done === progress.total) return null
  return (
    <p className="notice" data-testid="seeding">
      <label>
        {strings.seeding(progress.done, progress.total)}
        <progress value={progress.done} max={progress.total} />
      </label>
    </p>
  )
}
