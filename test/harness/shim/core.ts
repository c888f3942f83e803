/** What all parts of the shim stand on: loud failure, the record of what left the app, the way to the launcher. */
import { connectRpc, type Call, type Methods } from '../rpc.ts'

/** An access that the shim does not know throws; it never answers undefined. */
export function strict<T extends object>(name: string, target: T): T {
  return new Proxy(target, {
    get(object, key, receiver) {
      if (typeof key === 'string' && !(key in object) && !['then', 'toJSON', 'default'].includes(key))
        throw new Error(`harness: electron ${name}.${key} is not modelled`)
      return Reflect.get(object, key, receiver)
    },
  })
}

/** Everything that would have left the app: error boxes, opened folders, notifications. */
export const calls: { what: string; args: unknown[] }[] = []
export const record = (what: string, ...args: unknown[]) => void calls.push({ what, args })

export function preventableEvent<T extends object>(more?: T) {
  return Object.assign(
    {
      defaultPrevented: false,
      preventDefault() {
        this.defaultPrevented = true
      },
    },
    more,
  )
}

/** What the launcher may ask; each part of the shim adds its own. */
export const answers: Methods = { calls: () => calls }
export const launcher: Call = connectRpc(process, answers)
