import { usePicture } from '../data/rows.js'
import { useShownEngine } from './gray.js'

/** A picture of a card, as soon as it is on this device. */
export function Picture({ id, name }: { id: string; name: string }) {
  const picture = usePicture(useShownEngine(), id)
  return picture ? <img src={picture.data} alt={name} /> : null
}
