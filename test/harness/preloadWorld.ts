/**
 * What a sandboxed preload finds around it, in a page: `require('electron')` with contextBridge, ipcRenderer, webUtils.
 * `runPreload` is sent to the page as text, so it stands on nothing outside itself.
 */

export interface PreloadSetup {
  /** The preload's compiled source. */
  source: string
  versions: Record<string, string>
}

export function runPreload({ source, versions }: PreloadSetup): void {
  if (window !== window.top || source === '') return
  const page = window as any
  const send: (message: object) => Promise<any> = page.harnessMessage
  delete page.harnessMessage
  const listeners = new Map<string, ((...args: any[]) => void)[]>()

  const clone = (value: unknown) => {
    try {
      return structuredClone(value)
    } catch {
      throw new Error('An object could not be cloned.')
    }
  }
  /** See bytes.ts. */
  const unpack = (value: any): any => {
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value)) return value.map(unpack)
    if (typeof value.harnessBytes === 'string')
      return Uint8Array.from(atob(value.harnessBytes), (c) => c.charCodeAt(0)).buffer
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpack(each)]))
  }
  const ipcRenderer = {
    invoke: async (channel: string, ...args: unknown[]) => {
      const { error, value } = await send({ kind: 'invoke', channel, args: clone(args) })
      if (error !== undefined) throw new Error(error)
      return unpack(value)
    },
    send: (channel: string, ...args: unknown[]) => void send({ kind: 'send', channel, args: clone(args) }),
    on(channel: string, listener: (...args: any[]) => void) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener])
      return ipcRenderer
    },
    off(channel: string, listener: (...args: any[]) => void) {
      listeners.set(
        channel,
        (listeners.get(channel) ?? []).filter((each) => each !== listener),
      )
      return ipcRenderer
    },
  }
  Object.defineProperty(window, 'harnessEmit', {
    value: (channel: string, args: unknown[]) => {
      for (const listener of listeners.get(channel) ?? []) listener({ sender: ipcRenderer, ports: [] }, ...unpack(args))
    },
  })

  // contextBridge: functions become proxies, everything else is copied; what cannot cross is refused as Electron does
  const proxies = new WeakMap<object, (...args: unknown[]) => unknown>()
  const uncloneable = (value: any): boolean =>
    typeof value === 'function' ||
    typeof value === 'symbol' ||
    value instanceof Promise ||
    value instanceof Node ||
    (value !== null && typeof value === 'object' && Object.values(value).some(uncloneable))
  const cross = (value: any): any => {
    if (typeof value === 'function') {
      const proxy =
        proxies.get(value) ??
        ((...args: unknown[]) => {
          const result = value(...args.map(cross))
          return result instanceof Promise ? result.then(cross) : cross(result)
        })
      proxies.set(value, proxy)
      return proxy
    }
    if (typeof value === 'symbol') throw new Error('An object could not be cloned.')
    if (value === null || typeof value !== 'object') return value
    if (value instanceof Promise || value instanceof Error || value instanceof Node || value instanceof Blob)
      return value
    // script cannot tell a Proxy (a reactive object) from what it wraps, but a structured clone refuses it; so does this
    try {
      return structuredClone(value)
    } catch {
      if (!uncloneable(value)) throw new Error('An object could not be cloned.')
    }
    if (Array.isArray(value)) return value.map(cross)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cross(each)]))
  }
  const freeze = (value: any): any => {
    for (const each of Object.values(value)) if (each && typeof each === 'object') freeze(each)
    return Object.freeze(value)
  }
  const contextBridge = {
    exposeInMainWorld(key: string, api: unknown) {
      if (key in window) throw new Error('Cannot bind an API on top of an existing property on the window object')
      Object.defineProperty(window, key, { value: freeze(cross(api)), enumerable: true })
    },
  }
  const webUtils = { getPathForFile: (file: any): string => page.harnessPaths?.[file.name] ?? '' }
  const require = (name: string) => {
    if (name === 'electron' || name === 'electron/renderer') return { contextBridge, ipcRenderer, webUtils }
    throw new Error(`module not found: ${name}`)
  }
  const process = {
    versions,
    platform: 'linux',
    sandboxed: true,
    type: 'renderer',
    argv: [],
    env: {},
    contextIsolated: true,
  }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a preload is a script that someone else runs
  new Function('require', 'exports', 'module', 'process', source)(require, {}, { exports: {} }, process)
}
