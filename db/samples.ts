/**
 * Samples of a run: appended while it runs, and asked for by range at any resolution.
 *
 * An answer's rows are tiles of 2^n base buckets, aligned; n is the smallest that keeps to the number of rows asked for.
 * They are made from the stored level next below (pyramid.ts), so a chart over any length of run reads at most some ten
 * thousand numbers a column. What a level does not hold yet comes from the levels below it.
 */
import { GAUGES, COUNTERS, SAMPLE_WIDTH, sampleColumnNames } from '../engine/sim/metrics.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import { parseJson } from './json.ts'
import { PackedColumns } from './pack.ts'
import { isGauge, LEVEL_STEP, PyramidWriter, TILE_COLUMNS } from './pyramid.ts'
import type { SampleChunk } from './pyramid.ts'
import type { RunTable } from './runs.ts'
import type { SampleBatch } from './sampleBatch.ts'
import type { BinaryTable } from './types.ts'

export interface SampleQuery {
  /** Virtual nanoseconds, `toNs` excluded. */
  fromNs: number
  toNs: number
  /** Most rows of the answer, 1 to 4096. */
  buckets: number
  /** Names out of sampleColumnNames(), without "bucket". */
  columns: readonly string[]
}

export interface SampleColumn {
  name: string
  /** Whether it is a level (its mean is sum / base buckets), not growth. */
  gauge: boolean
  sum: Float64Array
  min: Float64Array
  max: Float64Array
}

export interface SampleTable {
  rows: number
  /** Virtual nanoseconds of a base bucket. */
  bucketNs: number
  /** Base buckets in a row, a power of two. The last row may hold fewer: `length` says how many. */
  bucketsPerRow: number
  /** Each row's begin and length in virtual nanoseconds. */
  begin: Float64Array
  length: Float64Array
  columns: SampleColumn[]
}

export const SAMPLE_ROWS_MAX = 4096

/** Names of all metrics, in the order of a sample row; index 0 is the first counter. */
export const metricNames: readonly string[] = sampleColumnNames().slice(1)
const metricOfName = new Map(metricNames.map((name, metric) => [name, metric]))

interface ChunkRow {
  first_bucket: number
  end_bucket: number
  data: Buffer
}

/** Rows `from` to `to` of a chunk of level `level`. */
interface Segment {
  packed: PackedColumns
  level: number
  tiles: Float64Array
  /** Base buckets that the chunk covers; its first tile may begin before them. */
  firstBucket: number
  endBucket: number
  from: number
  to: number
}

export class SampleTableStore {
  readonly #connection: Connection
  readonly #runs: RunTable
  readonly #writers = new Map<number, PyramidWriter>()
  readonly #levelEnd
  readonly #range
  readonly #before
  readonly #first
  readonly #put
  readonly #length
  readonly #layout

