/**
 * Samples: one row per bucket of virtual time in which something may have happened, with the growth of each counter and the
 * gauges at its end (metrics.ts). Rows are handed out in batches.
 */
import type { Columns } from './columns.ts'
import { COUNTERS, DEVICE_METRICS, GAUGES, MAX_DEVICES, SAMPLE_WIDTH } from './metrics.ts'

const BATCH = 256
const DEVICE_COLUMNS = DEVICE_METRICS * MAX_DEVICES
/** Of a device's metrics the last two, queue and used, are gauges. */
const DEVICE_GAUGES_FROM = 6

export interface SampleSink {
  /** Takes `count` rows of SAMPLE_WIDTH numbers. The array is used again: copy what is kept. */
  take(rows: Float64Array, count: number): void
}

/** Writes the present gauges, and the present totals of devices, into the columns it is given. */
export type GaugeReader = (gauges: Float64Array, devices: Float64Array) => void

export class Sampler {
  /** Virtual time at which the present bucket ends, ns. */
  declare bucketEnd: number
  readonly #bucketNs: number
  readonly #sink: SampleSink
  readonly #read: GaugeReader
  readonly #rows = new Float64Array(BATCH * SAMPLE_WIDTH)
  #count = 0
  /** Totals at the last sample: counters, then devices. */
  #before: Float64Array
  /** [0] number of the present bucket. */
  #state: Float64Array
  readonly #gauges = new Float64Array(GAUGES)
  readonly #devices = new Float64Array(DEVICE_COLUMNS)

  constructor(columns: Columns, bucketNs: number, sink: SampleSink, read: GaugeReader) {
    this.#bucketNs = bucketNs
    this.#sink = sink
    this.#read = read
    this.#before = columns.define('sample.before', 'f64', COUNTERS + DEVICE_COLUMNS)
    this.#state = columns.define('sample.state', 'f64', 1)
    this.bucketEnd = bucketNs
    columns.onRebind(() => {
      this.#before = columns.get('sample.before', 'f64')
      this.#state = columns.get('sample.state', 'f64')
      this.bucketEnd = (this.#state[0]! + 1) * this.#bucketNs
      this.#count = 0
    })
  }

  /** Time has come to `now`, at or past the bucket's end: its row is made, and the bucket of `now` begins. */
  advance(now: number, counters: Float64Array): void {
    this.#row(counters)
    this.#state[0] = Math.floor(now / this.#bucketNs)
    this.bucketEnd = (this.#state[0] + 1) * this.#bucketNs
  }

  /** Hands out what has been gathered. At the end of a run (`last`) the present bucket's row too. */
  flush(counters: Float64Array, last: boolean): void {
    if (last) this.#row(counters)
    if (this.#count === 0) return
    this.#sink.take(this.#rows, this.#count)
    this.#count = 0
  }

  #row(counters: Float64Array): void {
    const rows = this.#rows
    const before = this.#before
    let at = this.#count * SAMPLE_WIDTH
    rows[at++] = this.#state[0]!
    for (let i = 0; i < COUNTERS; i++) {
      rows[at++] = counters[i]! - before[i]!
      before[i] = counters[i]!
    }
    this.#read(this.#gauges, this.#devices)
    for (let i = 0; i < GAUGES; i++) rows[at++] = this.#gauges[i]!
    for (let i = 0; i < DEVICE_COLUMNS; i++) {
      const total = this.#devices[i]!
      if (i % DEVICE_METRICS >= DEVICE_GAUGES_FROM) rows[at++] = total
      else {
        rows[at++] = total - before[COUNTERS + i]!
        before[COUNTERS + i] = total
      }
    }
    this.#count += 1
    if (this.#count === BATCH) {
      this.#sink.take(rows, BATCH)
      this.#count = 0
    }
  }
}
