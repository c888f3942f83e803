/**
 * How the window answers with a large run open: two hundred pans, zooms, hovers and scrolls over the trace explorer and the overview, 1280 by 800, in a
 * real Chromium that talks to `pager serve`.
 *
 *   interaction-ms      from the input to the frame that shows its range, 99th percentile
 *   exact-ms            to the frame with the service's own answer for that range, 99th percentile of the steps that need one
 *   longest-task-ms     longest task of the page's main thread
 *   main-thread-ms      work of the main thread for a step, 95th percentile
 *   software-drawing    1: the page was drawn by the processor, as on a machine without a graphics card; 0: by a graphics card
 *
 * Tasks are read from Chromium's own trace, by the wall clock; the baseline of the latter two is the same in processor time, which other
 * programs of the machine do not lengthen.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { workspacePaths } from '../../db/workspace.ts'
import { openInBrowser } from '../harness/browserApp.ts'
import { longRun } from './longRun.ts'
import type { BenchResult } from './result.ts'

const STEPS = 200
const QUICK_EVENTS = 3_000_000
/** With `long`: made once and kept in the folder for temporary files. */
const LONG_EVENTS = 100_000_000
/** After a step, before the next: people are no quicker. */
const PAUSE_MS = 60

export async function bench({ long }: { long: boolean }): Promise<BenchResult[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-bench-window-'))
  try {
    const events = long ? LONG_EVENTS : QUICK_EVENTS
    const { file, run } = await longRun(events, long ? tmpdir() : folder)
    const workspace = path.join(folder, 'workspace')
    mkdirSync(workspace)
    linkSync(file, workspacePaths(workspace).database)
    const measured = await inWindow(workspace, run)
    return [{ name: 'window-run-events', value: events, unit: 'events' }, ...measured]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inWindow(workspace: string, run: number): Promise<BenchResult[]> {
  const app = await openInBrowser({ workspace, viewport: { width: 1280, height: 800 } })
  try {
    const { page, browser } = app
    page.setDefaultTimeout(30_000)
    const isSoftware = await drawsInSoftware(browser)
    const steps: StepTimes[] = []
    const pages: Mark[][] = []
    await page.exposeFunction('stepDone', (times: StepTimes) => onStep(times))
    await browser.startTracing(page, { categories: ['toplevel', 'blink.user_timing', '__metadata'] })
    for (const tab of ['events', 'overview'] as const) {
      await page.goto(new URL(`/#/runs/${run}/${tab}`, app.url).href)
      await page.reload()
      await page.locator(places[tab]).first().waitFor()
      await page.waitForTimeout(1500)
      steps.push(...(await walk(page, tab)))
      pages.push(await page.evaluate(() => window.rest()))
    }
    const tasks = tasksOf((await browser.stopTracing()).toString('utf8'), pages)
    if (app.pageErrors.length > 0) throw new Error(`the window failed: ${app.pageErrors.join('\n')}`)
    const shown = steps.map(({ shownMs }) => shownMs)
    const exact = steps.flatMap(({ exactMs }) => (exactMs === null ? [] : [exactMs]))
    const longest = tasks.reduce((most, task) => (task.wallMs > most.wallMs ? task : most), { wallMs: 0, cpuMs: 0 })
    return [
      { name: 'interaction-ms', value: percentile(shown, 0.99), unit: 'ms, p99' },
      { name: 'exact-ms', value: percentile(exact, 0.99), unit: 'ms, p99' },
      { name: 'longest-task-ms', value: longest.wallMs, unit: 'ms', ...against(longest.wallMs, longest.cpuMs) },
      workOf(tasks),
      { name: 'window-steps', value: steps.length, unit: 'steps' },
      { name: 'software-drawing', value: isSoftware ? 1 : 0, unit: '1: by the processor' },
    ]
  } finally {
    await app.close()
  }
}

const against = (wall: number, cpu: number) => ({ baseline: cpu, ratio: cpu > 0 ? wall / cpu : 1 })

let onStep: (times: StepTimes) => void = () => undefined

/** What a step is made on. */
const places = { events: '[data-test="timeline"]', overview: '[data-test="chart-faults"] canvas' }

/** What shows the service's answer. */
const drawn = { events: '[data-test="timeline"]', overview: '[data-test^="chart-"] canvas' }

interface StepTimes {
  shownMs: number
  /** Null: the step asks the service for nothing. */
  exactMs: number | null
}

/** When a step began, or what is no step, in ms since the page has been marked in the trace: a mark for each would cost as much as the step's own script. */
interface Mark {
  isStep: boolean
  atMs: number
}

/** A step as the page hears of it, and whether it asks the service for something. */
interface Input {
  kind: 'pointermove' | 'wheel' | 'keydown'
  isAsking: boolean
}
const inputOf = (action: Action): Input => {
  if (action === 'hover') return { kind: 'pointermove', isAsking: false }
  return action === 'scroll' ? { kind: 'wheel', isAsking: false } : { kind: 'keydown', isAsking: true }
}

// what the function below that runs in the page takes of it
interface PageWindow {
  /** What the driver hears when a step is over. */
  stepDone: (times: StepTimes) => void
  /** The last step is over; all marks. */
  rest: () => Mark[]
  addEventListener: (kind: string, hear: (event: { timeStamp: number; type: string }) => void, options: { capture: boolean; passive: boolean }) => void
}
interface PageElement {
  dataset: Record<string, string | undefined>
}
declare const window: PageWindow
declare const document: { body: PageElement; querySelector: (selector: string) => PageElement | null; querySelectorAll: (selector: string) => Iterable<PageElement> }
declare const requestAnimationFrame: (callback: () => void) => number
declare const MutationObserver: new (changed: () => void) => {
  observe: (element: PageElement, options: { subtree: boolean; attributeFilter: string[] }) => void
  disconnect: () => void
}

/**
 * The page's side of the measurement, so that the driver asks it nothing while it works. Inputs are heard before the window hears them, frames after they
 * are painted; what the attributes say of the range is looked at when they change.
 */
function listen({ selector, inputs }: { selector: string; inputs: Input[] }): void {
  const { startTime } = performance.mark('page')
  const marks: Mark[] = []
  const mark = (isStep: boolean) => void marks.push({ isStep, atMs: performance.now() - startTime })
  window.rest = () => {
    mark(false)
    return marks
  }
  let step = -1
  let at = 0
  let shownMs = 0
  const tell = (exactMs: number | null) => {
    const times = { shownMs, exactMs }
    at = 0
    window.stepDone(times)
  }
  const look = (): void => {
    if (at === 0 || shownMs === 0 || !inputs[step]?.isAsking) return
    const range = document.querySelector('[data-test="strip"]')?.dataset
    for (const { dataset } of document.querySelectorAll(selector)) if (dataset['from'] !== range?.['from'] || dataset['to'] !== range?.['to']) return
    tell(performance.now() - at)
  }
  new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: ['data-from', 'data-to'] })
  const hear = (event: { timeStamp: number; type: string }) => {
    if (at !== 0) return
    // a pointer that goes to where the next step is made
    if (event.type !== inputs[step + 1]?.kind) {
      mark(false)
      return
    }
    step += 1
    at = event.timeStamp
    shownMs = 0
    mark(true)
    requestAnimationFrame(() => {
      setTimeout(() => {
        shownMs = performance.now() - at
        if (inputs[step]?.isAsking) look()
        else tell(null)
      })
    })
  }
  for (const kind of ['wheel', 'pointermove', 'keydown']) window.addEventListener(kind, hear, { capture: true, passive: true })
}

