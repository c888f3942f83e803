/**
 * Printing a page to PDF, and drawing a figure as PNG, with a Chromium: the one that PAGER_CHROMIUM names, one that is installed, or the one of
 * the development packages. The desktop prints with its own (Electron) instead.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { ContractError } from '../contract/contract.ts'

/** Prints a self-contained page of HTML. */
export type PrintPdf = (html: string) => Promise<Uint8Array<ArrayBuffer>>

const SECONDS_MAX = 60
const names =
  process.platform === 'win32'
    ? ['chrome.exe', 'msedge.exe', 'chromium.exe']
    : ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
const places = [
  ...(process.env['PATH'] ?? '').split(path.delimiter),
  ...['ProgramFiles', 'ProgramFiles(x86)', 'LocalAppData'].flatMap((variable) => {
    const folder = process.env[variable]
    return folder === undefined
      ? []
      : [path.join(folder, 'Google/Chrome/Application'), path.join(folder, 'Microsoft/Edge/Application')]
  }),
]

/** Prints with a Chromium that is found. Throws ContractError `no-chromium`, `print-failed`. */
export const printPdf: PrintPdf = (html) =>
  drawn(html, (call) => call('Page.printToPDF', { printBackground: true, preferCSSPageSize: true }))

/** Draws an SVG at three times its size. Throws as printPdf. */
export const drawPng = (svg: string): Promise<Uint8Array<ArrayBuffer>> =>
  drawn(pageOfFigure(svg), async (call) => {
    await call('Emulation.setDeviceMetricsOverride', { ...sizeOfSvg(svg), deviceScaleFactor: 3, mobile: false })
    return call('Page.captureScreenshot', { format: 'png' })
  })

/** A page that is one figure and nothing else; its paper is as large as the figure. */
export function pageOfFigure(svg: string): string {
  const { width, height } = sizeOfSvg(svg)
  return `<!doctype html><meta charset="utf-8"><title>Figure</title><style>@page{size:${width + 40}px ${height + 40}px;margin:20px}html,body{margin:0}svg{display:block}</style>${svg}`
}

export function sizeOfSvg(svg: string): { width: number; height: number } {
  const [, width = '680', height = '200'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []
  return { width: Number(width), height: Number(height) }
}

type Call = (method: string, params?: object) => Promise<Reply>

/** What Chromium answers, as far as it is looked at. */
const replySchema = z.object({
  id: z.int().optional(),
  error: z.object({ message: z.string() }).optional(),
  result: z
    .object({
      targetId: z.string().optional(),
      sessionId: z.string().optional(),
      data: z.string().optional(),
      result: z.object({ value: z.unknown() }).optional(),
    })
    .optional(),
})
type Reply = NonNullable<z.infer<typeof replySchema>['result']>

/** Opens a page in a Chromium of its own, lets it be drawn, and answers what came of it. */
async function drawn(html: string, draw: (call: Call) => Promise<Reply>): Promise<Uint8Array<ArrayBuffer>> {
  const chromium = await findChromium()
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-print-'))
  const page = path.join(folder, 'page.html')
  writeFileSync(page, html)
  const child = spawn(
    chromium,
    [
      ...['--headless', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-pipe'],
      `--user-data-dir=${path.join(folder, 'profile')}`,
      // its own sandbox does not start as root, which containers are; the page is ours and runs no script
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  )
  const over = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`it ended with status ${code ?? 'none'}`)))
  })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${SECONDS_MAX} seconds`)), SECONDS_MAX * 1000)
  })
  try {
    const { data } = await Promise.race([printed(connection(child), pathToFileURL(page).href, draw), over, late])
    if (data === undefined) throw new Error('it answered nothing')
    return new Uint8Array(Buffer.from(data, 'base64'))
  } catch (error) {
    throw new ContractError({
      code: 'print-failed',
      message: `${chromium} did not print: ${error instanceof Error ? error.message : String(error)}`,
    })
  } finally {
    clearTimeout(timer)
    // whichever of the two did not win the race
    over.catch(() => undefined)
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null
    child.kill('SIGKILL')
    await gone?.catch(() => undefined)
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function printed(
  call: (method: string, params?: object, session?: string) => Promise<Reply>,
  address: string,
  draw: (call: Call) => Promise<Reply>,
): Promise<Reply> {
  const { targetId } = await call('Target.createTarget', { url: address })
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true })
  const ofPage: Call = (method, params) => call(method, params, sessionId)
  const isThere = {
    expression: `document.readyState === 'complete' && location.href !== 'about:blank'`,
    returnByValue: true,
  }
  while ((await ofPage('Runtime.evaluate', isThere)).result?.value !== true) await sleep(20)
  return draw(ofPage)
}

/** Chromium's debugging protocol over two pipes: messages of JSON that end with a zero byte. */
function connection(child: ChildProcess): (method: string, params?: object, session?: string) => Promise<Reply> {
  const [, , , input, output] = child.stdio
  if (!(input instanceof Writable) || !(output instanceof Readable)) throw new Error('it has no pipes')
  const waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  let heard = ''
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (heard + text).split('\0')
    heard = messages.pop() ?? ''
    for (const message of messages) {
      const { data } = replySchema.safeParse(JSON.parse(message))
      const caller = data?.id === undefined ? undefined : waiting.get(data.id)
      if (!data || !caller) continue
      waiting.delete(data.id ?? 0)
      if (data.error) caller.reject(new Error(data.error.message))
      else caller.resolve(data.result ?? {})
    }
  })
  // a Chromium that ends is told of by its exit
  input.on('error', () => undefined)
  let id = 0
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject })
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`)
    })
}

/** The path of a Chromium. Throws ContractError `no-chromium`. */
export async function findChromium(): Promise<string> {
  const named = process.env['PAGER_CHROMIUM']
  if (named !== undefined && named !== '') {
    if (isProgram(named)) return named
    throw new ContractError({ code: 'no-chromium', message: `PAGER_CHROMIUM names ${named}, which is no program` })
  }
  const installed = places.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isProgram)
  if (installed !== undefined) return installed
  const packaged = await packagedChromium()
  if (packaged !== null) return packaged
  throw new ContractError({
    code: 'no-chromium',
    message: 'PDF and PNG want a Chromium, and none is found: install one, or let PAGER_CHROMIUM name it',
  })
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

interface ChromiumPackage {
  executablePath(): Promise<string>
}
const packageSchema = z.object({
  default: z.custom<ChromiumPackage>((value) => typeof value === 'function' && 'executablePath' in value),
})

/** The one inside a package that only a development checkout has; null where it is not there. */
async function packagedChromium(): Promise<string | null> {
  // not known to the bundler, which would take it along
  const name = '@sparticuz/chromium'
  try {
    const { data } = packageSchema.safeParse(await import(name))
    const file = await data?.default.executablePath()
    return file !== undefined && isProgram(file) ? file : null
  } catch {
    return null
  }
}
