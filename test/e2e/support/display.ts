import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

const DISPLAY_SERVER = '/usr/bin/Xvfb'
const LIBRARIES = '/usr/lib'

export const miniBrowser: string | null = findMiniBrowser()

/** What of these is not here, and the browser and its display. */
export function findMissing(paths: readonly string[]): string | null {
  const missing = [...paths, DISPLAY_SERVER].filter((path) => !existsSync(path))
  if (!miniBrowser) missing.push('the MiniBrowser of WebKitGTK')
  return missing.length > 0 ? `no ${missing.join(', no ')}` : null
}

/** A display that nobody sees, and the environment for what shows itself on it. */
export async function startDisplay(
  home: string,
): Promise<{ env: NodeJS.ProcessEnv; stop(): Promise<void> }> {
  const server = spawn(
    DISPLAY_SERVER,
    ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  )
  const [name] = await once(server.stdio[3] as Readable, 'data')
  return {
    env: {
      ...process.env,
      DISPLAY: `:${String(name).trim()}`,
      HOME: home,
      GTK_A11Y: 'none',
      LIBGL_ALWAYS_SOFTWARE: '1',
      NO_AT_BRIDGE: '1',
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      WEBKIT_DISABLE_DMABUF_RENDERER: '1',
    },
    async stop() {
      const ended = once(server, 'exit')
      server.kill()
      await ended
    },
  }
}

function findMiniBrowser(): string | null {
  if (!existsSync(LIBRARIES)) return null
  const folders = readdirSync(LIBRARIES).flatMap((triplet) =>
    ['4.1', '4.0'].map((version) => join(LIBRARIES, triplet, `webkit2gtk-${version}`)),
  )
  return folders.map((folder) => join(folder, 'MiniBrowser')).find(existsSync) ?? null
}
