import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

export default defineConfig({
  test: {
    restoreMocks: true,
    coverage: { provider: 'v8', include: ['src/**'] },
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts', 'examples/*/test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/e2e/**'],
          setupFiles: ['test/support/indexeddb.ts'],
        },
      },
      {
        optimizeDeps: {
          include: [
            '@openfeature/web-sdk',
            'axe-core',
            'dexie',
            'eventemitter3',
            'fake-indexeddb',
            'idb',
            'react',
            'react-dom/client',
            'react/jsx-dev-runtime',
          ],
        },
        test: {
          name: 'chromium',
          // All files share one origin, and with it graysync's databases and locks.
          fileParallelism: false,
          include: ['test/browser/**/*.test.{ts,tsx}', 'test/openfeature.test.ts'],
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath,
                args: ['--no-sandbox', '--disable-background-networking'],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'e2e',
          // A driver of a real browser can lose an order: what fails twice is wrong.
          retry: 1,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
