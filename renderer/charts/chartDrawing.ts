/** A chart of a run as what is to be painted: plain numbers and colours, which go to the thread that paints (chartWorker.ts). Pure. */
import type { NumberFormat } from '../format.ts'
import type { Span } from '../range.ts'
import type { ChartSpec, ChartThreshold } from './chartTypes.ts'
import { timesOf, valuesOf, type SampleTiles } from './tiles.ts'

export interface DrawnSeries {
  label: string
  /** Virtual ns, and a value for each; NaN: a gap. */
  x: Float64Array
  y: Float64Array
  band: { low: Float64Array; high: Float64Array } | null
  colour: string
  dash: number[]
  width: number
  stack: string | null
}

export interface ChartColours {
  ink: string
  line: string
  text: string
  grid: string
  border: string
  surface: string
  font: string
}

export interface ChartDrawing {
  /** CSS pixels, and device pixels for each. */
  width: number
  height: number
  ratio: number
  span: Span
  format: NumberFormat
  thresholds: readonly ChartThreshold[]
  atLeast: number | null
  atMost: number | null
  isDots: boolean
  series: DrawnSeries[]
  colours: ChartColours
}

export interface DrawnOn {
  width: number
  height: number
  ratio: number
  /** The value of a custom property. */
  token: (name: string) => string
}

/** By samples: charts of the same ones share their times. */
const times = new WeakMap<SampleTiles, Float64Array>()
function timesIn(source: SampleTiles): Float64Array {
  const known = times.get(source) ?? timesOf(source)
  times.set(source, known)
  return known
}

/** `cut`: where the axis ends although there are greater values (peaks.ts). */
export function drawingOf(spec: ChartSpec, tiles: SampleTiles, span: Span, cut: number | null, { width, height, ratio, token }: DrawnOn): ChartDrawing {
  return {
    width,
    height,
    ratio,
    span: { from: span.from, to: span.to },
    format: spec.format,
    thresholds: (spec.thresholds ?? []).map((threshold) => ({ ...threshold })),
    atLeast: spec.atLeast ?? null,
    atMost: cut ?? spec.atMost ?? null,
    isDots: spec.dots === true,
    series: spec.series.map((series) => {
      const source = series.tiles ?? tiles
      return {
        label: series.label,
        x: timesIn(source),
        y: valuesOf(source, series.value),
        band: series.band ? { low: valuesOf(source, series.band.low), high: valuesOf(source, series.band.high) } : null,
        colour: token(series.colour),
        dash: [...(series.dash ?? [])],
        width: series.width ?? 1.5,
        stack: series.stack ?? null,
      }
    }),
    colours: {
      ink: token('--text-2'),
      line: token('--text-3'),
      text: token('--text-3'),
      grid: token('--grid'),
      border: token('--line-strong'),
      surface: token('--surface'),
      font: token('--font-ui'),
    },
  }
}
