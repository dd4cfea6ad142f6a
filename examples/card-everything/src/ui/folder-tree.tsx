import { useMemo, useState } from 'react'
import { addFolder, removeFolder, renameFolder } from '../data/commands.js'
import type { FolderRow } from '../data/model.js'
import { countCards, type Side, toTree } from './filter.js'
import { Icon } from './icon.js'
import { useStrings } from './language.js'

interface Naming {
  folder: FolderRow | null
  parentId: string | null
}

/** The user just asked to type a name. */
const focus = (input: HTMLInputElement | null) => input?.focus()

export function FolderTree({ rows, user, selection, select, run }: Side) {
  const strings = useStrings()
  const [naming, setNaming] = useState<Naming | null>(null)
  const chosen = rows.folders.find((folder) => folder.id === selection.folder)
  const counts = useMemo(() => countCards(rows), [rows])

  const save = (name: string) => {
    if (name && naming?.folder) run([renameFolder(naming.folder, name, user)])
    else if (name && naming) run([addFolder(name, naming.parentId, user)])
    setNaming(null)
  }
  const remove = (folder: FolderRow) => {
    select({ folder: 'all' })
    run(removeFolder(folder, rows, user))
  }

  return (
    <nav aria-label={strings.folders}>
      <header>
        <h2>{strings.folders}</h2>
        {chosen && (
          <>
            <button
              type="button"
              className="icon"
              data-testid="rename-folder"
              aria-label={strings.renameFolder(chosen.name)}
              onClick={() => setNaming({ folder: chosen, parentId: null })}
            >
              <Icon name="edit" />
            </button>
            <button
              type="button"
              className="icon"
              data-testid="delete-folder"
              aria-label={strings.deleteFolder(chosen.name)}
              onClick={() => remove(chosen)}
            >
              <Icon name="trash" />
            </button>
          </>
        )}
        <button
          type="button"
          className="icon"
          data-testid="new-folder"
          aria-label={chosen ? strings.addInside(chosen.name) : strings.newFolder}
          onClick={() => setNaming({ folder: null, parentId: chosen?.id ?? null })}
        >
          <Icon name="plus" />
        </button>
      </header>
      {naming && (
        <form
          className="naming"
          action={(data) => save(String(data.get('name')).trim())}
          onKeyDown={(event) => event.key === 'Escape' && setNaming(null)}
        >
          <input
            ref={focus}
            name="name"
            maxLength={80}
            data-testid="folder-name"
            aria-label={strings.folderName}
            placeholder={strings.folderName}
            defaultValue={naming.folder?.name ?? ''}
          />
          <button type="submit" data-testid="save-folder">
            {strings.save}
          </button>
        </form>
      )}
      <ul data-testid="folders">
        <Entry
          name={strings.allCards}
          count={rows.cards.length}
          chosen={selection.folder === 'all'}
          onChoose={() => select({ folder: 'all' })}
        />
        <Entry
          name={strings.unfiled}
          count={counts.get('unfiled') ?? 0}
          chosen={selection.folder === 'unfiled'}
          onChoose={() => select({ folder: 'unfiled' })}
        />
        {toTree(rows.folders).map(({ folder, depth }) => (
          <Entry
            key={folder.id}
            depth={depth}
            name={folder.name}
            count={counts.get(folder.id) ?? 0}
            chosen={selection.folder === folder.id}
            onChoose={() => select({ folder: folder.id })}
          />
        ))}
      </ul>
    </nav>
  )
}

function Entry(o: {
  name: string
  count: number
  depth?: number
  chosen: boolean
  onChoose(): void
}) {
  return (
    <li data-depth={Math.min(o.depth ?? 0, 6)}>
      <button
        type="button"
        className="entry"
        aria-current={o.chosen ? 'true' : undefined}
        onClick={o.onChoose}
      >
        <Icon name={o.depth === undefined ? 'cards' : 'folder'} />
        <span>{o.name}</span>
        <small>{o.count}</small>
      </button>
    </li>
  )
}
