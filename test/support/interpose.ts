import { vi } from 'vitest'
import type { ControlDatabase } from '../../src/store/control.js'

/** Has another tab write a fact as soon as this one has read it: ahead of what this one writes in a later transaction. */
export function writeOnceRead(db: ControlDatabase, key: string, value: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const { get } = IDBObjectStore.prototype
    const spy = vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(function (
      this: IDBObjectStore,
      asked,
    ) {
      const request = get.call(this, asked)
      if (this.name !== 'control' || asked !== key) return request
      spy.mockRestore()
      db.put('control', { key, value }).then(() => resolve(), reject)
      return request
    })
  })
}
