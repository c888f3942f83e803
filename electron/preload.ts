/**
 * The sandboxed preload: the only bridge between the window and the main process. It gives the window five frozen
 * functions and nothing of Electron itself.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { channels, type DesktopApi, type HostCommand } from './hosts/desktopApi.ts'

const api: DesktopApi = {
  request: (method, params) => ipcRenderer.invoke(channels.request, method, params),
  onNotice: (listener) => subscribe(channels.notice, (_event, name: string, data: unknown) => listener(name, data)),
  onCommand: (listener) => subscribe(channels.command, (_event, command: HostCommand) => listener(command)),
  pathOfFile: async (file) => {
    const path = webUtils.getPathForFile(file)
    if (path !== '') await ipcRenderer.invoke(channels.grantPath, path)
    return path
  },
  saveFile: (name, mediaType, content) => ipcRenderer.invoke(channels.saveFile, name, mediaType, content),
}

/** No listener hands its event on: the event's sender would give the window ipcRenderer. */
function subscribe(channel: string, heard: Parameters<typeof ipcRenderer.on>[1]): () => void {
  ipcRenderer.on(channel, heard)
  return () => void ipcRenderer.off(channel, heard)
}

contextBridge.exposeInMainWorld('workbench', api)
