/**
 * The workbench as a person at a browser has it: `pager serve` as a process of its own, its one-time address opened in a
 * real Chromium. For end-to-end tests.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'

const root = path.resolve(import.meta.dirname, '../..')

export interface BrowserAppOptions {
  workspace: string
  viewport?: { width: number; height: number }
  /** For the host to say its address. */
  timeoutMs?: number
}

export interface BrowserApp {
  readonly browser: Browser
  readonly page: Page
  /** The address that was printed; it is used up. */
  readonly url: string
  /** What the host wrote. */
  readonly logs: string[]
  /** Errors of the page: uncaught ones, and what it wrote to console.error. A test may look at it at its end. */
  readonly pageErrors: string[]
  /** Ends the host as Ctrl-C does; answers its exit status. */
  close(): Promise<number | null>
}

export async function openInBrowser({
  workspace,
  viewport = { width: 1280, height: 800 },
  timeoutMs = 30_000,
}: BrowserAppOptions): Promise<BrowserApp> {
  const host = await startServe(workspace, timeoutMs)
  const browser = await launchChromium()
  const page = await browser.newPage({ viewport, acceptDownloads: true })
  const pageErrors: string[] = []
  page.on('pageerror', (error) => pageErrors.push(error.stack ?? error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') pageErrors.push(message.text())
  })
  await page.goto(host.url)
  await page.waitForURL((url) => !url.searchParams.has('token'))
  return {
    ...host,
    browser,
    page,
    pageErrors,
    async close() {
      await browser.close()
      return host.stop()
    },
  }
}

/** `pager serve` on a free port. */
export async function startServe(workspace: string, timeoutMs = 30_000) {
  const child = spawn(
    process.execPath,
    [path.join(root, 'build/bin/pager.mjs'), 'serve', '--workspace', workspace, '--port', '0'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const logs: string[] = []
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`pager serve ${what}\n--- what it wrote ---\n${logs.join('')}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`gave no address within ${timeoutMs} ms`)
    }, timeoutMs)
    const hear = (data: Buffer) => {
      logs.push(data.toString())
      const found = /http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+/.exec(logs.join(''))
      if (!found) return
      clearTimeout(timer)
      resolve(found[0])
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    void ended.then((status) => fail(`ended with status ${status}`))
  })
  return {
    url,
    logs,
    pid: child.pid ?? 0,
    async stop(): Promise<number | null> {
      child.kill('SIGINT')
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
      const status = await ended
      clearTimeout(timer)
      return status
    },
  }
}
