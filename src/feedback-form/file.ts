import { make } from './element.js'

const LARGEST_BYTES = 5_000_000
const LONGEST_SIDE = 1_600
const TYPES = /^(image\/(png|jpeg|webp|gif)|text\/plain|application\/(json|pdf))$/

export const ACCEPTED = 'image/png,image/jpeg,image/webp,image/gif,text/plain,.json,.pdf'

/** The file as it travels: a large picture is made smaller. `null` where it is of no kind that can be sent, or too large. */
export async function prepareFile(file: Blob): Promise<Blob | null> {
  if (!TYPES.test(file.type)) return null
  // What moves would stand still.
  const isPicture = file.type.startsWith('image/') && file.type !== 'image/gif'
  const smaller = isPicture ? await shrink(file).catch(() => file) : file
  return smaller.size > LARGEST_BYTES ? null : smaller
}

async function shrink(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file)
  try {
    const scale = LONGEST_SIDE / Math.max(picture.width, picture.height)
    if (scale >= 1) return file
    const canvas = make('canvas', {
      width: String(Math.round(picture.width * scale)),
      height: String(Math.round(picture.height * scale)),
    })
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
    // A browser that can't write the type writes PNG.
    const drawn = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/webp', 0.85))
    return drawn && drawn.size < file.size ? drawn : file
  } finally {
    picture.close()
  }
}
