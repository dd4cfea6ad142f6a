/** Makes an element. Nothing is parsed, so no policy about markup applies. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | boolean>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children)
  return element
}

/** What a host has set on the element before the class was there. */
export function given<T>(element: object, name: string, fallback: T): T {
  if (!Object.hasOwn(element, name)) return fallback
  const value: T = Reflect.get(element, name)
  Reflect.deleteProperty(element, name)
  return value
}

// On a server there is nothing to extend; the class can still be imported.
export const Base: typeof HTMLElement =
  globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement)

/** The language of the place where an element stands. */
export function langOf(element: HTMLElement): string {
  return element.closest('[lang]')?.getAttribute('lang') ?? document.documentElement.lang
}

/** Tells when the language of that place may be another; ends by what it returns. */
export function watchLang(element: HTMLElement, tell: () => void): () => void {
  const observer = new MutationObserver(tell)
  for (const root of new Set([element.ownerDocument, element.getRootNode()])) {
    observer.observe(root, { subtree: true, attributeFilter: ['lang'] })
  }
  return () => observer.disconnect()
}

export function dress(root: ShadowRoot, style: string): void {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(style)
  root.adoptedStyleSheets = [sheet]
}
