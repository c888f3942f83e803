/**
 * Samples at several time resolutions.
 *
 * A *tile* of level k stands for 4^k base buckets, aligned to a multiple of 4^k, and holds per metric the sum, the
 * smallest and the greatest value over these buckets and the last value. Level 0 is the samples themselves. A bucket
 * that is missing had no growth in any counter, and its gauges were what they were before; buckets before the first row
 * have the first row's gauges.
 *
 * Tiles of a level are written in chunks of 512. Only every third level is written. A level is fed when a chunk of the level below is full, so
 * its end lags behind. A chunk whose samples lie so far apart that the next level would have hardly fewer tiles feeds the one after that, and leaves
 * a hole in the next. Whoever reads takes what a level does not have from the levels below, and needs no repair after a crash.
 *
 * Most metrics of a run never are anything but 0 (those of devices that there are not): nothing is done for them, and their
 * columns are left out.
 */
import {
  COUNTERS,
  DEVICE_METRICS,
  GAUGES,
  MAX_DEVICES,
  SAMPLE_WIDTH,
  deviceMetricNames,
} from '../engine/sim/metrics.ts'
import { StoreError } from './errors.ts'
import { packColumns } from './pack.ts'
import type { SampleBatch } from './sampleBatch.ts'

/** Tiles of a level in one tile of the level with the next number. */
export const LEVEL_STEP = 4
/** From one level that is written to the next. */
const LEVELS_APART = 3
/** A level is written where it has at most this share of the tiles below it. */
const TILES_SHARE_MAX = 0.5
export const ROWS_PER_SAMPLE_CHUNK = 512
/** Metrics of a sample row: all its columns but the bucket number. */
export const METRICS = SAMPLE_WIDTH - 1
/** Columns per metric in the chunks of levels 1 and up: sum, min, max, last (for gauges only). */
export const TILE_COLUMNS = 4

/** Per metric whether it is a level (its value holds until it changes), not growth. */
export const isGauge: readonly boolean[] = [
  ...Array.from({ length: COUNTERS }, () => false),
  ...Array.from({ length: GAUGES }, () => true),
  ...Array.from({ length: DEVICE_METRICS * MAX_DEVICES }, (_, i) =>
    ['queue', 'used'].includes(deviceMetricNames[i % DEVICE_METRICS] ?? ''),
  ),
]

/** A chunk that is to be written; one with the same level and first bucket is replaced. */
export interface SampleChunk {
  level: number
  firstBucket: number
  endBucket: number
  rows: number
  data: Uint8Array
}

/** Tiles in memory: per metric METRICS columns of sum, min, max, last. At level 0 the four are the same array. */
class TileBuffer {
  count = 0
  /** Base buckets that the tiles cover: from here, which may be within the first tile, to before `end`. */
  begin = 0
  end = 0
  readonly tile = new Float64Array(ROWS_PER_SAMPLE_CHUNK)
  readonly sum: Float64Array[]
  readonly min: Float64Array[]
  readonly max: Float64Array[]
  readonly last: Float64Array[]

  constructor(level: number) {
    const make = () => Array.from({ length: METRICS }, () => new Float64Array(ROWS_PER_SAMPLE_CHUNK))
    this.sum = make()
    this.min = level === 0 ? this.sum : make()
    this.max = level === 0 ? this.sum : make()
    this.last = level === 0 ? this.sum : make()
  }
}

/** One level: its open chunk, and from level 1 on the open tile that the level below fills. */
class Level {
  readonly number: number
  /** Base buckets in a tile. */
  readonly size: number
  chunksSealed = 0
  openTile = -1
  covered = 0
  /** What lies before this base bucket is left to the levels below. */
  skippedTo = 0
  readonly sum = new Float64Array(METRICS)
  readonly min = new Float64Array(METRICS)
  readonly max = new Float64Array(METRICS)
  readonly carry = new Float64Array(METRICS)
  #buffer: TileBuffer | null = null

  constructor(number: number) {
    this.number = number
    this.size = LEVEL_STEP ** number
  }

  /** A level that has no tiles takes no room for them. */
  get buffer(): TileBuffer {
    return (this.#buffer ??= new TileBuffer(this.number))
  }

  /** Base bucket from which on the open tile is told. */
  get openBegin(): number {
    return Math.max(this.openTile * this.size, this.skippedTo)
  }

  get hasTiles(): boolean {
    return this.#buffer !== null && this.#buffer.count > 0
  }
}

/** Takes the samples of one run as they come and says which chunks are to be written. */
export class PyramidWriter {
  readonly #levels: Level[] = [new Level(0)]
  /** Metrics that have been other than 0. */
  readonly #active: number[] = []
  readonly #isActive = new Uint8Array(METRICS)
  readonly #dirty = new Map<string, SampleChunk>()
  #tailChanged = false

