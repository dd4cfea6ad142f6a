import { useState } from 'react'
import type { CardRow, Listed } from '../data/model.js'
import { CardTile } from './card-tile.js'
import type { Selection } from './filter.js'
import { useStrings } from './language.js'

const PAGE = 60

export function CardList(o: {
  rows: Listed | null
  found: readonly CardRow[]
  selection: Selection
  onEdit(card: CardRow): void
}) {
  const strings = useStrings()
  const [shown, setShown] = useState(PAGE)
  if (!o.rows) return <p className="notice">{strings.reading}</p>
  const { rows, found } = o
  const folder = rows.folders.find((own) => own.id === o.selection.folder)
  const heading =
    folder?.name ?? (o.selection.folder === 'unfiled' ? strings.unfiled : strings.allCards)
  return (
    <section aria-labelledby="cards-heading">
      <header className="list-head">
        <h2 id="cards-heading">{heading}</h2>
        <p
          role="status"
          data-testid="card-count"
          data-count={found.length}
          data-total={rows.cards.length}
        >
          {strings.cardsFound(found.length)}
        </p>
      </header>
      {found.length === 0 && (
        <p className="notice">
          {rows.cards.length === 0 ? strings.nothingYet : strings.nothingFound}
        </p>
      )}
      <ul className="cards" data-testid="card-list">
        {found.slice(0, shown).map((card) => (
          <CardTile key={card.id} card={card} rows={rows} onEdit={() => o.onEdit(card)} />
        ))}
      </ul>
      {found.length > shown && (
        <button type="button" className="more" onClick={() => setShown(shown + PAGE)}>
          {strings.showMore}
        </button>
      )}
    </section>
  )
}
