/** Electron's `app`: life cycle, paths, names. */
import { EventEmitter } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { answers, preventableEvent, record, strict } from './core.ts'

const appFolder = process.env.HARNESS_APP ?? process.cwd()
const userData = process.env.HARNESS_USERDATA ?? os.tmpdir()
const manifest = JSON.parse(readFileSync(path.join(appFolder, 'package.json'), 'utf8'))
const folders: Record<string, string> = {
  userData,
  temp: os.tmpdir(),
  home: os.homedir(),
  appData: path.dirname(userData),
  exe: process.execPath,
}

let ready = false
let quitting = false
const readyPromise = Promise.withResolvers<undefined>()

/** Windows are told here, so that quitting can close them: each answers whether it agreed. */
export const closers = new Set<() => boolean>()
export const closing = new Set<Promise<unknown>>()
export const isQuitting = () => quitting
export const isReady = () => ready

export function sayReady(): void {
  ready = true
  app.emit('ready', preventableEvent(), {})
  readyPromise.resolve(undefined)
}

export const app = strict(
  'app',
  Object.assign(new EventEmitter(), {
    isPackaged: false,
    dock: undefined,
    name: String(manifest.productName ?? manifest.name),
    whenReady: () => readyPromise.promise,
    isReady,
    getName: () => String(manifest.productName ?? manifest.name),
    getVersion: () => String(manifest.version),
    getAppPath: () => appFolder,
    getLocale: () => 'en-US',
    getPath(name: string) {
      const folder = folders[name] ?? path.join(userData, name)
      mkdirSync(folder, { recursive: true })
      return folder
    },
    setPath: (name: string, folder: string) => void (folders[name] = folder),
    requestSingleInstanceLock: () => process.env.HARNESS_SECOND_INSTANCE !== '1',
    releaseSingleInstanceLock: () => undefined,
    setAppUserModelId: () => undefined,
    enableSandbox: () => undefined,
    commandLine: { appendSwitch: () => undefined, hasSwitch: () => false, getSwitchValue: () => '' },
    focus: () => undefined,
    relaunch: () => record('app.relaunch'),
    quit: () => void quit(),
    exit(code = 0) {
      process.disconnect()
      process.exit(code)
    },
  }),
)

async function quit(): Promise<void> {
  if (quitting) return
  const event = preventableEvent()
  app.emit('before-quit', event)
  if (event.defaultPrevented) return
  quitting = true
  for (const close of [...closers])
    if (!close()) {
      quitting = false
      return
    }
  await Promise.all(closing)
  app.emit('will-quit', preventableEvent())
  app.emit('quit', preventableEvent(), 0)
  app.exit(0)
}

answers.quit = () => app.quit()