  /**
   * Takes rows. Bucket numbers must not fall; a row for the bucket of the row before it adds its growth to that row and replaces its gauges.
   * Throws StoreError `wrong-order`.
   */
  add(batch: SampleBatch): void {
    const { count, buckets, metrics } = batch
    this.#checkOrder(batch)
    for (const metric of metrics) if (this.#isActive[metric] === 0) this.#activate(metric)
    const base = this.#level(0)
    const { buffer } = base
    for (let from = 0; from < count;) {
      if (buckets[from] !== buffer.end - 1 && buffer.count === ROWS_PER_SAMPLE_CHUNK) this.#seal(0)
      let to = from
      for (; to < count && to - from < ROWS_PER_SAMPLE_CHUNK; to++) {
        const bucket = buckets[to]!
        const isSame = buffer.count > 0 && bucket === buffer.end - 1
        if (!isSame) {
          if (buffer.count === ROWS_PER_SAMPLE_CHUNK) break
          if (buffer.count === 0) buffer.begin = bucket
          buffer.tile[buffer.count++] = bucket
          buffer.end = bucket + 1
        }
        this.#places[to - from] = buffer.count - 1
        this.#isAddition[to - from] = Number(isSame)
      }
      this.#putValues(batch, from, to)
      from = to
      this.#tailChanged = true
    }
  }

  #checkOrder({ count, buckets }: SampleBatch): void {
    let newest = this.#level(0).buffer.end - 1
    for (let row = 0; row < count; row++) {
      const bucket = buckets[row]!
      if (bucket < newest || bucket < 0)
        throw new StoreError('wrong-order', `samples of bucket ${bucket} came after those of bucket ${newest}`, 'bucket')
      newest = bucket
    }
  }

  /** Of the rows that are being added where they stand in the open chunk, and whether they add to what stands there. */
  readonly #places = new Uint16Array(ROWS_PER_SAMPLE_CHUNK)
  readonly #isAddition = new Uint8Array(ROWS_PER_SAMPLE_CHUNK)

  #putValues({ count, metrics, values }: SampleBatch, from: number, to: number): void {
    const { sum } = this.#level(0).buffer
    for (const metric of this.#active) {
      const place = metrics.indexOf(metric)
      const first = place * count
      const column = sum[metric]!
      const adds = !isGauge[metric]
      for (let row = from; row < to; row++) {
        const value = place < 0 ? 0 : values[first + row]!
        const at = this.#places[row - from]!
        column[at] = adds && this.#isAddition[row - from] === 1 ? column[at]! + value : value
      }
    }
  }

  /** The chunks that are to be written now. They are offered again until `written` is called. */
  chunks(): SampleChunk[] {
    if (this.#tailChanged && this.#level(0).hasTiles) this.#put(this.#level(0))
    this.#tailChanged = false
    return [...this.#dirty.values()]
  }

  /** The chunks last offered are committed. */
  written(): void {
    this.#dirty.clear()
  }

  /** No more rows will come: completes every level. */
  finish(): void {
    for (let at = 0; at < this.#levels.length; at++) {
      const level = this.#levels[at]!
      // what the level below left in the open tile ends where the samples end
      if (level.openTile >= 0) this.#closeTile(at, level.covered)
      if (!level.hasTiles) continue
      // one chunk alone is as quick to read as its summary
      if (level.chunksSealed > 0) this.#seal(at)
      else this.#put(level)
    }
    this.#tailChanged = false
  }

  #activate(metric: number): void {
    this.#isActive[metric] = 1
    this.#active.push(metric)
    // what open tiles cover already was 0
    for (const level of this.#levels) {
      level.sum[metric] = 0
      level.min[metric] = 0
      level.max[metric] = 0
    }
  }

  #level(at: number): Level {
    for (let next = this.#levels.length; next <= at; next++) {
      const level = new Level(next * LEVELS_APART)
      // before the first row stand its gauges
      level.carry.set(this.#firstGauges)
      this.#levels.push(level)
    }
    return this.#levels[at]!
  }

  /** Writes a level's open chunk for good, feeds it to the first level above that is worth it and begins a new one. */
  #seal(at: number): void {
    const level = this.#level(at)
    const { buffer } = level
    this.#put(level)
    level.chunksSealed++
    if (this.#firstGauges.length === 0) this.#firstGauges = Float64Array.from(buffer.last, (values) => values[0]!)
    let above = at + 1
    for (; tilesAt(this.#level(above), level) > Math.max(1, buffer.count * TILES_SHARE_MAX); above++) this.#skip(above, buffer)
    this.#feed(above, level)
    buffer.count = 0
  }

  /** Leaves what a chunk below covers out of a level, whose chunk ends before it. */
  #skip(at: number, { count, end, last }: TileBuffer): void {
    const level = this.#level(at)
    if (level.openTile >= 0) this.#closeTile(at, level.covered)
    if (level.hasTiles) this.#seal(at)
    level.skippedTo = end
    for (const metric of this.#active) level.carry[metric] = last[metric]![count - 1]!
  }

  #put(level: Level): void {
    const { buffer, number } = level
    const columns: (Float64Array | null)[] = [buffer.tile]
    for (let metric = 0; metric < METRICS; metric++) {
      const isActive = this.#isActive[metric] === 1
      const column = (values: Float64Array[]) => (isActive ? values[metric]! : null)
      columns.push(column(buffer.sum))
      if (number > 0) columns.push(column(buffer.min), column(buffer.max), isGauge[metric] ? column(buffer.last) : null)
    }
    const firstBucket = buffer.begin
    this.#dirty.set(`${number}:${firstBucket}`, {
      level: number,
      firstBucket,
      endBucket: buffer.end,
      rows: buffer.count,
      data: packColumns(columns, buffer.count),
    })
  }

