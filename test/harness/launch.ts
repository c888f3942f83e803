/**
 * Starts the compiled desktop host as README.md in this folder says. Answers an object with the surface of Playwright's
 * ElectronApplication, and what the harness knows beyond it.
 */
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { packBytes } from './bytes.ts'
import { launchChromium } from './chromium.ts'
import { runPreload } from './preloadWorld.ts'
import { connectRpc } from './rpc.ts'

export interface LaunchOptions {
  /** The project's folder. */
  appDir: string
  /** Main's compiled file, from there. */
  main?: string
  args?: string[]
  env?: Record<string, string>
  /** Kept after closing, for a test that starts again with it; else a fresh one that is removed. */
  userData?: string
  /** For the first window to appear. */
  timeoutMs?: number
}

export interface HarnessApp {
  /** What main and its pages wrote. */
  readonly logs: string[]
  readonly userData: string
  windows(): Page[]
  context(): BrowserContext
  firstWindow(): Promise<Page>
  /** Runs a function in the main process; its first argument is module electron. */
  evaluate<R, A>(body: (electron: typeof import('electron'), argument: A) => R | Promise<R>, argument?: A): Promise<R>
  /** What would have left the app. */
  calls(): Promise<{ what: string; args: any[] }[]>
  /** Whether main allows its pages a permission. */
  allows(permission: string): Promise<boolean>
  readonly exited: Promise<number | null>
  /** Quits as a person would; answers main's exit status, or 'killed' if it did not end. */
  close(): Promise<number | null | 'killed'>
}

/** scheme://host/x <-> http://host.scheme.localhost/x: a secure context, answered by routing, without a socket. */
const suffix = '.localhost'
function toHttp(url: string): string {
  const { protocol, host, pathname, search, hash } = new URL(url)
  if (/^(https?|about|data|blob):$/.test(protocol)) return url
  return `http://${host || 'local'}.${protocol.slice(0, -1)}${suffix}${pathname}${search}${hash}`
}
function fromHttp(url: string): string {
  const { hostname, pathname, search } = new URL(url)
  const match = /^(.+)\.([a-z][a-z0-9+-]*)\.localhost$/.exec(hostname)
  return match ? `${match[2]}://${match[1]}${pathname}${search}` : url
}

