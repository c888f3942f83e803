/** What a chart of a run shows, as plain data: adding a chart is adding one of these to charts/runCharts.ts. */
import type { NumberFormat } from '../format.ts'
import type { GlyphKind } from '../glyphs.ts'
import type { Span } from '../range.ts'
import type { RowValue, SampleTiles } from './tiles.ts'

export interface ChartSeries {
  label: string
  /** The metric whose definition is shown on hover; '' for none. */
  metric: string
  /** Custom property that holds the colour. */
  colour: string
  value: RowValue
  /** An event's glyph instead of a stroke in the legend. */
  glyph?: GlyphKind
  dash?: number[]
  width?: number
  /** Series of one stack are piled up and filled. */
  stack?: string
  /** Least and greatest value in a row, drawn as a pale band behind the line. */
  band?: { low: RowValue; high: RowValue }
  /** Samples of another run than the chart's own. */
  tiles?: SampleTiles
}

export interface ChartThreshold {
  label: string
  value: number
}

export interface ChartSpec {
  id: string
  title: string
  /** What the chart is about, where several have the same title. */
  about?: string
  unit: string
  /** What is shown and how it is made of counters, for the title's hover. */
  hint: string
  series: ChartSeries[]
  format: NumberFormat
  thresholds?: ChartThreshold[]
  /** The axis goes at least this far. */
  atLeast?: number
  /** The axis goes no farther than this. */
  atMost?: number
  /** A short peak that would flatten all the rest may be cut; the title then says how high it was. */
  cutsPeaks?: boolean
  /** A logarithmic axis, and dots instead of lines: for values that come now and then and differ by orders of magnitude. */
  dots?: boolean
}

/**
 * What charts show. A plain object whose properties are read where they are shown, so that a pointer that moves renders nothing anew but what
 * follows it.
 */
export interface ChartScene {
  readonly tiles: SampleTiles
  readonly span: Span
  readonly selection: Span | null
  /** The moment under the pointer. */
  readonly cursor: number | null
}
