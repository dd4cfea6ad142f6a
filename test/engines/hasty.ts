/** What an old engine does as soon as its module is loaded: it starts. */
const loads = ((globalThis as { hastyLoads?: number }).hastyLoads ?? 0) + 1
Object.assign(globalThis, { hastyLoads: loads })

export const isSyncing = true