export async function launch(options: LaunchOptions): Promise<HarnessApp> {
  const { appDir, main = 'dist/electron/main.js', args = [], env = {}, timeoutMs = 30_000 } = options
  const mainFile = path.resolve(appDir, main)
  if (!existsSync(mainFile)) throw new Error(`harness: ${mainFile} is missing: npm run build makes it`)
  const userData = options.userData ?? mkdtempSync(path.join(os.tmpdir(), 'pager-harness-'))
  const versions = { electron: electronVersion(), node: process.versions.node }
  const browser = await launchChromium()
  const context = await browser.newContext({ viewport: null })
  const pages = new Map<number, Page>()
  const appeared = new EventEmitter()
  const logs: string[] = []

  const child = fork(path.join(import.meta.dirname, 'boot.ts'), [mainFile, ...args], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning', '--enable-source-maps'],
    env: { ...process.env, ...env, HARNESS_APP: appDir, HARNESS_USERDATA: userData },
  })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => logs.push(String(data)))
  const exited = once(child, 'exit').then(([code]) => code as number | null)

  const call = connectRpc(child, {
    'window.create': ({ id, width, height, preload }) => createPage(id, width, height, preload),
    'window.load': (id, url) =>
      pages
        .get(id)
        ?.goto(toHttp(url))
        .then(() => undefined),
    'window.close': (id) => pages.get(id)?.close(),
    'window.emit': (id, channel, values) =>
      pages
        .get(id)
        ?.evaluate(([name, list]: any) => (window as any).harnessEmit?.(name, list), [channel, packBytes(values)]),
    'window.evaluate': (id, code) => pages.get(id)?.evaluate(code),
    'window.screenshot': (id) => pages.get(id)?.screenshot(),
    'window.pdf': (id, options) =>
      pages.get(id)?.pdf({ landscape: options?.landscape, printBackground: options?.printBackground }),
    'window.size': (id, bounds) => pages.get(id)?.setViewportSize({ width: bounds.width, height: bounds.height }),
  })
  const tell = (id: number, event: string) => void call('window.event', id, event).catch(() => undefined)

  async function createPage(id: number, width: number, height: number, preload: string | undefined): Promise<void> {
    const page = await context.newPage()
    pages.set(id, page)
    page.on('close', () => {
      pages.delete(id)
      tell(id, 'closed')
    })
    page.on('domcontentloaded', () => tell(id, 'dom-ready'))
    page.on('load', () => tell(id, 'did-finish-load'))
    page.on('console', (message) => logs.push(`[page ${id}] ${message.type()}: ${message.text()}\n`))
    page.on('pageerror', (error) => logs.push(`[page ${id}] ${error.stack ?? error.message}\n`))
    page.on('popup', (popup) => {
      void call('window.open', id, popup.url()).then(
        (action) => (action === 'deny' ? popup.close() : undefined),
        () => undefined,
      )
    })
    await page.exposeBinding(
      'harnessMessage',
      async ({ frame }, message: { kind: string; channel: string; args: unknown[] }) => {
        if (frame !== page.mainFrame()) return { error: 'harness: a message from a subframe' }
        try {
          const answer: unknown = await call(
            `ipc.${message.kind}`,
            id,
            fromHttp(frame.url()),
            message.channel,
            message.args,
          )
          return { value: packBytes(answer) }
        } catch (error) {
          return { error: error instanceof Error ? error.message : String(error) }
        }
      },
    )
    await page.route(
      () => true,
      async (route, request) => {
        const ours = new URL(request.url()).hostname.endsWith(suffix)
        // a page that leaves our scheme asks main first, as Electron's will-navigate does
        if (request.isNavigationRequest() && request.frame() === page.mainFrame() && page.url() !== 'about:blank') {
          const allowed = await call('window.navigate', id, fromHttp(request.url())).catch(() => false)
          if (!allowed) return route.abort('aborted')
        }
        if (!ours) return route.continue()
        try {
          const { status, headers, body } = await call('protocol.fetch', fromHttp(request.url()), {
            method: request.method(),
            headers: request.headers(),
          })
          await route.fulfill({ status, headers, body: Buffer.from(body) })
        } catch (error) {
          logs.push(`[scheme] ${request.url()}: ${String(error)}\n`)
          await route.abort('failed')
        }
      },
    )
    await page.addInitScript(runPreload, { source: preload ? readFileSync(preload, 'utf8') : '', versions })
    await page.setViewportSize({ width, height })
    appeared.emit('window', page)
  }

  const failure = (what: string) => new Error(`harness: ${what}\n--- what the app wrote ---\n${logs.join('')}`)
  const firstPage = async (): Promise<Page> => {
    const there = [...pages.values()][0]
    if (there) return there
    const late = new Promise<never>((_resolve, reject) => {
      setTimeout(() => reject(failure(`no window within ${timeoutMs} ms`)), timeoutMs).unref()
    })
    const ended = exited.then((code) => {
      throw failure(`main ended with status ${code} before a window was shown`)
    })
    return Promise.race([once(appeared, 'window').then(([page]) => page as Page), ended, late])
  }

  return {
    logs,
    userData,
    exited,
    windows: () => [...pages.values()],
    context: () => context,
    calls: () => call('calls'),
    allows: (permission) => call('session.permission', permission),
    evaluate: (body, argument) => call('evaluate', String(body), argument),
    async firstWindow() {
      const page = await firstPage()
      if (page.url() === 'about:blank') await page.waitForURL((url) => url.href !== 'about:blank')
      await page.waitForLoadState('domcontentloaded')
      return page
    },
    async close() {
      if (child.exitCode === null && child.connected) await call('quit').catch(() => undefined)
      const killed = new Promise<'killed'>((resolve) => {
        setTimeout(() => {
          child.kill('SIGKILL')
          resolve('killed')
        }, 10_000).unref()
      })
      const code = await Promise.race([exited, killed])
      await browser.close()
      if (options.userData === undefined) rmSync(userData, { recursive: true, force: true })
      return code
    },
  }
}

function electronVersion(): string {
  return String(
    JSON.parse(readFileSync(createRequire(import.meta.url).resolve('electron/package.json'), 'utf8')).version,
  )
}

/** Electron's binary: ELECTRON_BIN, or the one its package has downloaded; null if there is none. */
export function electronBinary(appDir: string): string | null {
  if (process.env.ELECTRON_BIN) return process.env.ELECTRON_BIN
  const folder = path.join(appDir, 'node_modules/electron')
  const name = path.join(folder, 'path.txt')
  if (!existsSync(name)) return null
  const file = path.join(folder, 'dist', readFileSync(name, 'utf8'))
  return existsSync(file) ? file : null
}
