/** Stands in for module `electron` in the main process. A name that is missing here fails at import. */
import { app } from './app.ts'
import { answers } from './core.ts'
import { dialog, Menu, MenuItem, nativeTheme, Notification, screen, shell } from './desktop.ts'
import { ipcMain } from './ipc.ts'
import { protocol, session } from './protocol.ts'
import { BrowserWindow } from './windows.ts'

const electron = {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MenuItem,
  nativeTheme,
  Notification,
  protocol,
  screen,
  session,
  shell,
}
export {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MenuItem,
  nativeTheme,
  Notification,
  protocol,
  screen,
  session,
  shell,
}
export default electron

/** A test's function, run in the main process with Electron's modules, as Playwright's electronApp.evaluate does. */
answers.evaluate = (source: string, argument: unknown) => {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- running a test's own function is what this is for
  const body = new Function('electron', 'argument', `return (${source})(electron, argument)`)
  return body(electron, argument)
}
