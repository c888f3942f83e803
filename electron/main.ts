/**
 * The desktop host: Electron's main process. It opens the workspace's workbench (whose work is done in threads of its
 * own, so that this process never blocks), shows one sandboxed window on it, and lets every message through one place.
 */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { app, BrowserWindow, dialog, ipcMain, Menu, protocol, screen, session, shell } from 'electron'
import type { Params } from './contract/contract.ts'
import { DesktopIpc } from './hosts/desktopIpc.ts'
import { menuTemplate } from './hosts/desktopMenu.ts'
import { answerScheme, ownsPage, WINDOW_URL, windowScheme } from './hosts/desktopScheme.ts'
import { defaultWorkspace } from './hosts/defaultWorkspace.ts'
import { PathGrants } from './hosts/pathGrants.ts'
import { readWindowState, recentWorkspaces, writeWindowState } from './hosts/windowState.ts'
import type { PrintPdf } from './service/printing.ts'
import { createWorkbench, type Workbench } from './service/workbench.ts'

const stateFile = path.join(app.getPath('userData'), 'window.json')
const rendererFolder = path.join(import.meta.dirname, '../renderer')

let workspace = ''
let workbench: Workbench
let grants: PathGrants
let ipc: DesktopIpc
let window: BrowserWindow | null = null
let recent: string[] = []

if (setupSingleInstance()) {
  protocol.registerSchemesAsPrivileged([windowScheme])
  setupContentsRules()
  setupEnd()
  // not awaited: Electron holds `ready` back until this module has been evaluated
  void app.whenReady().then(start).catch(fail)
}

async function start(): Promise<void> {
  await setupWorkbench()
  setupScheme()
  setupPermissions()
  setupIpc()
  setupMenu()
  await setupWindow()
}

/** False in a second instance, which hands over to the first and ends. */
function setupSingleInstance(): boolean {
  if (!app.requestSingleInstanceLock()) {
    app.quit()
    return false
  }
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore()
    window?.focus()
  })
  return true
}

/** No page of ours leads anywhere else, opens windows, or embeds foreign pages. */
function setupContentsRules(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => {
      if (!ownsPage(event.url)) event.preventDefault()
    })
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  })
}

async function setupWorkbench(): Promise<void> {
  const state = readWindowState(stateFile, [])
  const folder = askedWorkspace() ?? state.workspace ?? defaultWorkspace()
  recent = recentWorkspaces(state.recent, state.workspace ?? folder, folder)
  workbench = await createWorkbench({ workspace: folder, host: 'desktop', printPdf, onNote: console.log })
  workspace = folder
  grants = new PathGrants(workspace)
}

function setupScheme(): void {
  protocol.handle('workbench', (request) => answerScheme(request, rendererFolder))
}

/** A laboratory wants no camera, no location and no network: the whole screen for a class, and a word when a long run ends. */
const permitted = new Set(['fullscreen', 'notifications'])

function setupPermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) =>
    answer(permitted.has(permission)),
  )
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => permitted.has(permission))
}

function setupIpc(): void {
  ipc = new DesktopIpc({ ipcMain, grants, workbench: () => workbench, saveFile, confirmProgram, ownsPage })
  ipc.listen()
}

function setupMenu(): void {
  const actions = {
    command: (command: Parameters<DesktopIpc['command']>[0]) => ipc.command(command),
    importTrace: () => void importTrace().catch(report),
    openExperiment: () => void openExperiment().catch(report),
    openWorkspace: (folder?: string) => void openWorkspace(folder).catch(report),
    showWorkspace: () => void shell.openPath(workspace),
    about: () => void about().catch(report),
  }
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(actions, process.platform, !app.isPackaged, recent)))
}

