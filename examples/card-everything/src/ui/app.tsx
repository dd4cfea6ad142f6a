import { useEffect, useMemo, useRef, useState } from 'react'
import type { CardOp, CardRow } from '../data/model.js'
import { useRows } from '../data/rows.js'
import { write } from '../gray.js'
import { readUser } from '../session.js'
import { CardEditor } from './card-editor.js'
import { CardList } from './card-list.js'
import { Consent } from './consent.js'
import { DemoSeed } from './demo-seed.js'
import { FeedbackButton } from './feedback.js'
import { filterCards, type Selection } from './filter.js'
import { FolderTree } from './folder-tree.js'
import { useShownEngine } from './gray.js'
import { Icon } from './icon.js'
import { useStrings } from './language.js'
import { Settings } from './settings.js'
import { StatusBar } from './status-bar.js'
import { TagList } from './tag-list.js'
import { Update } from './update.js'

type Open = { kind: 'card'; card: CardRow | null } | { kind: 'settings' }

export function App() {
  const strings = useStrings()
  const user = readUser()
  const rows = useRows(useShownEngine(), user)
  const [selection, setSelection] = useState<Selection>({ folder: 'all', tag: null, query: '' })
  const [open, setOpen] = useState<Open | null>(null)
  const [drawer, setDrawer] = useState(false)
  const [lost, setLost] = useState(false)
  const search = useRef<HTMLInputElement>(null)
  const found = useMemo(() => (rows ? filterCards(rows, selection) : []), [rows, selection])

  const run = (operations: readonly CardOp[]) => {
    setLost(false)
    write(operations).catch(() => setLost(true))
  }
  const select = (change: Partial<Selection>) => {
    setSelection((now) => ({ ...now, ...change }))
    setDrawer(false)
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.ctrlKey || event.metaKey || event.altKey || open) return
      if (target.closest('input, textarea, select, dialog, graysync-feedback, graysync-survey'))
        return
      if (event.key === '/') search.current?.focus()
      else if (event.key === 'n') setOpen({ kind: 'card', card: null })
      else return
      event.preventDefault()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [open])

  return (
    <div className="app">
      <header className="top">
        <button
          type="button"
          className="icon drawer-button"
          aria-label={strings.openFolders}
          aria-expanded={drawer}
          aria-controls="drawer"
          onClick={() => setDrawer(!drawer)}
        >
          <Icon name="menu" />
        </button>
        <h1>{strings.title}</h1>
        <label className="search">
          <Icon name="search" />
          <input
            ref={search}
            type="search"
            data-testid="search"
            aria-label={strings.search}
            placeholder={strings.searchHint}
            value={selection.query}
            onChange={(event) => setSelection({ ...selection, query: event.target.value })}
          />
        </label>
        <FeedbackButton />
        <button
          type="button"
          className="icon"
          data-testid="open-settings"
          aria-label={strings.settings}
          onClick={() => setOpen({ kind: 'settings' })}
        >
          <Icon name="gear" />
        </button>
      </header>

      <div id="drawer" className="side" data-open={drawer}>
        {rows && (
          <>
            <FolderTree rows={rows} user={user} selection={selection} select={select} run={run} />
            <TagList rows={rows} user={user} selection={selection} select={select} run={run} />
          </>
        )}
      </div>
      {drawer && (
        <button
          type="button"
          className="shade"
          aria-label={strings.close}
          onClick={() => setDrawer(false)}
        />
      )}

      <main>
        <Consent />
        <Update />
        {rows && <DemoSeed user={user} />}
        {lost && (
          <p role="alert" className="notice bad">
            {strings.notSaved}
          </p>
        )}
        <CardList
          rows={rows}
          found={found}
          selection={selection}
          onEdit={(card) => setOpen({ kind: 'card', card })}
        />
      </main>

      <div className="bottom">
        <button
          type="button"
          className="new-card"
          data-testid="new-card"
          onClick={() => setOpen({ kind: 'card', card: null })}
        >
          <Icon name="plus" />
          {strings.newCard}
        </button>
        <StatusBar />
      </div>

      {open?.kind === 'card' && rows && (
        <CardEditor
          card={open.card}
          folder={selection.folder}
          rows={rows}
          user={user}
          run={run}
          onClose={() => setOpen(null)}
        />
      )}
      {open?.kind === 'settings' && <Settings user={user} onClose={() => setOpen(null)} />}
    </div>
  )
}