const actions = ['zoom in', 'hover', 'zoom in', 'pan', 'hover', 'zoom in', 'pan', 'scroll', 'zoom in', 'pan', 'hover', 'zoom out', 'zoom out', 'hover', 'zoom out', 'scroll'] as const
type Action = (typeof actions)[number]

async function walk(page: Page, tab: keyof typeof places): Promise<StepTimes[]> {
  const times: StepTimes[] = []
  const place = page.locator(places[tab]).first()
  const box = await place.boundingBox()
  if (!box) throw new Error('what is to be measured has no place')
  if (tab === 'events') await place.focus()
  let seed = 7
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647
  const made = Array.from({ length: STEPS / 2 }, (_, step) => actions[step % actions.length] ?? 'hover')
  await page.evaluate(listen, { selector: drawn[tab], inputs: made.map(inputOf) })
  for (const action of made) {
    const done = new Promise<StepTimes>((resolve) => (onStep = resolve))
    if (action === 'scroll') await page.mouse.move(640, tab === 'events' ? 640 : box.y + 40)
    if (action === 'hover') await page.mouse.move(box.x + box.width * (0.15 + 0.8 * random()), box.y + box.height * (0.2 + 0.6 * random()))
    else if (action === 'scroll') await page.mouse.wheel(0, 800)
    else await page.keyboard.press(action === 'zoom out' ? '-' : action === 'zoom in' ? '+' : 'ArrowRight')
    times.push(await done)
    await page.waitForTimeout(PAUSE_MS)
  }
  return times
}