  #feed(at: number, below: Level): void {
    const level = this.#level(at)
    const { buffer } = below
    const active = this.#active
    for (let from = 0; from < buffer.count;) {
      const tile = Math.floor((buffer.tile[from]! * below.size) / level.size)
      if (tile !== level.openTile) {
        if (level.openTile >= 0) this.#closeTile(at, (level.openTile + 1) * level.size)
        level.openTile = tile
        level.covered = level.openBegin
        level.sum.fill(0)
        level.min.fill(Infinity)
        level.max.fill(-Infinity)
      }
      // the rows of this tile, and what lies before each of them
      let to = from
      for (; to < buffer.count; to++) {
        const begin = buffer.tile[to]! * below.size
        if (Math.floor(begin / level.size) !== tile) break
        this.#gaps[to] = Math.max(0, begin - level.covered)
        level.covered = to === buffer.count - 1 ? buffer.end : begin + below.size
      }
      for (const metric of active) feedMetric(level, buffer, metric, this.#gaps, from, to)
      from = to
    }
  }

  /** Base buckets in which nothing happened before each row that is fed. */
  readonly #gaps = new Float64Array(ROWS_PER_SAMPLE_CHUNK)
  /** What the first row of all says. */
  #firstGauges = new Float64Array(0)

  #closeTile(at: number, end: number): void {
    const level = this.#level(at)
    fillGap(level, end, this.#active)
    const { buffer } = level
    if (buffer.count === ROWS_PER_SAMPLE_CHUNK) this.#seal(at)
    const row = buffer.count++
    if (row === 0) buffer.begin = level.openBegin
    buffer.tile[row] = level.openTile
    buffer.end = end
    for (const metric of this.#active) {
      buffer.sum[metric]![row] = level.sum[metric]!
      buffer.min[metric]![row] = level.min[metric]!
      buffer.max[metric]![row] = level.max[metric]!
      buffer.last[metric]![row] = level.carry[metric]!
    }
    level.openTile = -1
  }
}

/** How many tiles of a level the chunk of one below it lies in. */
function tilesAt(level: Level, { buffer, size }: Level): number {
  let found = 0
  let before = -1
  for (let row = 0; row < buffer.count; row++) {
    const tile = Math.floor((buffer.tile[row]! * size) / level.size)
    found += Number(tile !== before)
    before = tile
  }
  return found
}

/** Adds rows `from` to `to` of the level below to the open tile, in one metric: all its rows lie together. */
function feedMetric(
  level: Level,
  below: TileBuffer,
  metric: number,
  gaps: Float64Array,
  from: number,
  to: number,
): void {
  const isLevel = isGauge[metric]!
  const sums = below.sum[metric]!
  const mins = below.min[metric]!
  const maxs = below.max[metric]!
  const lasts = below.last[metric]!
  let sum = level.sum[metric]!
  let min = level.min[metric]!
  let max = level.max[metric]!
  let carry = level.carry[metric]!
  for (let row = from; row < to; row++) {
    const gap = gaps[row]!
    if (gap > 0) {
      const value = isLevel ? carry : 0
      sum += value * gap
      if (value < min) min = value
      if (value > max) max = value
    }
    sum += sums[row]!
    if (mins[row]! < min) min = mins[row]!
    if (maxs[row]! > max) max = maxs[row]!
    carry = lasts[row]!
  }
  level.sum[metric] = sum
  level.min[metric] = min
  level.max[metric] = max
  level.carry[metric] = carry
}

/** Extends a level's open tile up to `to` over buckets in which nothing happened. */
function fillGap(level: Level, to: number, active: readonly number[]): void {
  const gap = to - level.covered
  if (gap <= 0) return
  for (const metric of active) {
    const value = isGauge[metric] ? level.carry[metric]! : 0
    level.sum[metric]! += value * gap
    if (value < level.min[metric]!) level.min[metric] = value
    if (value > level.max[metric]!) level.max[metric] = value
  }
  level.covered = to
}
