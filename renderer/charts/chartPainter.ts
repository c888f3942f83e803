/** The page's end of the thread that paints charts: one thread for all of the window, begun with the first chart. */
import { notifyProblem } from '../notify.ts'
import type { Span } from '../range.ts'
import type { ChartDrawing } from './chartDrawing.ts'
import type { TimelineDrawing } from './timeline.ts'
import type { FromPainter, ToPainter, ToPainters } from './chartMessages.ts'

export interface ChartPainter {
  draw(drawing: ChartDrawing): void
  drawTimeline(drawing: TimelineDrawing): void
  close(): void
}

let worker: Worker | null = null
let charts = 0
const listeners = new Map<number, (span: Span) => void>()

function painters(): Worker {
  if (worker) return worker
  worker = new Worker(new URL('./chartWorker.ts', import.meta.url), { type: 'module' })
  worker.onmessage = ({ data }: MessageEvent<FromPainter>) => {
    for (const { chart, from, to } of data) listeners.get(chart)?.({ from, to })
  }
  worker.onerror = ({ message }) => notifyProblem(new Error(message), 'A chart could not be drawn')
  return worker
}

let messages: ToPainters = []
let moved: Transferable[] = []

/** Said together with all else of the same turn: what several charts share, such as their times, goes once. */
function say(message: ToPainter): void {
  if (messages.length === 0)
    queueMicrotask(() => {
      painters().postMessage(messages, moved)
      messages = []
      moved = []
    })
  messages.push(message)
  if (message.canvas) moved.push(message.canvas)
}

/** Takes over a canvas. Null where there is no screen to paint on, as in the tests of components. `onDrawn`: with what is shown now. */
export function paintOn(canvas: HTMLCanvasElement, onDrawn: (span: Span) => void): ChartPainter | null {
  if (typeof OffscreenCanvas === 'undefined') return null
  const chart = ++charts
  say({ chart, canvas: canvas.transferControlToOffscreen() })
  listeners.set(chart, onDrawn)
  return {
    draw: (drawing) => say({ chart, drawing }),
    drawTimeline: (timeline) => say({ chart, timeline }),
    close() {
      listeners.delete(chart)
      say({ chart })
    },
  }
}
