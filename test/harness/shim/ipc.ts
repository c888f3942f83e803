/** Electron's `ipcMain`. */
import { EventEmitter } from 'node:events'
import { answers, strict } from './core.ts'
import { windowById } from './windows.ts'

type Handler = (event: object, ...args: unknown[]) => unknown
const handlers = new Map<string, Handler>()

export const ipcMain = strict(
  'ipcMain',
  Object.assign(new EventEmitter(), {
    handle(channel: string, handler: Handler) {
      if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`)
      handlers.set(channel, handler)
    },
    removeHandler: (channel: string) => void handlers.delete(channel),
  }),
)

function eventFrom(id: number, url: string) {
  const window = windowById(id)
  if (!window) throw new Error(`harness: a message from window ${id}, which is gone`)
  const sender = window.webContents
  Object.assign(sender.mainFrame, { url, origin: new URL(url).origin })
  return { sender, processId: id, frameId: 1, senderFrame: sender.mainFrame }
}

answers['ipc.invoke'] = async (id: number, url: string, channel: string, args: unknown[]) => {
  const handler = handlers.get(channel)
  if (!handler)
    throw new Error(`Error invoking remote method '${channel}': Error: No handler registered for '${channel}'`)
  try {
    return structuredClone(await handler(eventFrom(id, url), ...args))
  } catch (error) {
    throw new Error(`Error invoking remote method '${channel}': ${String(error)}`, { cause: error })
  }
}
answers['ipc.send'] = (id: number, url: string, channel: string, args: unknown[]) =>
  ipcMain.emit(channel, eventFrom(id, url), ...args)
