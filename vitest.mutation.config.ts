import { defineConfig } from 'vitest/config'

/** The tests that mutants of the engine are held against: those that are fast. */
export default defineConfig({
  test: {
    restoreMocks: true,
    isolate: false,
    include: [
      'test/engine/**/*.test.ts',
      'test/flows/{enqueue,handover,handover-faults,rescue,user-change,way-back}.test.ts',
      'test/client/{breaker,handle,quarantine,sealed,sent,session,storage,succession,suspicion}.test.ts',
      'test/dexie/{capture,fence,late-writes,limbo}.test.ts',
      'test/engines/quirky.test.ts',
    ],
    setupFiles: ['test/support/indexeddb.ts'],
  },
})
