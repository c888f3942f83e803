/** Electron's `protocol` and `session`: custom schemes are answered by main's handlers, whatever fetches them. */
import { EventEmitter } from 'node:events'
import { isReady } from './app.ts'
import { answers, record, strict } from './core.ts'

const schemes = new Map<string, (request: Request) => Response | Promise<Response>>()

export const protocol = strict('protocol', {
  registerSchemesAsPrivileged(list: unknown[]) {
    if (isReady()) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready')
    record('protocol.registerSchemesAsPrivileged', list)
  },
  handle(scheme: string, handler: (request: Request) => Response | Promise<Response>) {
    if (schemes.has(scheme)) throw new Error(`The scheme '${scheme}' has been intercepted`)
    schemes.set(scheme, handler)
  },
  unhandle: (scheme: string) => void schemes.delete(scheme),
  isProtocolHandled: (scheme: string) => schemes.has(scheme),
})

type PermissionRequest = (contents: unknown, permission: string, answer: (allowed: boolean) => void) => void
let permissionRequest: PermissionRequest | null = null

export const defaultSession = strict(
  'session',
  Object.assign(new EventEmitter(), {
    protocol,
    setPermissionRequestHandler: (handler: PermissionRequest | null) => void (permissionRequest = handler),
    setPermissionCheckHandler: () => undefined,
    clearCache: () => Promise.resolve(),
  }),
)
export const session = strict('session', { defaultSession })

answers['protocol.fetch'] = async (url: string, init: { method: string; headers: Record<string, string> }) => {
  const handler = schemes.get(new URL(url).protocol.slice(0, -1))
  if (!handler) throw new Error(`harness: no handler for ${url}`)
  const response = await handler(new Request(url, init))
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()),
  }
}
/** Whether main allows a page a permission. */
answers['session.permission'] = (permission: string) => {
  let allowed = true
  permissionRequest?.(null, permission, (answer) => (allowed = answer))
  return allowed
}
