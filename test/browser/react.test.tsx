import { act, StrictMode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GraySync, Snapshot } from '../../src/model/handle.js'
import { useGraySync } from '../../src/react.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type RowOperation,
} from '../../src/testing.js'

let gray: GraySync<RowOperation>
let root: Root
let page: HTMLElement
let renders = 0

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  gray = createTestClient<RowOperation>(
    { app: { name: 'test', version: '1' }, engines: { legacy: createFakeEngine(['cards']) } },
    createWorld({ indexedDB: null }).tab(),
  )
  page = document.createElement('div')
  root = createRoot(page)
  renders = 0
})

afterEach(async () => {
  await act(async () => root.unmount())
  await gray.close()
})

function Shown({ select }: { select(snapshot: Snapshot): unknown }) {
  renders++
  return <p>{String(useGraySync(gray, select))}</p>
}

const readRunning = (snapshot: Snapshot) => snapshot.running

describe('useGraySync', () => {
  it('shows the selected part and follows it', async () => {
    await act(async () => root.render(<Shown select={readRunning} />))
    expect(page.textContent).toBe('null')
    await act(() => gray.start())
    expect(page.textContent).toBe('legacy')
  })

  it('renders only when the selected part changes', async () => {
    await act(async () => root.render(<Shown select={() => 'constant'} />))
    const before = renders
    await act(() => gray.start())
    expect(gray.getSnapshot().phase).toBe('running')
    expect(renders).toBe(before)
  })

  it('answers by the present selector, also while the snapshot stays', async () => {
    await act(async () => root.render(<Shown select={() => 'one'} />))
    await act(async () => root.render(<Shown select={() => 'two'} />))
    expect(page.textContent).toBe('two')
  })

  it('is safe in StrictMode, with a selector that makes a new value each time', async () => {
    const select = (snapshot: Snapshot) => [snapshot.phase, snapshot.running]
    await act(async () =>
      root.render(
        <StrictMode>
          <Shown select={select} />
        </StrictMode>,
      ),
    )
    await act(() => gray.start())
    expect(page.textContent).toBe('running,legacy')
  })
})
