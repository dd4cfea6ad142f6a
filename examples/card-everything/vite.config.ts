import { defineConfig, type Plugin, type UserConfig } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { readKeys } from '../../scripts/keys.js'

const UPSTREAM = process.env.UPSTREAM ?? 'http://127.0.0.1:8787'

const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** The policy travels with the page, whoever serves it. The development server needs inline scripts, so not there. */
function contentPolicy(): Plugin {
  return {
    name: 'content-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  }
}

export default defineConfig(async (): Promise<UserConfig> => {
  const { public: keys } = await readKeys()
  const server = { target: UPSTREAM, changeOrigin: false }
  return {
    define: { __GRAYSYNC_KEYS__: JSON.stringify(keys) },
    build: { target: 'es2022', assetsInlineLimit: 0 },
    // The package beside this one changes while both are worked on.
    optimizeDeps: { exclude: ['graysync'], include: ['eventemitter3', 'idb'] },
    server: {
      proxy: { '/api': server, '/rollouts': server, '/v1': server, '/dashboard': server },
    },
    plugins: [
      contentPolicy(),
      VitePWA({
        registerType: 'prompt',
        injectRegister: null,
        includeAssets: ['icon.svg', 'icon-192.png', 'icon-512.png', 'icon-mask-512.png'],
        manifest: {
          id: '/',
          name: 'CardEverything',
          short_name: 'Cards',
          description: 'Knowledge cards that stay with you, online and off.',
          start_url: '/',
          display: 'standalone',
          background_color: '#f6f4ef',
          theme_color: '#0f766e',
          icons: [
            { src: '/icon-192.png', sizes: '192x192', type: 'image/png' },
            { src: '/icon-512.png', sizes: '512x512', type: 'image/png' },
            { src: '/icon.svg', sizes: 'any', type: 'image/svg+xml' },
            { src: '/icon-mask-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
          ],
        },
        workbox: {
          globPatterns: ['**/*.{js,css,html,svg,png,webmanifest}'],
          navigateFallback: '/index.html',
          navigateFallbackDenylist: [/^\/(api|rollouts|v1|dashboard)(\/|$)/],
        },
      }),
    ],
  }
})
