/** What the page and the thread that paints charts say to each other. */
import type { ChartDrawing } from './chartDrawing.ts'
import type { TimelineDrawing } from './timeline.ts'

export interface ToPainter {
  chart: number
  /** The first message brings it. */
  canvas?: OffscreenCanvas
  /** What is to be shown; with none of these, the chart is gone. */
  drawing?: ChartDrawing
  timeline?: TimelineDrawing
}

/** What has come together at once. */
export type ToPainters = ToPainter[]

/** Charts that show these spans now, a timeline the one its tracks were asked for. */
export type FromPainter = { chart: number; from: number; to: number }[]
