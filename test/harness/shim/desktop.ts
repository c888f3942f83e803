/** Electron's dialogs, menus and what else touches the desktop. Dialogs throw until a test scripts them. */
import { EventEmitter } from 'node:events'
import { app } from './app.ts'
import { record, strict } from './core.ts'
import { BrowserWindow } from './windows.ts'

const unscripted = (kind: string) => () =>
  Promise.reject(new Error(`harness: dialog.${kind} was opened and the test had not scripted it`))

export const dialog = strict('dialog', {
  showOpenDialog: unscripted('showOpenDialog'),
  showSaveDialog: unscripted('showSaveDialog'),
  showMessageBox: unscripted('showMessageBox'),
  showErrorBox: (title: string, content: string) => record('dialog.showErrorBox', title, content),
})

interface ItemOptions {
  id?: string
  label?: string
  role?: string
  type?: string
  submenu?: ItemOptions[] | Menu
  enabled?: boolean
  checked?: boolean
  click?: (item: MenuItem, window: BrowserWindow | null, event: object) => unknown
}

export class MenuItem {
  readonly id: string | undefined
  readonly label: string | undefined
  readonly role: string | undefined
  readonly type: string
  readonly submenu: Menu | undefined
  enabled: boolean
  checked: boolean
  readonly #click: ItemOptions['click']

  constructor(options: ItemOptions) {
    this.id = options.id
    this.label = options.label
    this.role = options.role
    this.type = options.type ?? (options.submenu ? 'submenu' : 'normal')
    this.enabled = options.enabled ?? true
    this.checked = options.checked ?? false
    this.submenu = Array.isArray(options.submenu) ? Menu.buildFromTemplate(options.submenu) : options.submenu
    this.#click = options.click
  }
  click(): unknown {
    if (!this.enabled) throw new Error(`harness: menu item ${this.label ?? this.role ?? ''} is disabled`)
    if (this.type === 'checkbox') this.checked = !this.checked
    if (this.#click) return this.#click(this, BrowserWindow.getFocusedWindow(), {})
    if (this.role === 'quit') return app.quit()
    if (this.role === 'close') return BrowserWindow.getFocusedWindow()?.close()
    return record('menu.role', this.role)
  }
}

export class Menu {
  static #application: Menu | null = null
  static buildFromTemplate(template: (ItemOptions | MenuItem)[]): Menu {
    const menu = new Menu()
    menu.items = template.map((each) => (each instanceof MenuItem ? each : new MenuItem(each)))
    return menu
  }
  static setApplicationMenu = (menu: Menu | null) => void (Menu.#application = menu)
  static getApplicationMenu = () => Menu.#application
  items: MenuItem[] = []
  append = (item: MenuItem) => void this.items.push(item)
  getMenuItemById(id: string): MenuItem | null {
    for (const item of this.items) {
      const found = item.id === id ? item : item.submenu?.getMenuItemById(id)
      if (found) return found
    }
    return null
  }
}

export const shell = strict('shell', {
  openExternal: (url: string) => Promise.resolve(record('shell.openExternal', url)),
  openPath: (file: string) => {
    record('shell.openPath', file)
    return Promise.resolve('')
  },
  showItemInFolder: (file: string) => record('shell.showItemInFolder', file),
})

const workArea = { x: 0, y: 0, width: 1920, height: 1080 }
const display = { workAreaSize: workArea, workArea, scaleFactor: 1 }
export const screen = strict('screen', { getPrimaryDisplay: () => display, getAllDisplays: () => [display] })
export const nativeTheme = strict(
  'nativeTheme',
  Object.assign(new EventEmitter(), { shouldUseDarkColors: false, themeSource: 'system' }),
)
export class Notification extends EventEmitter {
  static isSupported = () => true
  readonly options: unknown
  constructor(options: unknown) {
    super()
    this.options = options
  }
  show = () => record('notification', this.options)
  close = () => undefined
}