  constructor(connection: Connection, runs: RunTable) {
    const { sqlite } = connection
    this.#connection = connection
    this.#runs = runs
    this.#levelEnd = sqlite.prepare<[number, number], { end_bucket: number }>(
      'SELECT end_bucket FROM sample_chunks WHERE run_id = ? AND level = ? ORDER BY first_bucket DESC LIMIT 1',
    )
    this.#range = sqlite.prepare<[number, number, number, number], ChunkRow>(
      'SELECT first_bucket, end_bucket, data FROM sample_chunks ' +
        'WHERE run_id = ? AND level = ? AND first_bucket < ? AND end_bucket > ? ORDER BY first_bucket',
    )
    this.#before = sqlite.prepare<[number, number], ChunkRow>(
      'SELECT first_bucket, end_bucket, data FROM sample_chunks ' +
        'WHERE run_id = ? AND level = 0 AND first_bucket < ? ORDER BY first_bucket DESC LIMIT 1',
    )
    this.#first = sqlite.prepare<[number], ChunkRow>(
      'SELECT first_bucket, end_bucket, data FROM sample_chunks WHERE run_id = ? AND level = 0 ORDER BY first_bucket LIMIT 1',
    )
    this.#put = sqlite.prepare<[number, number, number, number, number, Uint8Array]>(
      'INSERT INTO sample_chunks (run_id, level, first_bucket, end_bucket, row_count, data) VALUES (?, ?, ?, ?, ?, ?) ' +
        'ON CONFLICT DO UPDATE SET end_bucket = excluded.end_bucket, row_count = excluded.row_count, data = excluded.data',
    )
    this.#length = sqlite.prepare<[number, number, number], { bytes: number }>(
      'SELECT length(data) AS bytes FROM sample_chunks WHERE run_id = ? AND level = ? AND first_bucket = ?',
    )
    this.#layout = sqlite.prepare<[number], { bucket_ns: number; sample_columns: string }>(
      'SELECT bucket_ns, sample_columns FROM runs WHERE id = ?',
    )
  }

  /**
   * Appends rows to a run that this store object has recorded from
   * its beginning. Rows are sparse and in order of bucket number. What was appended can be asked for at once, from any
   * connection. On an error (`disk-full`) nothing is lost: the rows are written with the next append.
   * Throws StoreError `wrong-order`, `disk-full`.
   */
  append(runId: number, batch: SampleBatch): void {
    this.#writer(runId).add(batch)
    this.#write(runId)
  }

  /** Stored chunks of all levels as they are, for who takes a run elsewhere. */
  *storedChunks(runId: number): Generator<SampleChunk> {
    const select = this.#connection.sqlite.prepare<[number], { level: number; firstBucket: number }>(
      'SELECT level, first_bucket AS firstBucket FROM sample_chunks WHERE run_id = ? ORDER BY level, first_bucket',
    )
    const chunk = this.#connection.sqlite.prepare<[number, number, number], Omit<SampleChunk, 'level' | 'firstBucket'>>(
      'SELECT end_bucket AS endBucket, row_count AS rows, data FROM sample_chunks WHERE run_id = ? AND level = ? AND first_bucket = ?',
    )
    for (const place of this.#connection.read(() => select.all(runId))) {
      const found = this.#connection.read(() => chunk.get(runId, place.level, place.firstBucket))
      if (found) yield { ...place, ...found }
    }
  }

  /** Names of a run's metrics in the order of its chunks' columns. */
  storedColumns(runId: number): string[] {
    return [...this.#connection.read(() => this.#layoutOf(runId)).stored.keys()]
  }

  /** Puts a chunk of a run that was recorded elsewhere. Throws StoreError `damaged` for one that does not decode. */
  putChunk(runId: number, chunk: SampleChunk): void {
    const packed = new PackedColumns(chunk.data)
    if (packed.rows !== chunk.rows || packed.column(0).length !== chunk.rows)
      throw new StoreError('damaged', `a chunk of samples has ${packed.rows} of ${chunk.rows} rows`, 'samples')
    this.#connection.write(() => {
      this.#put.run(runId, chunk.level, chunk.firstBucket, chunk.endBucket, chunk.rows, chunk.data)
      this.#runs.addStoredBytes(runId, chunk.data.length)
    })
  }

  /** Completes the levels of a run that has ended. Call before the run is reported finished. */
  finish(runId: number): void {
    const writer = this.#writers.get(runId)
    if (!writer) return
    writer.finish()
    this.#write(runId)
  }

  /** Forgets what is held in memory for a run that is finished. */
  release(runId: number): void {
    this.#writers.delete(runId)
  }

  /** Throws StoreError `not-found` for a column or run that does not exist. */
  query(runId: number, query: SampleQuery): SampleTable {
    return this.#connection.read(() => {
      const { bucketNs, stored } = this.#layoutOf(runId)
      const metrics = query.columns.map((name) => {
        const metric = metricOfName.get(name)
        if (metric === undefined) throw new StoreError('not-found', `there is no sample column "${name}"`, 'columns')
        return metric
      })
      const end = this.#levelEnd.get(runId, 0)?.end_bucket ?? 0
      const from = Math.max(0, Math.floor(query.fromNs / bucketNs))
      const to = Math.min(end, Math.ceil(query.toNs / bucketNs))
      const most = Math.max(1, Math.min(SAMPLE_ROWS_MAX, Math.floor(query.buckets)))
      let bucketsPerRow = 1
      if (to <= from) return tableOf(0, bucketNs, bucketsPerRow, 0, end, metrics)
      while (Math.ceil(to / bucketsPerRow) - Math.floor(from / bucketsPerRow) > most) bucketsPerRow *= 2
      const firstRow = Math.floor(from / bucketsPerRow)
      const rows = Math.ceil(to / bucketsPerRow) - firstRow
      const table = tableOf(rows, bucketNs, bucketsPerRow, firstRow, end, metrics)
      let level = 0
      while (LEVEL_STEP ** (level + 1) <= bucketsPerRow) level++
      const begin = firstRow * bucketsPerRow
      const segments = this.#segments(runId, level, begin, Math.min(end, begin + rows * bucketsPerRow))
      this.#fill(runId, table, segments, stored, begin, end)
      return table
    })
  }

  /**
   * The rows of a run as they were recorded, in order, in pieces of up to 512 rows of SAMPLE_WIDTH numbers; 0 for metrics that an
   * older run did not have.
   */
  *rows(runId: number): Generator<{ rows: Float64Array; count: number }> {
    const { stored } = this.#connection.read(() => this.#layoutOf(runId))
    for (let begin = 0; ;) {
      const from = begin
      const chunk = this.#connection.read(() => this.#nextChunk(runId, from))
      if (!chunk) return
      const packed = new PackedColumns(chunk.data)
      const rows = new Float64Array(packed.rows * SAMPLE_WIDTH)
      for (let column = 0; column < SAMPLE_WIDTH; column++) {
        const metric = column === 0 ? -1 : stored.get(metricNames[column - 1] ?? '')
        if (metric === undefined) continue
        const values = packed.column(1 + metric)
        for (let row = 0; row < packed.rows; row++) rows[row * SAMPLE_WIDTH + column] = values[row]!
      }
      yield { rows, count: packed.rows }
      begin = chunk.end_bucket
    }
  }

  #nextChunk(runId: number, from: number): ChunkRow | undefined {
    return this.#connection.sqlite
      .prepare<[number, number], ChunkRow>(
        'SELECT first_bucket, end_bucket, data FROM sample_chunks ' +
          'WHERE run_id = ? AND level = 0 AND first_bucket >= ? ORDER BY first_bucket LIMIT 1',
      )
      .get(runId, from)
  }

  #writer(runId: number): PyramidWriter {
    let writer = this.#writers.get(runId)
    if (!writer) {
      if (this.#connection.read(() => this.#levelEnd.get(runId, 0)))
        throw new StoreError(
          'wrong-order',
          `run ${runId} was recorded by another program; it cannot be appended to`,
          'id',
        )
      writer = new PyramidWriter()
      this.#writers.set(runId, writer)
    }
    return writer
  }

  #write(runId: number): void {
    const pyramid = this.#writer(runId)
    const chunks = pyramid.chunks()
    if (chunks.length === 0) return
    const write = () => {
      let growth = 0
      for (const chunk of chunks) {
        growth += chunk.data.length - (this.#length.get(runId, chunk.level, chunk.firstBucket)?.bytes ?? 0)
        this.#put.run(runId, chunk.level, chunk.firstBucket, chunk.endBucket, chunk.rows, chunk.data)
      }
      this.#runs.addStoredBytes(runId, growth)
    }
    this.#connection.write(write, () => pyramid.written())
  }

  /** The stored tiles, of `level` or lower, that cover [from, to), preceded by the last row before `from` if there is one: it says what the gauges were. */
  #segments(runId: number, level: number, from: number, to: number): Segment[] {
    const before = this.#before.get(runId, from)
    const known = before ? segmentOf(before, 0, 0, from) : null
    const tiles = [...this.#tiles(runId, level, from, to)]
    return known ? [{ ...known, from: known.to - 1 }, ...tiles] : tiles
  }

  /** What a level does not have, at its end or because samples lie far apart there, is taken from those below. */
  *#tiles(runId: number, level: number, from: number, to: number): Generator<Segment> {
    let at = from
    for (const row of this.#range.all(runId, level, to, from)) {
      if (level > 0 && row.first_bucket > at) yield* this.#tiles(runId, level - 1, at, row.first_bucket)
      const segment = segmentOf(row, level, from, to)
      if (segment.to > segment.from) yield segment
      at = row.end_bucket
    }
    if (level > 0 && at < to) yield* this.#tiles(runId, level - 1, at, to)
  }

  #fill(
    runId: number,
    table: SampleTable,
    segments: Segment[],
    stored: ReadonlyMap<string, number>,
    begin: number,
    end: number,
  ): void {
    const { bucketsPerRow, rows } = table
    const stop = Math.min(end, begin + rows * bucketsPerRow)
    // what all columns share: where each tile begins and ends, and how much of each row the tiles cover
    const spans = segments.map((segment) => {
      const size = LEVEL_STEP ** segment.level
      const last = segment.tiles.length - 1
      const begins = new Float64Array(segment.to - segment.from)
      const ends = new Float64Array(segment.to - segment.from)
      for (let row = segment.from; row < segment.to; row++) {
        begins[row - segment.from] = Math.max(segment.tiles[row]! * size, segment.firstBucket)
        ends[row - segment.from] = row === last ? segment.endBucket : (segment.tiles[row]! + 1) * size
      }
      return { begins, ends }
    })
    const covered = new Float64Array(rows)
    for (const { begins, ends } of spans)
      for (let i = 0; i < begins.length; i++)
        if (begins[i]! >= begin) covered[Math.floor((begins[i]! - begin) / bucketsPerRow)]! += ends[i]! - begins[i]!
    for (const { name, sum, min, max, gauge } of table.columns) {
      const metric = stored.get(name)
      // an older run did not know this metric
      if (metric === undefined) continue
      min.fill(Infinity)
      max.fill(-Infinity)
      let at = begin
      let carry = NaN
      const fillGap = (to: number) => {
        if (to <= at) return
        if (Number.isNaN(carry)) carry = this.#firstValue(runId, metric)
        for (let row = Math.floor((at - begin) / bucketsPerRow); at < to; row++) {
          const rowEnd = Math.min(to, begin + (row + 1) * bucketsPerRow)
          sum[row]! += carry * (rowEnd - at)
          if (carry < min[row]!) min[row] = carry
          if (carry > max[row]!) max[row] = carry
          at = rowEnd
        }
      }
      segments.forEach((segment, s) => {
        const { begins, ends } = spans[s]!
        const first = segment.level === 0 ? 1 + metric : 1 + metric * TILE_COLUMNS
        const sums = segment.packed.column(first)
        const mins = segment.level === 0 ? sums : segment.packed.column(first + 1)
        const maxs = segment.level === 0 ? sums : segment.packed.column(first + 2)
        const lasts = segment.level === 0 || !gauge ? sums : segment.packed.column(first + 3)
        for (let i = 0; i < begins.length; i++) {
          const tile = segment.from + i
          if (begins[i]! >= begin) {
            if (gauge) fillGap(begins[i]!)
            const row = Math.floor((begins[i]! - begin) / bucketsPerRow)
            sum[row]! += sums[tile]!
            if (mins[tile]! < min[row]!) min[row] = mins[tile]!
            if (maxs[tile]! > max[row]!) max[row] = maxs[tile]!
            at = ends[i]!
          }
          carry = lasts[tile]!
        }
      })
      if (gauge) fillGap(stop)
      else
        for (let row = 0; row < rows; row++) {
          const size = Math.min(stop, begin + (row + 1) * bucketsPerRow) - (begin + row * bucketsPerRow)
          if (covered[row]! >= size) continue
          // somewhere in this row nothing grew
          min[row] = Math.min(min[row]!, 0)
          max[row] = Math.max(max[row]!, 0)
        }
    }
  }

  /** A run's bucket length, and where each metric stands in its samples: an older run may have others than are known today. */
  #layoutOf(runId: number): { bucketNs: number; stored: Map<string, number> } {
    const row = this.#layout.get(runId)
    if (!row) throw new StoreError('not-found', `there is no run ${runId}`, 'id')
    const names = parseJson(row.sample_columns)
    const stored = new Map<string, number>()
    if (Array.isArray(names)) names.forEach((name, metric) => stored.set(String(name), metric))
    return { bucketNs: row.bucket_ns, stored }
  }

  /** A gauge's value in the first row: what it is taken to have been before. */
  #firstValue(runId: number, metric: number): number {
    const first = this.#first.get(runId)
    return first ? (new PackedColumns(first.data).column(1 + metric)[0] ?? 0) : 0
  }
}

