/** A picture as it is kept with a card: small enough to sync as text. */
export interface Photo {
  fileName: string
  /** Data URL. */
  data: string
  size: number
  width: number
  height: number
  format: string
}

const LONGEST_SIDE = 640
const QUALITY = 0.8

/** Scales a picture file down. Rejects where the browser can't decode it. */
export async function readPhoto(file: File): Promise<Photo> {
  const bitmap = await createImageBitmap(file)
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height))
  const width = Math.max(1, Math.round(bitmap.width * scale))
  const height = Math.max(1, Math.round(bitmap.height * scale))
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, width, height)
  bitmap.close()
  const data = canvas.toDataURL('image/webp', QUALITY)
  const format = data.slice('data:image/'.length, data.indexOf(';'))
  const size = Math.floor((data.length - data.indexOf(',') - 1) * 0.75)
  return { fileName: file.name, data, size, width, height, format }
}
