import { type KeyboardEvent, type ReactNode, useState } from 'react'
import { removeCard, saveCard } from '../data/commands.js'
import type { CardOp, CardRow, Listed, Picture as PictureOf } from '../data/model.js'
import { type Photo, readPhoto } from '../data/photo.js'
import { Dialog } from './dialog.js'
import { toTree } from './filter.js'
import { Icon } from './icon.js'
import { useStrings } from './language.js'
import { Picture } from './picture.js'

export function CardEditor(o: {
  card: CardRow | null
  /** The folder that is open: where a new card goes. */
  folder: string
  rows: Listed
  user: string | null
  run(operations: readonly CardOp[]): void
  onClose(): void
}) {
  const { card, rows, user } = o
  const strings = useStrings()
  const [tags, setTags] = useState<readonly string[]>(card?.frontContent.tags ?? [])
  const [kept, setKept] = useState<readonly PictureOf[]>(card?.frontContent.images ?? [])
  const [added, setAdded] = useState<readonly Photo[]>([])
  const isKnown = (id: string | null | undefined) => rows.folders.some((own) => own.id === id)
  const folderId = card ? card.folderId : o.folder

  const submit = (data: FormData) => {
    const read = (name: string) => String(data.get(name) ?? '').trim()
    const typed = read('tag')
    const draft = {
      title: read('title'),
      text: read('text'),
      answer: read('answer'),
      tags: typed && !tags.includes(typed) ? [...tags, typed] : tags,
      folderId: read('folder') || null,
      kept,
      added,
    }
    o.run(saveCard(draft, card, rows, user))
    o.onClose()
  }

  return (
    <Dialog
      title={card?.frontContent.title || strings.newCard}
      testId="editor"
      forWriting
      onClose={o.onClose}
    >
      <form action={submit} onKeyDown={submitByKey}>
        <label>
          {strings.front}
          <input
            name="title"
            data-testid="card-title"
            maxLength={200}
            defaultValue={card?.frontContent.title ?? ''}
          />
        </label>
        <label>
          {strings.text}
          <textarea
            name="text"
            rows={3}
            data-testid="card-text"
            defaultValue={card?.frontContent.text ?? ''}
          />
        </label>
        <label>
          {strings.answer}
          <textarea
            name="answer"
            rows={3}
            data-testid="card-answer"
            defaultValue={card?.backContent.text ?? ''}
          />
        </label>
        <label>
          {strings.folder}
          <select
            name="folder"
            data-testid="card-folder"
            defaultValue={isKnown(folderId) ? (folderId ?? '') : ''}
          >
            <option value="">{strings.noFolder}</option>
            {toTree(rows.folders).map(({ folder, depth }) => (
              <option key={folder.id} value={folder.id}>
                {'\u2003'.repeat(depth)}
                {folder.name}
              </option>
            ))}
          </select>
        </label>
        <TagField tags={tags} rows={rows} onChange={setTags} />
        <PictureField
          kept={kept}
          added={added}
          onKeep={setKept}
          onAdd={(photos) => setAdded([...added, ...photos])}
          onDrop={(photo) => setAdded(added.filter((own) => own !== photo))}
        />
        <footer className="buttons">
          {card && (
            <button
              type="button"
              className="bad"
              data-testid="delete-card"
              onClick={() => {
                o.run(removeCard(card))
                o.onClose()
              }}
            >
              {strings.remove}
            </button>
          )}
          <button type="button" onClick={o.onClose}>
            {strings.cancel}
          </button>
          <button type="submit" className="main" data-testid="save-card">
            {strings.save}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

function submitByKey(event: KeyboardEvent<HTMLFormElement>): void {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit()
}

function TagField(o: { tags: readonly string[]; rows: Listed; onChange(tags: string[]): void }) {
  const strings = useStrings()
  const add = (event: KeyboardEvent<HTMLInputElement>) => {
    // The Enter that ends the input of a Chinese word is no Enter of the form.
    if (event.key !== 'Enter' || event.ctrlKey || event.metaKey || event.nativeEvent.isComposing) {
      return
    }
    const name = event.currentTarget.value.trim()
    if (!name) return
    event.preventDefault()
    if (!o.tags.includes(name)) o.onChange([...o.tags, name])
    event.currentTarget.value = ''
  }
  return (
    <fieldset>
      <legend>{strings.tags}</legend>
      <div className="chips">
        {o.tags.map((name) => (
          <span className="tag" key={name}>
            {name}
            <button
              type="button"
              className="icon small"
              aria-label={strings.removeTag(name)}
              onClick={() => o.onChange(o.tags.filter((own) => own !== name))}
            >
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          name="tag"
          list="known-tags"
          maxLength={60}
          data-testid="card-tag"
          aria-label={strings.addTag}
          placeholder={strings.addTag}
          onKeyDown={add}
        />
        <datalist id="known-tags">
          {o.rows.tags.map((tag) => (
            <option key={tag.id} value={tag.name} />
          ))}
        </datalist>
      </div>
    </fieldset>
  )
}

function PictureField(o: {
  kept: readonly PictureOf[]
  added: readonly Photo[]
  onKeep(kept: PictureOf[]): void
  onAdd(photos: Photo[]): void
  onDrop(photo: Photo): void
}) {
  const strings = useStrings()
  const [bad, setBad] = useState('')
  const read = async (files: readonly File[]) => {
    setBad('')
    const photos: Photo[] = []
    for (const file of files) {
      try {
        photos.push(await readPhoto(file))
      } catch {
        setBad(file.name)
      }
    }
    o.onAdd(photos)
  }
  return (
    <fieldset>
      <legend>{strings.pictures}</legend>
      <div className="pictures">
        {o.kept.map((picture) => (
          <Thumb
            key={picture.id}
            name={picture.alt}
            onDrop={() => o.onKeep(o.kept.filter((own) => own !== picture))}
          >
            <Picture id={picture.id} name={picture.alt} />
          </Thumb>
        ))}
        {o.added.map((photo) => (
          <Thumb
            key={photo.fileName + photo.size}
            name={photo.fileName}
            onDrop={() => o.onDrop(photo)}
          >
            <img src={photo.data} alt={photo.fileName} />
          </Thumb>
        ))}
        <label className="pick">
          <Icon name="plus" />
          <span>{strings.addPicture}</span>
          <input
            type="file"
            accept="image/*"
            multiple
            data-testid="card-picture"
            onChange={(event) => void read([...(event.target.files ?? [])])}
          />
        </label>
      </div>
      {bad && <p role="alert">{strings.badPicture(bad)}</p>}
    </fieldset>
  )
}

function Thumb(o: { name: string; onDrop(): void; children: ReactNode }) {
  const strings = useStrings()
  return (
    <span className="thumb">
      {o.children}
      <button
        type="button"
        className="icon small"
        aria-label={strings.removePicture(o.name)}
        onClick={o.onDrop}
      >
        <Icon name="close" />
      </button>
    </span>
  )
}
