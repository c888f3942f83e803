/**
 * The window's way to its host: Electron's preload where there is one, else the browser host's socket. Both are the
 * contract's HostBridge; nothing else in the window knows which it is.
 */
import { ContractError, type HostBridge } from '../../electron/contract/contract.ts'
import type { DesktopApi, HostCommand } from '../../electron/hosts/desktopApi.ts'
import { connectBrowserHost } from './browserBridge.ts'
import { checkedResult, plain } from './checks.ts'
import { Listeners } from './listeners.ts'

declare global {
  interface Window {
    /** Put there by the desktop host's preload. */
    workbench?: DesktopApi
  }
}

/** Connects to the host. Rejects with a ContractError if there is none that lets this page in. */
export async function connectHost(): Promise<HostBridge> {
  return window.workbench ? desktopBridge(window.workbench) : connectBrowserHost()
}

/** What the desktop's menu asks for; never anything in a browser. Answers a function that ends the subscription. */
export function onHostCommand(listener: (command: HostCommand) => void): () => void {
  return window.workbench?.onCommand(listener) ?? (() => undefined)
}
export type { HostCommand }

export function desktopBridge(api: DesktopApi): HostBridge {
  const listeners = new Listeners()
  api.onNotice((name, data) => listeners.tell(name, data))
  return {
    host: 'desktop',
    async request(method, params) {
      const answer = await api.request(method, plain(params))
      if ('error' in answer) throw new ContractError(answer.error)
      return checkedResult(method, answer.result)
    },
    on: (name, listener) => listeners.add(name, listener),
    pathOfFile: (file) => api.pathOfFile(file),
    async saveFile(name, mediaType, content) {
      const answer = await api.saveFile(name, mediaType, content)
      if ('error' in answer) throw new ContractError(answer.error)
      return answer.saved
    },
    // a window and its main process live and die together
    onConnection(listener) {
      listener(true)
      return () => undefined
    },
  }
}