interface Task {
  wallMs: number
  cpuMs: number
  /** Number of the step since whose input it ran. */
  step: number
}

interface TraceEvent {
  name: string
  ph: string
  ts: number
  dur?: number
  tdur?: number
  pid: number
  tid: number
}

/** Tasks of the thread that the pages were marked on, from each step on; not those while another view is opened. */
function tasksOf(trace: string, pages: readonly Mark[][]): Task[] {
  const parsed: { traceEvents: TraceEvent[] } = JSON.parse(trace)
  const begun = parsed.traceEvents.filter(({ name, ph }) => name === 'page' && (ph === 'I' || ph === 'R' || ph === 'i' || ph === 'n')).sort((a, b) => a.ts - b.ts)
  const [first] = begun
  if (!first || begun.length !== pages.length) throw new Error('the trace has other pages than were opened')
  const marks = begun.flatMap(({ ts }, page) => pages[page]!.map(({ isStep, atMs }) => ({ isStep, ts: ts + atMs * 1000 })))
  const tasks = parsed.traceEvents
    .filter(({ name, pid, tid, dur }) => name === 'ThreadControllerImpl::RunTask' && pid === first.pid && tid === first.tid && dur !== undefined)
    .sort((a, b) => a.ts - b.ts)
  let step = 0
  return tasks.flatMap(({ ts, dur = 0, tdur = 0 }) => {
    // the input's own task has begun before it is marked
    while (step < marks.length && marks[step]!.ts <= ts + dur) step++
    return marks[step - 1]?.isStep ? [{ wallMs: dur / 1000, cpuMs: tdur / 1000, step }] : []
  })
}

function workOf(tasks: readonly Task[]): BenchResult {
  const work = (of: (task: Task) => number) => {
    const sums = new Map<number, number>()
    for (const task of tasks) sums.set(task.step, (sums.get(task.step) ?? 0) + of(task))
    return percentile([...sums.values()], 0.95)
  }
  const wall = work(({ wallMs }) => wallMs)
  return { name: 'main-thread-ms', value: wall, unit: 'ms a step, p95', ...against(wall, work(({ cpuMs }) => cpuMs)) }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** What Chromium says about its canvas and its compositor. */
async function drawsInSoftware(browser: Browser): Promise<boolean> {
  const session = await browser.newBrowserCDPSession()
  const { gpu } = await session.send('SystemInfo.getInfo')
  await session.detach()
  const status = JSON.stringify(gpu.featureStatus ?? {})
  return !/"gpu_compositing":"enabled/.test(status)
}
