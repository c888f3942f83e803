/** The page's end of the thread that paints charts: one thread for all of the window, begun with the first chart. */
import { notifyProblem } from '../notify.ts'
import type { Span } from '../range.ts'
import type { ChartDrawing } from './chartDrawing.ts'
import type { FromPainter, ToPainter } from './chartMessages.ts'

export interface ChartPainter {
  draw(drawing: ChartDrawing): void
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

/** Takes over a canvas. Null where there is no screen to paint on, as in the tests of components. */
export function paintOn(canvas: HTMLCanvasElement, onDrawn: (span: Span) => void): ChartPainter | null {
  if (typeof OffscreenCanvas === 'undefined') return null
  const chart = ++charts
  const offscreen = canvas.transferControlToOffscreen()
  const say = (message: ToPainter, moved: Transferable[] = []) => painters().postMessage(message, moved)
  say({ chart, canvas: offscreen }, [offscreen])
  listeners.set(chart, onDrawn)
  return {
    draw: (drawing) => say({ chart, drawing }),
    close() {
      listeners.delete(chart)
      say({ chart })
    },
  }
}
