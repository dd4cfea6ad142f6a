import { defineConfig } from 'vitest/config'

/** The tests that mutants of the engine are held against: those that are fast. */
export default defineConfig({
  test: {
    restoreMocks: true,
    isolate: false,
    include: [
      'test/engine/**/*.test.ts',
      'test/flows/{enqueue,handover,handover-faults,rescue}.test.ts',
      'test/client/{quarantine,sealed}.test.ts',
      'test/dexie/limbo.test.ts',
    ],
    setupFiles: ['test/support/indexeddb.ts'],
  },
})
