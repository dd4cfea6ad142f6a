/// <reference types="vite/client" />
/// <reference types="vite-plugin-pwa/client" />

/** Public keys that rollouts are verified with, put in by the build. */
declare const __GRAYSYNC_KEYS__: readonly JsonWebKey[]
