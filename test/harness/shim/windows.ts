/** Electron's `BrowserWindow`: each is a page of the launcher's Chromium. */
import { EventEmitter } from 'node:events'
import { app, closers, closing, isQuitting, isReady } from './app.ts'
import { answers, launcher, preventableEvent, record, strict } from './core.ts'
import { defaultSession } from './protocol.ts'

const windows = new Map<number, BrowserWindow>()
let sequence = 0

interface WebPreferences {
  preload?: string
  nodeIntegration?: boolean
  contextIsolation?: boolean
  sandbox?: boolean
}
interface Options {
  x?: number
  y?: number
  width?: number
  height?: number
  show?: boolean
  title?: string
  webPreferences?: WebPreferences
}

export const windowById = (id: number) => windows.get(id)

class WebContents extends EventEmitter {
  readonly id: number
  readonly session = defaultSession
  /** One object per window: main compares a message's sender frame with it. */
  readonly mainFrame = { url: '', origin: '', parent: null }
  readonly window: BrowserWindow
  url = ''
  opener: ((details: { url: string }) => { action: string }) | null = null

  constructor(window: BrowserWindow, id: number) {
    super()
    this.window = window
    this.id = id
  }
  send(channel: string, ...args: unknown[]): void {
    launcher('window.emit', this.id, channel, structuredClone(args)).catch(() => undefined)
  }
  executeJavaScript = (code: string) => launcher('window.evaluate', this.id, code)
  capturePage = async () => {
    const png = await launcher('window.screenshot', this.id)
    return { toPNG: () => Buffer.from(png), isEmpty: () => false }
  }
  printToPDF = async (options: unknown) => Buffer.from(await launcher('window.pdf', this.id, options))
  getURL = () => this.url
  setWindowOpenHandler(opener: (details: { url: string }) => { action: string }): void {
    this.opener = opener
  }
  reload = () => this.window.loadURL(this.url)
  isDestroyed = () => this.window.isDestroyed()
  openDevTools = () => undefined
  focus = () => undefined
  setZoomFactor = () => undefined
  getZoomFactor = () => 1
}

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => [...windows.values()]
  static getFocusedWindow = () => [...windows.values()].at(-1) ?? null
  static fromWebContents = (contents: WebContents | null) => contents?.window ?? null
  static fromId = (id: number) => windows.get(id) ?? null

  readonly id: number
  readonly webContents: WebContents
  readonly options: Options
  readonly created: Promise<unknown>
  bounds: { x: number; y: number; width: number; height: number }
  title: string
  visible: boolean
  minimized = false
  maximized = false
  ending = false

  constructor(options: Options = {}) {
    super()
    if (!isReady()) throw new Error('Cannot create BrowserWindow before app is ready')
    const preferences = options.webPreferences ?? {}
    if (preferences.nodeIntegration || preferences.contextIsolation === false || preferences.sandbox === false)
      throw new Error('harness: only sandboxed, context-isolated windows are modelled')
    this.id = ++sequence
    this.options = options
    this.title = options.title ?? app.name
    this.bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 }
    this.visible = options.show !== false
    const self = strict('BrowserWindow', this)
    this.webContents = strict('webContents', new WebContents(self, this.id))
    windows.set(this.id, self)
    closers.add(this.#closer)
    this.created = launcher('window.create', { id: this.id, ...this.bounds, preload: preferences.preload })
    app.emit('browser-window-created', preventableEvent(), self)
    app.emit('web-contents-created', preventableEvent(), this.webContents)
    return self
  }

  readonly #closer = () => {
    this.close()
    return this.ending
  }

  async loadURL(url: string): Promise<void> {
    this.webContents.url = url
    await this.created
    await launcher('window.load', this.id, url)
  }
  close(): void {
    const event = preventableEvent()
    this.emit('close', event)
    if (!event.defaultPrevented) this.destroy()
  }
  destroy(): void {
    if (this.ending) return
    this.ending = true
    closing.add(
      launcher('window.close', this.id)
        .catch(() => undefined)
        .then(() => this.gone()),
    )
  }
  gone(): void {
    if (!windows.delete(this.id)) return
    closers.delete(this.#closer)
    this.webContents.emit('destroyed')
    this.emit('closed')
    if (windows.size > 0 || isQuitting()) return
    if (app.listenerCount('window-all-closed') > 0) app.emit('window-all-closed')
    else app.quit()
  }
  isDestroyed = () => !windows.has(this.id)
  show(): void {
    this.visible = true
    this.emit('show')
  }
  hide(): void {
    this.visible = false
    this.emit('hide')
  }
  isVisible = () => this.visible
  focus = () => void this.emit('focus')
  isFocused = () => true
  minimize = () => void (this.minimized = true)
  restore = () => void (this.minimized = false)
  isMinimized = () => this.minimized
  maximize = () => void (this.maximized = true)
  unmaximize = () => void (this.maximized = false)
  isMaximized = () => this.maximized
  isFullScreen = () => false
  getBounds = () => ({ ...this.bounds })
  setBounds(bounds: Partial<BrowserWindow['bounds']>): void {
    Object.assign(this.bounds, bounds)
    void launcher('window.size', this.id, this.bounds)
  }
  setTitle = (title: string) => void (this.title = title)
  getTitle = () => this.title
}

answers['window.event'] = (id: number, name: string) => {
  const window = windows.get(id)
  if (name === 'closed') {
    window?.gone()
    return
  }
  window?.webContents.emit(name, preventableEvent())
  if (name === 'did-finish-load') window?.emit('ready-to-show')
}
/** A page wants to go elsewhere: false if main prevented it. */
answers['window.navigate'] = (id: number, url: string) => {
  const event = preventableEvent({ url })
  windows.get(id)?.webContents.emit('will-navigate', event)
  return !event.defaultPrevented
}
answers['window.open'] = (id: number, url: string) => {
  const { action } = windows.get(id)?.webContents.opener?.({ url }) ?? { action: 'allow' }
  record('window.open', url, action)
  return action
}
