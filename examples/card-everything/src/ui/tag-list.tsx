import { removeTag } from '../data/commands.js'
import type { Side } from './filter.js'
import { Icon } from './icon.js'
import { useStrings } from './language.js'

export function TagList({ rows, user, selection, select, run }: Side) {
  const strings = useStrings()
  const tags = rows.tags
    .filter((tag) => !tag.isHidden)
    .toSorted((a, b) => a.name.localeCompare(b.name))
  const chosen = tags.find((tag) => tag.name === selection.tag)
  return (
    <nav aria-label={strings.tags}>
      <header>
        <h2>{strings.tags}</h2>
        {chosen && (
          <button
            type="button"
            className="icon"
            data-testid="delete-tag"
            aria-label={strings.deleteTag(chosen.name)}
            onClick={() => {
              select({ tag: null })
              run(removeTag(chosen, rows, user))
            }}
          >
            <Icon name="trash" />
          </button>
        )}
      </header>
      <ul className="tags" data-testid="tags">
        {tags.map((tag) => (
          <li key={tag.id}>
            <button
              type="button"
              className="tag"
              aria-pressed={selection.tag === tag.name}
              onClick={() => select({ tag: selection.tag === tag.name ? null : tag.name })}
            >
              {tag.name}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  )
}
