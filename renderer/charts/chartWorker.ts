/** The thread that paints charts, so that the page stays free for the pointer. Of several drawings of a chart that wait, only the newest is painted. */
import type { Span } from '../range.ts'
import type { ChartDrawing } from './chartDrawing.ts'
import type { FromPainter, ToPainters } from './chartMessages.ts'
import { LineChart } from './lineChart.ts'
import { paintTimeline, type DrawnTrack, type TimelineDrawing } from './timeline.ts'

const canvases = new Map<number, OffscreenCanvas>()
const charts = new Map<number, LineChart>()
/** Of timelines. */
const tracks = new Map<number, DrawnTrack[]>()
/** What paints them; tells what is shown then. */
const waiting = new Map<number, (canvas: OffscreenCanvas) => Span>()
/** Not told yet. */
const shown: FromPainter = []
const turns = new MessageChannel()
let isDue = false

self.onmessage = ({ data }: MessageEvent<ToPainters>) => {
  for (const { chart, canvas, drawing, timeline } of data) {
    if (canvas) canvases.set(chart, canvas)
    else if (drawing) waiting.set(chart, (on) => paint(chart, on, drawing))
    else if (timeline) {
      if (timeline.tracks) tracks.set(chart, timeline.tracks)
      waiting.set(chart, (on) => paintTracks(chart, on, timeline))
    } else forget(chart)
  }
  if (!isDue && waiting.size > 0) {
    isDue = true
    turns.port2.postMessage(null)
  }
}

function forget(chart: number): void {
  charts.get(chart)?.destroy()
  charts.delete(chart)
  tracks.delete(chart)
  canvases.delete(chart)
  waiting.delete(chart)
}

// a turn of its own for each, so that what has come meanwhile is heard first
turns.port1.onmessage = () => {
  for (const [chart, paintIt] of waiting) {
    waiting.delete(chart)
    const canvas = canvases.get(chart)
    if (canvas) shown.push({ chart, ...paintIt(canvas) })
    break
  }
  isDue = waiting.size > 0
  if (isDue) turns.port2.postMessage(null)
  else self.postMessage(shown.splice(0))
}

function paint(chart: number, canvas: OffscreenCanvas, drawing: ChartDrawing): Span {
  let known = charts.get(chart)
  if (!known) charts.set(chart, (known = new LineChart(canvas, drawing)))
  known.draw(drawing)
  return drawing.span
}

function paintTracks(chart: number, canvas: OffscreenCanvas, drawing: TimelineDrawing): Span {
  const width = Math.round(drawing.width * drawing.ratio)
  const height = Math.round(drawing.height * drawing.ratio)
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  const context = canvas.getContext('2d')
  if (context) paintTimeline(context, drawing, tracks.get(chart) ?? [])
  return drawing.of
}
