/** Which events of a chunk a query asks for: by its counts where they say it, else by the columns that the filter names. */
import { chunkArrays, eventKinds, newEventChunk } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { columnOf } from './chunkReader.ts'
import type { ColumnName, Columns, DecodedColumn } from './chunkReader.ts'
import { StoreError } from './errors.ts'
import { numbersOf, parseJson } from './json.ts'
import { pagesCovered } from './pageIndex.ts'
import { firstAtLeast } from './samples.ts'

export interface EventFilter {
  /** Virtual nanoseconds; both included, so that the whole run is 0 to its end. */
  fromNs: number
  toNs: number
  /** Names of kinds; empty: all. */
  kinds: readonly string[]
  object?: number | undefined
  /** Events whose pages, `page` and those after it, include this one. */
  page?: number | undefined
  device?: number | undefined
  /** Number in the run of the first event to look at. */
  fromEvent?: number | undefined
}

/** What is known of a stored chunk without decoding it. */
export interface ChunkHead {
  chunk: number
  first_event: number
  event_count: number
  begin_ns: number
  end_ns: number
  complete: number
  kind_counts: string
}

/** A filter, looked up. */
export interface Wanted {
  /** Per kind number 1 if it is wanted; null if all are. */
  kinds: Uint8Array | null
  object: number | undefined
  page: number | undefined
  device: number | undefined
  fromNs: number
  toNs: number
  fromEvent: number
}

/** Rows of a chunk; `first` is the number in the run of the chunk's first event. */
export interface Piece {
  reader: Columns
  first: number
  rows: Int32Array
}

/** Throws StoreError `not-found` for an unknown kind. */
export function wantedOf(filter: EventFilter): Wanted {
  const { kinds, object, page, device, fromNs, toNs, fromEvent = 0 } = filter
  return { kinds: wantedKinds(kinds), object, page, device, fromNs, toNs, fromEvent }
}

function wantedKinds(kinds: readonly string[]): Uint8Array | null {
  if (kinds.length === 0) return null
  const wanted = new Uint8Array(256)
  for (const kind of kinds) {
    const number = eventKinds.findIndex((name) => name === kind)
    if (number < 0) throw new StoreError('not-found', `there is no kind of event "${kind}"`, 'kinds')
    wanted[number] = 1
  }
  return wanted
}

/** How many of a chunk's events match, where its counts by kind say so; undefined where columns must be looked at. */
export function countOf(head: ChunkHead, wanted: Wanted): number | undefined {
  const isPlain = wanted.object === undefined && wanted.page === undefined && wanted.device === undefined
  return isPlain && isWhole(head, wanted) ? ofKinds(head, wanted.kinds) : undefined
}

/** Events of a chunk of the wanted kinds. */
export function ofKinds(head: ChunkHead, kinds: Uint8Array | null): number {
  if (kinds === null) return head.event_count
  const counts = numbersOf(parseJson(head.kind_counts))
  return eventKinds.reduce((sum, kind, number) => sum + (kinds[number] ? (counts[kind] ?? 0) : 0), 0)
}

/** Matching rows of a chunk: leaves out the first `skip` and stops at `most`. */
export function matchingRows(
  reader: Columns,
  head: ChunkHead,
  wanted: Wanted,
  skip: number,
  most: number,
): { rows: Int32Array; skipped: number } {
  const [low, high] = rowRange(reader, head, wanted)
  const { object, page, device } = wanted
  let rows = new Int32Array(high - low)
  for (let i = 0; i < rows.length; i++) rows[i] = low + i
  if (wanted.kinds !== null && ofKinds(head, wanted.kinds) < head.event_count) {
    const kinds = reader.kinds()
    const asked = wanted.kinds
    rows = keep(rows, (row) => asked[kinds[row]!]!)
  }
  if (object !== undefined) {
    const objects = reader.integers('object')
    rows = keep(rows, (row) => Number(objects[row] === object))
  }
  if (page !== undefined) {
    const first = reader.numbers('page')
    const counts = reader.integers('pages')
    rows = keep(rows, (row) => Number(first[row]! <= page && page < first[row]! + pagesCovered(counts[row]!)))
  }
  if (device !== undefined) {
    const devices = reader.integers('device')
    rows = keep(rows, (row) => Number(devices[row] === device))
  }
  const skipped = Math.min(skip, rows.length)
  return { rows: rows.subarray(skipped, skipped + most), skipped }
}

/** Those of `rows` for which `is` answers 1, in the same array. */
function keep(rows: Int32Array<ArrayBuffer>, is: (row: number) => number): Int32Array<ArrayBuffer> {
  let count = 0
  for (const row of rows) {
    rows[count] = row
    count += is(row)
  }
  return rows.subarray(0, count)
}

/** Events, and each one's number in the run. */
export type Gathered = EventChunk & { number: Float64Array }

/** The events of some rows of a chunk. */
export function gather({ reader, first, rows }: Piece): Gathered {
  const begin = rows[0] ?? 0
  // rows rise
  const areAllBetween = (rows.at(-1) ?? -1) - begin === rows.length - 1
  const collect = <A extends DecodedColumn>(name: ColumnName, out: A): A => {
    const column = columnOf(reader, name)
    if (areAllBetween) out.set(column.subarray(begin, begin + rows.length))
    else for (let i = 0; i < rows.length; i++) out[i] = column[rows[i]!]!
    return out
  }
  const float = () => new Float64Array(rows.length)
  const int = () => new Int32Array(rows.length)
  return {
    count: rows.length,
    number: Float64Array.from(rows, (row) => first + row),
    time: collect('time', float()),
    kind: collect('kind', new Uint8Array(rows.length)),
    process: collect('process', int()),
    object: collect('object', int()),
    page: collect('page', float()),
    pages: collect('pages', int()),
    device: collect('device', int()),
    block: collect('block', float()),
    duration: collect('duration', float()),
    detail: collect('detail', int()),
  }
}

/** Events of several chunks as one table. */
export function joined(parts: readonly Gathered[]): Gathered {
  const [only] = parts
  if (only && parts.length === 1) return only
  const whole = newEventChunk(parts.reduce((sum, { count }) => sum + count, 0))
  const number = new Float64Array(whole.time.length)
  const columns = chunkArrays(whole)
  for (const part of parts) {
    chunkArrays(part).forEach((column, i) => columns[i]!.set(column, whole.count))
    number.set(part.number, whole.count)
    whole.count += part.count
  }
  return { ...whole, number }
}

type Range = Pick<Wanted, 'fromNs' | 'toNs' | 'fromEvent'>

/** Whether a chunk lies in a range with all its events. */
const isWhole = (head: ChunkHead, { fromNs, toNs, fromEvent }: Range) =>
  head.begin_ns >= fromNs && head.end_ns <= toNs && head.first_event >= fromEvent

/** Rows of a chunk that lie in a range, as first and one past the last. */
export function rowRange(reader: Columns, head: ChunkHead, range: Range): [number, number] {
  if (isWhole(head, range)) return [0, head.event_count]
  const least = Math.min(head.event_count, Math.max(0, Math.ceil(range.fromEvent - head.first_event)))
  if (head.begin_ns >= range.fromNs && head.end_ns <= range.toNs) return [least, head.event_count]
  const times = reader.numbers('time').subarray(0, head.event_count)
  const high = firstAbove(times, range.toNs)
  return [Math.min(high, Math.max(least, firstAtLeast(times, range.fromNs))), high]
}

/** Number of the first element of a rising array that is more than `value`. */
function firstAbove(values: Float64Array, value: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low
}
