/**
 * The browser host as a command: opens the workspace, prints an address, and goes on until it is told to end.
 * `pager serve`, and `npm start` where Electron cannot run.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { startBrowserHost } from '../browserHost.ts'
import { createWorkbench } from '../service/workbench.ts'

export interface ServeOptions {
  workspace: string
  /** 0: any free one. */
  port: number
  /** Whether pages may have programs executed, to record them. */
  allowRecord?: boolean
  /** Says a line to the person at the terminal. */
  print?: (line: string) => void
}

/** Ends with the exit status once a signal came. Throws what createWorkbench and startBrowserHost throw. */
export async function serve({ workspace, port, allowRecord = false, print = console.log }: ServeOptions): Promise<number> {
  const staticDir = path.resolve(import.meta.dirname, '../../dist/renderer')
  if (!existsSync(path.join(staticDir, 'index.html'))) {
    console.error('The window is not built yet: run npm run build, or npm start.')
    return 2
  }
  const workbench = await createWorkbench({ workspace, host: 'browser', onNote: print })
  const host = await startBrowserHost({ workbench, port, staticDir, allowRecord }).catch(async (error: unknown) => {
    await workbench.close()
    throw error
  })
  print(
    `Pager Workbench is open at\n\n  ${host.url}\n\nThe address works once; press Enter for another, Ctrl-C to end. Workspace: ${workspace}`,
  )
  const terminal = process.stdin.isTTY ? createInterface({ input: process.stdin }) : null
  terminal?.on('line', () => print(`  ${host.newUrl()}`))
  // without a terminal (a service, a script), a signal asks for another address
  if (process.platform !== 'win32') process.on('SIGUSR2', () => print(`  ${host.newUrl()}`))

  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
    terminal?.on('SIGINT', () => resolve())
  })
  terminal?.close()
  await host.close()
  await workbench.close()
  return 0
}
