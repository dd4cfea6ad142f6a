import { describe, expect, it } from 'vitest'
import { createShadowContext } from '../../src/engine/shadow.js'
import { GraySyncError } from '../../src/model/errors.js'

function rig(answer: () => Response | Promise<Response> = () => new Response('{}')) {
  const ending = new AbortController()
  const seen = { asked: [] as string[], refused: 0, reads: [] as boolean[] }
  const state = { isOver: false }
  const ctx = createShadowContext({
    async fetch(input) {
      const { method, url } = new Request(input)
      seen.asked.push(`${method} ${url}`)
      return answer()
    },
    device: 'device',
    term: 3,
    signal: ending.signal,
    async check() {
      ending.signal.throwIfAborted()
      if (state.isOver) throw new GraySyncError('FENCED', 'over')
    },
    onRefused: () => {
      seen.refused++
    },
    onRead: (answered) => seen.reads.push(answered),
  })
  return { ctx, seen, state, end: () => ending.abort() }
}

const URL = 'https://upstream.test/api'

describe('the way out of an engine in shadow', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'post', 'OPTIONS', 'LOCK'])(
    'is closed to %s',
    async (method) => {
      const { ctx, seen } = rig()
      await expect(ctx.fetch(URL, { method })).rejects.toMatchObject({ code: 'SUSPENDED' })
      await expect(ctx.fetch(new Request(URL, { method }))).rejects.toMatchObject({
        code: 'SUSPENDED',
      })
      expect(seen).toEqual({ asked: [], refused: 2, reads: [] })
    },
  )

  it.each(['GET', 'HEAD'])('is open to %s', async (method) => {
    const { ctx, seen } = rig()
    expect((await ctx.fetch(URL, { method })).ok).toBe(true)
    expect(seen).toEqual({ asked: [`${method} ${URL}`], refused: 0, reads: [true] })
  })

  it('is closed once the shadow is over', async () => {
    const { ctx, seen, state, end } = rig()
    state.isOver = true
    await expect(ctx.fetch(URL)).rejects.toMatchObject({ code: 'FENCED' })
    end()
    await expect(ctx.fetch(URL)).rejects.toMatchObject({ name: 'AbortError' })
    expect(seen.asked).toEqual([])
  })

  it('brings nothing that is answered after the end', async () => {
    let give = (_: Response) => {}
    const { ctx, end, seen } = rig(
      () =>
        new Promise((resolve) => {
          give = resolve
        }),
    )
    const asking = ctx.fetch(URL)
    await expect.poll(() => seen.asked.length).toBe(1)
    end()
    give(new Response('late'))
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('tells which reads were not answered', async () => {
    const answers = [
      () => new Response('', { status: 500 }),
      () => new Response(null, { status: 304 }),
      () => Promise.reject(new TypeError('Failed to fetch')),
    ]
    const { ctx, seen } = rig(() => answers.shift()?.() ?? new Response(''))
    await ctx.fetch(URL)
    await ctx.fetch(URL)
    await expect(ctx.fetch(URL)).rejects.toThrow('Failed to fetch')
    expect(seen.reads).toEqual([false, true, false])
  })

  it('says what it is, and ends nobody’s operations', async () => {
    const { ctx, seen } = rig()
    expect(ctx).toMatchObject({ mode: 'shadow', term: 3, device: 'device' })
    void ctx.ack('a')
    await expect(ctx.ack('a')).rejects.toMatchObject({ code: 'SUSPENDED' })
    await expect(ctx.fail('b', new Error('of the engine'))).rejects.toMatchObject({
      code: 'SUSPENDED',
    })
    expect(seen.refused).toBe(3)
  })
})
