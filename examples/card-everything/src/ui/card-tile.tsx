import { useState } from 'react'
import type { CardRow, Listed } from '../data/model.js'
import { Icon } from './icon.js'
import { useStrings } from './language.js'
import { Picture } from './picture.js'

const TINTS = 5

export function CardTile({ card, rows, onEdit }: { card: CardRow; rows: Listed; onEdit(): void }) {
  const strings = useStrings()
  const [isFlipped, setFlipped] = useState(false)
  const { title, text, tags, images } = card.frontContent
  const name = title || strings.untitled
  const folder = rows.folders.find((own) => own.id === card.folderId)
  const tint = [...card.id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % TINTS
  const [picture] = images
  return (
    <li data-testid="card" data-id={card.id} data-tint={tint}>
      <article aria-label={name}>
        <div className="face">
          <div>
            <h3>{name}</h3>
            {isFlipped ? (
              <p data-testid="card-back">{card.backContent.text || strings.noAnswer}</p>
            ) : (
              text && <p>{text}</p>
            )}
          </div>
          {picture && !isFlipped && <Picture id={picture.id} name={picture.alt} />}
        </div>
        <footer>
          {folder && (
            <span className="filed">
              <Icon name="folder" />
              {folder.name}
            </span>
          )}
          {tags.map((tag) => (
            <span className="tag" key={tag}>
              {tag}
            </span>
          ))}
          <span className="actions">
            <button
              type="button"
              className="icon"
              data-testid="flip-card"
              aria-label={strings.flip(name)}
              aria-pressed={isFlipped}
              onClick={() => setFlipped(!isFlipped)}
            >
              <Icon name="flip" />
            </button>
            <button
              type="button"
              className="icon"
              data-testid="edit-card"
              aria-label={strings.edit(name)}
              onClick={onEdit}
            >
              <Icon name="edit" />
            </button>
          </span>
        </footer>
      </article>
    </li>
  )
}
