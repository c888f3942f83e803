/**
 * Sample tiles as they come from the service, and what charts make of them: rates, means, extremes and sums.
 *
 * A tile row covers [begin, begin + length) ns and has, per column, the sum, least and greatest value over the base
 * buckets in it. A counter's rate is its sum per second; a gauge's mean is its sum over the number of base buckets.
 */
import { DataKind, DataPlaneError, decodeTable } from '../../electron/contract/dataPlane.ts'
import type { Span } from '../range.ts'

export interface SampledMetric {
  sum: Float64Array
  /** Where they were asked for. */
  min?: Float64Array
  max?: Float64Array
}

export interface SampleTiles {
  rows: number
  /** Virtual ns at which each row begins. */
  begin: Float64Array
  /** Length of each row in ns. */
  length: Float64Array
  /** Length of a base bucket in ns. */
  bucketNs: number
  metrics: ReadonlyMap<string, SampledMetric>
}

export const noTiles: SampleTiles = { rows: 0, begin: new Float64Array(), length: new Float64Array(), bucketNs: 1, metrics: new Map() }

/** Decodes the answer to runs.samples; `columns` and `extremes` as they were asked for. Throws DataPlaneError. */
export function decodeSamples(buffer: ArrayBuffer, columns: readonly string[], extremes: readonly string[], bucketNs: number): SampleTiles {
  const table = decodeTable(buffer)
  if (table.kind !== DataKind.samples) throw new DataPlaneError(`a binary answer holds kind ${table.kind} where samples were asked for`)
  let next = 0
  const column = (): Float64Array => {
    const found = table.columns[next++]
    if (!(found instanceof Float64Array)) throw new DataPlaneError(`samples lack column ${next - 1}`)
    return found
  }
  const begin = column()
  const length = column()
  const metrics = new Map(columns.map((name): [string, SampledMetric] => [name, extremes.includes(name) ? { sum: column(), min: column(), max: column() } : { sum: column() }]))
  return { rows: table.rows, begin, length, bucketNs, metrics }
}

/** A value per row. */
export type RowValue = (tiles: SampleTiles, row: number) => number

const at = (column: Float64Array | undefined, row: number) => column?.[row] ?? 0

/** Base buckets that a row covers; at least one. */
export function bucketsIn(tiles: SampleTiles, row: number): number {
  return Math.max(1, Math.round(at(tiles.length, row) / tiles.bucketNs))
}

/** Growth of a counter per second of virtual time. */
export const rateOf =
  (name: string): RowValue =>
  (tiles, row) => {
    const length = at(tiles.length, row)
    return length > 0 ? (at(tiles.metrics.get(name)?.sum, row) / length) * 1e9 : 0
  }

/** Mean of a gauge. */
export const meanOf =
  (name: string): RowValue =>
  (tiles, row) =>
    at(tiles.metrics.get(name)?.sum, row) / bucketsIn(tiles, row)

export const leastOf =
  (name: string): RowValue =>
  (tiles, row) =>
    at(tiles.metrics.get(name)?.min, row)

export const greatestOf =
  (name: string): RowValue =>
  (tiles, row) =>
    at(tiles.metrics.get(name)?.max, row)

/** Share of the row's time that a counter of ns makes up, in percent. */
export const busyOf =
  (name: string): RowValue =>
  (tiles, row) => {
    const length = at(tiles.length, row)
    return length > 0 ? (at(tiles.metrics.get(name)?.sum, row) / length) * 100 : 0
  }

/** One counter per another, times `scale`; NaN (a gap) where the second did not grow. */
export const quotientOf =
  (dividend: string, divisors: readonly string[], scale: number): RowValue =>
  (tiles, row) => {
    const divisor = divisors.reduce((sum, name) => sum + at(tiles.metrics.get(name)?.sum, row), 0)
    return divisor > 0 ? (at(tiles.metrics.get(dividend)?.sum, row) / divisor) * scale : NaN
  }

/** The beginnings of rows and the end of the last one: where valuesOf has its values. */
export function timesOf({ rows, begin, length }: SampleTiles): Float64Array {
  const times = new Float64Array(rows === 0 ? 0 : rows + 1)
  for (let row = 0; row < rows; row++) times[row] = at(begin, row)
  if (rows > 0) times[rows] = at(begin, rows - 1) + at(length, rows - 1)
  return times
}

/** The values of rows, the last one held to the end of its row, so that a stepped line shows what was. */
export function valuesOf(tiles: SampleTiles, value: RowValue): Float64Array {
  const { rows } = tiles
  const values = new Float64Array(rows === 0 ? 0 : rows + 1)
  for (let row = 0; row < rows; row++) values[row] = value(tiles, row)
  if (rows > 0) values[rows] = values[rows - 1]!
  return values
}

/** The row that holds a moment; -1 if none does. */
export function rowAt(tiles: SampleTiles, moment: number): number {
  let low = 0
  let high = tiles.rows - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const begin = at(tiles.begin, middle)
    if (moment < begin) high = middle - 1
    else if (moment >= begin + at(tiles.length, middle)) low = middle + 1
    else return middle
  }
  // the very end of a run belongs to its last row
  const last = tiles.rows - 1
  return last >= 0 && moment === at(tiles.begin, last) + at(tiles.length, last) ? last : -1
}

/** Growth of a counter over a span; rows that the span cuts count by the part inside. */
export function sumOver(tiles: SampleTiles, name: string, span: Span): number {
  const column = tiles.metrics.get(name)?.sum
  let total = 0
  for (let row = 0; row < tiles.rows; row++) {
    const begin = at(tiles.begin, row)
    const length = at(tiles.length, row)
    const inside = Math.min(span.to, begin + length) - Math.max(span.from, begin)
    if (inside > 0 && length > 0) total += at(column, row) * Math.min(1, inside / length)
  }
  return total
}
