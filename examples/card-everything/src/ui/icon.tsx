const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  menu: 'M4 7h16M4 12h16M4 17h16',
  gear: 'M4 8h9M19 8h1M4 16h1M11 16h9M16 5v6M8 13v6',
  edit: 'M4 20h4L19 9l-4-4L4 16v4zM13 7l4 4',
  flip: 'M4 9a8 8 0 0 1 14-3l2 2M20 4v4h-4M20 15a8 8 0 0 1-14 3l-2-2M4 20v-4h4',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
  folder: 'M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z',
  cards: 'M4 8h12v12H4zM8 8V4h12v12h-4',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4',
  message: 'M4 5h16v11H9l-5 4z',
} as const

export type IconName = keyof typeof PATHS

/** A line drawing beside a word, or inside a button that has a name. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" className="line">
      <path d={PATHS[name]} />
    </svg>
  )
}
