/** The thread that paints charts, so that the page stays free for the pointer. Of several drawings of a chart that wait, only the newest is painted. */
import type { ChartDrawing } from './chartDrawing.ts'
import type { FromPainter, ToPainter } from './chartMessages.ts'
import { LineChart } from './lineChart.ts'

const canvases = new Map<number, OffscreenCanvas>()
const charts = new Map<number, LineChart>()
const waiting = new Map<number, ChartDrawing>()
/** Not told yet. */
const shown: FromPainter = []
const turns = new MessageChannel()
let isDue = false

self.onmessage = ({ data }: MessageEvent<ToPainter>) => {
  const { chart } = data
  if (data.canvas) canvases.set(chart, data.canvas)
  else if (data.drawing) {
    waiting.set(chart, data.drawing)
    if (!isDue) turns.port2.postMessage(null)
    isDue = true
  } else {
    charts.get(chart)?.destroy()
    charts.delete(chart)
    canvases.delete(chart)
    waiting.delete(chart)
  }
}

// a turn of its own for each, so that what has come meanwhile is heard first
turns.port1.onmessage = () => {
  for (const [chart, drawing] of waiting) {
    waiting.delete(chart)
    paint(chart, drawing)
    break
  }
  isDue = waiting.size > 0
  if (!isDue) self.postMessage(shown.splice(0))
  if (isDue) turns.port2.postMessage(null)
}

function paint(chart: number, drawing: ChartDrawing): void {
  const canvas = canvases.get(chart)
  if (!canvas) return
  let known = charts.get(chart)
  if (!known) charts.set(chart, (known = new LineChart(canvas, drawing)))
  known.draw(drawing)
  shown.push({ chart, ...drawing.span })
}
