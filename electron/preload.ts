/**
 * The sandboxed preload: the only bridge between the window and the main process. It gives the window five frozen
 * functions and nothing of Electron itself.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { channels, type DesktopApi, type HostCommand } from './hosts/desktopApi.ts'

const api: DesktopApi = {
  request: (method, params) => ipcRenderer.invoke(channels.request, method, params),
  onNotice: (listener) => subscribe(channels.notice, (name: string, data: unknown) => listener(name, data)),
  onCommand: (listener) => subscribe(channels.command, (command: HostCommand) => listener(command)),
  pathOfFile: async (file) => {
    const path = webUtils.getPathForFile(file)
    if (path !== '') await ipcRenderer.invoke(channels.grantPath, path)
    return path
  },
  saveFile: (name, mediaType, content) => ipcRenderer.invoke(channels.saveFile, name, mediaType, content),
}

/** The event itself stays here: its sender would hand the window ipcRenderer. */
function subscribe<A extends unknown[]>(channel: string, listener: (...args: A) => void): () => void {
  const heard = (_event: unknown, ...args: A) => listener(...args)
  ipcRenderer.on(channel, heard)
  return () => void ipcRenderer.off(channel, heard)
}

contextBridge.exposeInMainWorld('workbench', api)
