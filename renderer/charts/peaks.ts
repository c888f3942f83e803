/** Where a chart's axis ends when a short peak (a program starting up, say) would flatten all the rest. Pure. */
import { roundUp } from '../range.ts'
import type { ChartSpec } from './chartTypes.ts'
import type { SampleTiles } from './tiles.ts'

/** A peak is cut if it is this many times what nearly all rows stay under. */
const PEAK_RATIO = 4
const NEARLY_ALL = 0.97
const FEWEST_ROWS = 60

/** The end of an axis below the greatest value, or null where nothing need be cut. Values are sizes, none negative. */
export function cutAt(values: ArrayLike<number>): { end: number; peak: number } | null {
  if (values.length < FEWEST_ROWS) return null
  const sorted = Float64Array.from(values).sort()
  const peak = sorted.at(-1) ?? 0
  const usual = sorted[Math.floor((sorted.length - 1) * NEARLY_ALL)] ?? 0
  return usual > 0 && peak > usual * PEAK_RATIO ? { end: roundUp(usual * 1.5), peak } : null
}

/** The greatest height that a chart's lines or piles reach in each row, whichever the direction. */
export function heightsOf(spec: ChartSpec, tiles: SampleTiles): Float64Array {
  const heights = new Float64Array(tiles.rows)
  const piles = new Map<string, Float64Array>()
  for (const series of spec.series) {
    const pile = piles.get(series.stack ?? series.label) ?? new Float64Array(tiles.rows)
    piles.set(series.stack ?? series.label, pile)
    for (let row = 0; row < tiles.rows; row++) pile[row] = (pile[row] ?? 0) + Math.abs(series.value(tiles, row) || 0)
  }
  for (const pile of piles.values()) for (let row = 0; row < tiles.rows; row++) heights[row] = Math.max(heights[row] ?? 0, pile[row] ?? 0)
  return heights
}

export function peakOf(spec: ChartSpec, tiles: SampleTiles): { end: number; peak: number } | null {
  return spec.cutsPeaks ? cutAt(heightsOf(spec, tiles)) : null
}
