// A select of WebKitGTK paints its longest choice beyond itself: the form clips it, with room for outlines.
export const STYLE = `
:host {
  --background: var(--graysync-background, Canvas);
  --color: var(--graysync-color, CanvasText);
  --border: var(--graysync-border, GrayText);
  --accent: var(--graysync-accent, light-dark(#0b57d0, #a8c7fa));
  --on-accent: var(--graysync-on-accent, light-dark(#fff, #062e6f));
  --error: var(--graysync-error, light-dark(#b3261e, #f2b8b5));
  --radius: var(--graysync-radius, 0.5rem);
  font: var(--graysync-font, inherit);
}
:host([hidden]) { display: none }
*, ::backdrop { box-sizing: border-box }
dialog {
  width: min(32rem, 100vw - 2rem);
  max-height: calc(100dvh - 2rem);
  overflow: auto;
  padding: 1.25rem;
  background: var(--background);
  color: var(--color);
  border: 1px solid var(--border);
  border-radius: var(--radius);
}
section {
  position: fixed;
  inset-block-end: 1rem;
  inset-inline-end: 1rem;
  z-index: 2147483647;
  width: min(26rem, 100vw - 2rem);
  max-height: calc(100dvh - 2rem);
  overflow: auto;
  padding: 1rem;
  background: var(--background);
  color: var(--color);
  border: 1px solid var(--border);
  border-radius: var(--radius);
  box-shadow: 0 0.25rem 1rem rgb(0 0 0 / 0.25);
}
section textarea { min-height: 3.5rem }
::backdrop { background: rgb(0 0 0 / 0.45) }
h2 { margin: 0 0 1rem; font-size: 1.25em }
form { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; margin-inline: -0.5rem; padding-inline: 0.5rem; overflow-x: clip }
fieldset { margin: 0; padding: 0; border: 0; min-width: 0 }
legend { padding: 0; margin-block-end: 0.25rem }
.field { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.25rem }
.choices { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem }
.choices label, .check { display: flex; align-items: center; gap: 0.4rem; min-height: 1.75rem }
.check span { overflow-wrap: anywhere; min-width: 0 }
input, select, textarea, button { font: inherit; color: inherit }
input[type='radio'], input[type='checkbox'] { flex: none; width: 1.25rem; height: 1.25rem; margin: 0; accent-color: var(--accent) }
textarea, select, input[type='text'] {
  width: 100%;
  min-height: 2.5rem;
  padding: 0.5rem;
  background: var(--background);
  border: 1px solid var(--border);
  border-radius: calc(var(--radius) / 2);
}
textarea { min-height: 7rem; resize: vertical }
[aria-invalid='true'] { border-color: var(--error); outline: 1px solid var(--error) }
button {
  min-height: 2.5rem;
  padding: 0.4rem 1rem;
  background: var(--background);
  border: 1px solid var(--border);
  border-radius: calc(var(--radius) / 2);
  cursor: pointer;
}
button[type='submit'] { background: var(--accent); color: var(--on-accent); border-color: var(--accent) }
button[aria-disabled='true'] { opacity: 0.6; cursor: progress }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.chosen { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem }
.chosen output { overflow-wrap: anywhere }
input[type='file'] { width: 100%; min-height: 2rem }
details { margin-block-start: 1rem }
summary { min-height: 1.75rem; cursor: pointer }
details ul { margin: 0; padding: 0; list-style: none }
details li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding-block: 0.25rem }
.actions { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 0.5rem }
[role='alert'] { margin: 0; color: var(--error) }
[role='alert']:empty, [role='status']:empty { display: none }
[role='status'] { margin: 0 0 1rem }
[hidden] { display: none }
@media (prefers-reduced-motion: no-preference) {
  dialog[open] { animation: rise 0.15s ease-out }
  @keyframes rise { from { opacity: 0; transform: translateY(0.5rem) } }
}
@media (forced-colors: active) {
  dialog, button, textarea, select, input { border-color: CanvasText }
  button[type='submit'] { background: ButtonFace; color: ButtonText }
  [aria-invalid='true'] { outline: 2px solid Mark }
  :focus-visible { outline-color: Highlight }
}
`