/** The answer as a binary table: the tiles that electron/contract/dataPlane.ts describes. `extremes`: columns of which least and greatest value are wanted. */
export function sampleTiles(table: SampleTable, extremes?: readonly string[]): BinaryTable {
  return {
    kind: 1,
    rows: table.rows,
    extra: [table.bucketsPerRow, 0, 0],
    columns: [table.begin, table.length, ...table.columns.flatMap(({ name, sum, min, max }) => (extremes?.includes(name) === false ? [sum] : [sum, min, max]))],
  }
}

/** Per row the mean of a gauge, or the growth of a counter per second of virtual time. */
export function perRow(table: SampleTable, name: string): Float64Array {
  const column = table.columns.find((candidate) => candidate.name === name)
  const values = new Float64Array(table.rows)
  if (!column) return values
  for (let row = 0; row < table.rows; row++) {
    const length = table.length[row]!
    values[row] = column.gauge ? (column.sum[row]! * table.bucketNs) / length : (column.sum[row]! * 1e9) / length
  }
  return values
}

/** Names of the counters and gauges, without those of devices. */
export const machineMetricNames = metricNames.slice(0, COUNTERS + GAUGES)

function tableOf(
  rows: number,
  bucketNs: number,
  bucketsPerRow: number,
  firstRow: number,
  end: number,
  metrics: number[],
): SampleTable {
  const begin = new Float64Array(rows)
  const length = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const bucket = (firstRow + row) * bucketsPerRow
    begin[row] = bucket * bucketNs
    length[row] = (Math.min(end, bucket + bucketsPerRow) - bucket) * bucketNs
  }
  const columns = metrics.map((metric) => ({
    name: metricNames[metric] ?? '',
    gauge: isGauge[metric] ?? false,
    sum: new Float64Array(rows),
    min: new Float64Array(rows),
    max: new Float64Array(rows),
  }))
  return { rows, bucketNs, bucketsPerRow, begin, length, columns }
}

function segmentOf(row: ChunkRow, level: number, from: number, to: number): Segment {
  const packed = new PackedColumns(row.data)
  const tiles = packed.column(0)
  const size = LEVEL_STEP ** level
  return {
    packed,
    level,
    tiles,
    firstBucket: row.first_bucket,
    endBucket: row.end_bucket,
    from: firstAtLeast(tiles, Math.floor(from / size)),
    to: firstAtLeast(tiles, to / size),
  }
}

/** Number of the first element of a rising array that is `value` or more. */
export function firstAtLeast(values: Float64Array, value: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
