/** What the page and the thread that paints charts say to each other. */
import type { ChartDrawing } from './chartDrawing.ts'

export interface ToPainter {
  chart: number
  /** The first message brings it. */
  canvas?: OffscreenCanvas
  /** What is to be shown; with neither, the chart is gone. */
  drawing?: ChartDrawing
}

/** Charts that show these spans now. */
export type FromPainter = { chart: number; from: number; to: number }[]
