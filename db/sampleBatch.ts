/** Rows of samples as they cross threads and as the store takes them: metric by metric, without those that are 0 throughout. */
import { SAMPLE_WIDTH } from '../engine/sim/metrics.ts'

/** Plain data, may cross threads. */
export interface SampleBatch {
  count: number
  /** Bucket number of each row. */
  buckets: Float64Array
  /** Metrics that are not 0 in all rows, ascending, numbered as in a sample row, 0 the first counter. */
  metrics: Uint8Array
  /** Of each of these, one after another, its value in each row. */
  values: Float64Array
}

/** The first `count` rows of SAMPLE_WIDTH numbers, in memory of its own. Throws RangeError where there are fewer. */
export function batchOf(rows: Float64Array, count: number): SampleBatch {
  if (rows.length < count * SAMPLE_WIDTH)
    throw new RangeError(`${count} sample rows need ${count * SAMPLE_WIDTH} numbers, there are ${rows.length}`)
  const present: number[] = []
  for (let metric = 0; metric < SAMPLE_WIDTH - 1; metric++) if (isPresent(rows, count, metric)) present.push(metric)
  const values = new Float64Array(present.length * count)
  const buckets = new Float64Array(count)
  copyColumn(rows, count, 0, buckets, 0)
  present.forEach((metric, place) => copyColumn(rows, count, 1 + metric, values, place * count))
  return { count, buckets, metrics: Uint8Array.from(present), values }
}

function isPresent(rows: Float64Array, count: number, metric: number): boolean {
  for (let row = 0, at = 1 + metric; row < count; row++, at += SAMPLE_WIDTH) if (rows[at] !== 0) return true
  return false
}

function copyColumn(rows: Float64Array, count: number, column: number, out: Float64Array, first: number): void {
  for (let row = 0, at = column; row < count; row++, at += SAMPLE_WIDTH) out[first + row] = rows[at]!
}