async function setupWindow(): Promise<void> {
  const areas = screen.getAllDisplays().map((display) => display.workArea)
  const { x, y, width, height, maximized } = readWindowState(stateFile, areas)
  const opened = new BrowserWindow({
    ...(x === undefined || y === undefined ? {} : { x, y }),
    width,
    height,
    minWidth: 900,
    minHeight: 600,
    show: false,
    title: 'Pager Workbench',
    icon: path.join(import.meta.dirname, '../../build/resources/icon.png'),
    webPreferences: {
      preload: path.join(import.meta.dirname, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      // charts of a running run go on being drawn while the window is behind another
      backgroundThrottling: false,
    },
  })
  window = opened
  ipc.attach(opened.webContents)
  opened.once('ready-to-show', () => {
    if (maximized) opened.maximize()
    opened.show()
  })
  opened.on('close', () => {
    const bounds = opened.getBounds()
    writeWindowState(stateFile, { ...bounds, maximized: opened.isMaximized(), workspace, recent })
  })
  opened.on('closed', () => (window = null))
  opened.webContents.on('render-process-gone', (_event, { reason }) => {
    dialog.showErrorBox('The window ended', `It will be opened again; running runs go on. (${reason})`)
    if (!opened.isDestroyed()) opened.webContents.reload()
  })
  await opened.loadURL(WINDOW_URL)
}

/** The workbench is closed before the process ends: running runs are marked, the store is committed. */
function setupEnd(): void {
  let closed = false
  app.on('window-all-closed', () => app.quit())
  app.on('activate', () => {
    if (window === null) void setupWindow().catch(report)
  })
  app.on('before-quit', (event) => {
    if (closed || !isOpen()) return
    event.preventDefault()
    void workbench
      .close()
      .catch((error: unknown) => console.error(error))
      .finally(() => {
        closed = true
        app.quit()
      })
  })
}

async function saveFile(name: string, mediaType: string, content: string | Uint8Array): Promise<boolean> {
  const { canceled, filePath } = await dialog.showSaveDialog({
    defaultPath: path.join(app.getPath('documents'), path.basename(name)),
    filters: [{ name: mediaType, extensions: [path.extname(name).slice(1) || '*'] }],
  })
  if (canceled || filePath === '') return false
  await writeFile(filePath, content)
  return true
}

/** Prints in a window that nobody sees, in which no script runs. */
const printPdf: PrintPdf = async (html) => {
  const folder = await mkdtemp(path.join(app.getPath('temp'), 'pager-print-'))
  const printer = new BrowserWindow({ show: false, webPreferences: { sandbox: true, javascript: false } })
  try {
    const file = path.join(folder, 'report.html')
    await writeFile(file, html)
    await printer.loadURL(pathToFileURL(file).href)
    return new Uint8Array(await printer.webContents.printToPDF({ printBackground: true, preferCSSPageSize: true }))
  } finally {
    printer.destroy()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The window is not trusted with this: what it shows may not be what it asks for. */
async function confirmProgram({ program, arguments: rest, directory }: Params<'workloads.record'>): Promise<boolean> {
  const { response } = await dialog.showMessageBox({
    type: 'question',
    title: 'Record a program',
    message: `Run ${program} and record it?`,
    detail: `${[program, ...rest].map((each) => JSON.stringify(each)).join(' ')}\n\nin ${directory || workspace}\n\nIt runs with all your rights.`,
    buttons: ['Cancel', 'Run and record'],
    defaultId: 1,
    cancelId: 0,
  })
  return response === 1
}

async function chooseFile(title: string): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog({ title, properties: ['openFile'] })
  return canceled ? null : (filePaths[0] ?? null)
}

async function importTrace(): Promise<void> {
  const file = await chooseFile('Import a trace')
  if (file === null) return
  grants.grant(file)
  ipc.command({ name: 'import-trace', path: file })
}

/** No experiment is longer; what is was chosen by mistake. */
const EXPERIMENT_BYTES_MAX = 16 << 20

async function openExperiment(): Promise<void> {
  const file = await chooseFile('Open an experiment')
  if (file === null) return
  if ((await stat(file)).size > EXPERIMENT_BYTES_MAX) throw new Error(`${file} is too large for an experiment`)
  ipc.command({ name: 'open-experiment', fileName: path.basename(file), text: await readFile(file, 'utf8') })
}

/** The other workspace is opened before this one is closed: if it cannot be, nothing has changed. */
async function openWorkspace(known?: string): Promise<void> {
  const folder = known ?? (await chooseWorkspace())
  if (folder === undefined || path.resolve(folder) === path.resolve(workspace)) return
  const opened = await createWorkbench({ workspace: folder, host: 'desktop', printPdf, onNote: console.log })
  const before = workbench
  recent = recentWorkspaces(recent, workspace, folder)
  workbench = opened
  workspace = folder
  setupMenu()
  grants.moveTo(folder)
  ipc.listen()
  window?.webContents.reload()
  await before.close()
}

async function chooseWorkspace(): Promise<string | undefined> {
  const { canceled, filePaths } = await dialog.showOpenDialog({
    title: 'Open a workspace',
    properties: ['openDirectory', 'createDirectory'],
  })
  return canceled ? undefined : filePaths[0]
}

async function about(): Promise<void> {
  const { engineVersion } = await workbench.request('workbench.info', {})
  const versions = [`Engine ${engineVersion}`, `Electron ${process.versions.electron}`, `Node ${process.versions.node}`]
  await dialog.showMessageBox({
    title: 'Pager Workbench',
    message: `Pager Workbench ${app.getVersion()}`,
    detail: versions.join('\n'),
  })
}

function askedWorkspace(): string | undefined {
  // Chromium's own switches stand beside ours
  const { values } = parseArgs({
    args: process.argv.slice(1),
    options: { workspace: { type: 'string' } },
    strict: false,
  })
  return typeof values.workspace === 'string' ? path.resolve(values.workspace) : undefined
}

const isOpen = () => workspace !== ''
const describe = (error: unknown) => (error instanceof Error ? error.message : String(error))

function report(error: unknown): void {
  dialog.showErrorBox('Pager Workbench', describe(error))
}

function fail(error: unknown): void {
  console.error(error)
  dialog.showErrorBox('Pager Workbench cannot start', describe(error))
  app.exit(1)
}
