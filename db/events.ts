/**
 * Events of a run: appended chunk by chunk, asked for by time range and kind.
 *
 * A query touches only the chunks in its range, and in them only the columns it needs: times where a chunk straddles the
 * range's edge, kinds where a filter does not follow from the chunk's counts, and the rest only for chunks that
 * contribute rows. Rows to be left out are skipped by the counts alone.
 */
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { decodeColumn, decompressBytes } from '../engine/workload/codec.ts'
import { decodeGroupedColumn, RowGroups } from '../engine/workload/groupedColumn.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import type { EncodedChunk } from './eventEncoder.ts'
import { numbersOf, parseJson } from './json.ts'
import type { RunTable } from './runs.ts'
import { firstAtLeast } from './samples.ts'
import type { BinaryTable } from './types.ts'

export interface EventFilter {
  /** Virtual nanoseconds; both included, so that the whole run is 0 to its end. */
  fromNs: number
  toNs: number
  /** Names of kinds; empty: all. */
  kinds: readonly string[]
}

export interface EventQuery extends EventFilter {
  /** Matching rows to leave out first. */
  offset: number
  /** Most rows of the answer, at most 10,000. */
  limit: number
}

/** Events as columns of `count` rows, and each one's number in the run. */
export interface EventWindow extends EventChunk {
  number: Float64Array
  /** Whether more rows match. */
  more: boolean
}

export const EVENT_ROWS_MAX = 10_000

type ColumnName = (typeof eventColumns)[number]['name']
type Decoded = Float64Array | Int32Array | Uint8Array

interface ChunkHead {
  chunk: number
  first_event: number
  event_count: number
  begin_ns: number
  end_ns: number
  complete: number
  kind_counts: string
}

/** Decoded columns kept for the next query: scrolling asks for the same chunk again and again. */
const CACHED_COLUMNS = 48

export class EventTable {
  readonly #connection: Connection
  readonly #runs: RunTable
  readonly #cache = new Map<string, Decoded>()
  #groups: { key: string; groups: RowGroups } | null = null
  readonly #heads
  readonly #head
  readonly #columns
  readonly #put
  readonly #stored

  constructor(connection: Connection, runs: RunTable) {
    const { sqlite } = connection
    this.#connection = connection
    this.#runs = runs
    this.#heads = sqlite.prepare<[number, number, number], ChunkHead>(
      'SELECT chunk, first_event, event_count, begin_ns, end_ns, complete, kind_counts FROM trace_chunks ' +
        'WHERE run_id = ? AND end_ns >= ? AND begin_ns <= ? ORDER BY chunk',
    )
    this.#head = sqlite.prepare<[number, number], ChunkHead>(
      'SELECT chunk, first_event, event_count, begin_ns, end_ns, complete, kind_counts FROM trace_chunks ' +
        'WHERE run_id = ? AND chunk = ?',
    )
    this.#columns = new Map(
      eventColumns.map(({ name }) => [
        name,
        sqlite.prepare<[number, number], { bytes: number; data: Buffer }>(
          `SELECT ${name}_bytes AS bytes, ${name} AS data FROM trace_chunks WHERE run_id = ? AND chunk = ?`,
        ),
      ]),
    )
    const names = eventColumns.flatMap(({ name }) => [`${name}_bytes`, name])
    this.#put = sqlite.prepare(
      'INSERT OR REPLACE INTO trace_chunks (run_id, chunk, first_event, event_count, begin_ns, end_ns, complete, kind_counts, ' +
        `${names.join(', ')}) VALUES (${Array.from({ length: 8 + names.length }, () => '?').join(', ')})`,
    )
    this.#stored = sqlite.prepare<[number, number], { complete: number; bytes: number }>(
      `SELECT complete, ${eventColumns.map(({ name }) => `length(${name})`).join(' + ')} AS bytes FROM trace_chunks WHERE run_id = ? AND chunk = ?`,
    )
  }

  /**
   * Appends a chunk of EventEncoder. Chunks that were not recorded, and empty ones, are left out.
   * Throws StoreError `wrong-order` if the run has that chunk already, `disk-full`.
   */
  append(runId: number, chunk: EncodedChunk): void {
    this.#store(runId, chunk, true)
  }

  /** Keeps the open end of a running run, in place of the one kept before, until its chunk is appended. */
  replaceTail(runId: number, chunk: EncodedChunk): void {
    this.#store(runId, chunk, false)
  }

  /** Events of a range by kind. Decodes only the chunks at the range's edges. */
  counts(runId: number, fromNs: number, toNs: number): Record<string, number> {
    const sums = new Array<number>(eventKinds.length).fill(0)
    this.#connection.read(() => {
      for (const head of this.#heads.all(runId, fromNs, toNs)) {
        if (head.begin_ns >= fromNs && head.end_ns <= toNs) {
          const counts = numbersOf(parseJson(head.kind_counts))
          eventKinds.forEach((kind, i) => (sums[i]! += counts[kind] ?? 0))
        } else {
          const [low, high] = this.#rowRange(runId, head, fromNs, toNs)
          const kinds = this.#column(runId, head, 'kind')
          for (let row = low; row < high; row++) sums[kinds[row]!]! += 1
        }
      }
    })
    return Object.fromEntries(eventKinds.flatMap((kind, i) => (sums[i] ? [[kind, sums[i]]] : [])))
  }

  /** Throws StoreError `not-found` for an unknown kind. */
  query(runId: number, query: EventQuery): EventWindow {
    const wanted = wantedKinds(query.kinds)
    const limit = Math.max(0, Math.min(EVENT_ROWS_MAX, Math.floor(query.limit)))
    return this.#connection.read(() => {
      let skip = query.offset
      let found = 0
      let more = false
      const pieces: { head: ChunkHead; rows: Int32Array }[] = []
      for (const head of this.#heads.all(runId, query.fromNs, query.toNs)) {
        const whole = head.begin_ns >= query.fromNs && head.end_ns <= query.toNs
        if (whole) {
          const matching = matchingOf(head, wanted)
          if (matching <= skip) {
            skip -= matching
            continue
          }
        }
        if (found === limit && whole) {
          more = true
          break
        }
        const rows = this.#matchingRows(runId, head, query, wanted, skip, limit - found + 1)
        skip = Math.max(0, skip - rows.skipped)
        const taken = rows.rows.subarray(0, limit - found)
        more = rows.rows.length > taken.length
        if (taken.length > 0) pieces.push({ head, rows: taken })
        found += taken.length
        if (more) break
      }
      return { ...this.#gather(runId, pieces, found), more }
    })
  }

  /** How many events match. Decodes only kinds and times of the chunks at the range's edges. */
  count(runId: number, filter: EventFilter): number {
    wantedKinds(filter.kinds)
    const counts = this.counts(runId, filter.fromNs, filter.toNs)
    return Object.entries(counts).reduce(
      (sum, [kind, count]) => (filter.kinds.length === 0 || filter.kinds.includes(kind) ? sum + count : sum),
      0,
    )
  }

  /**
   * Matching events in order, in windows of at most a chunk. Each is read by itself, so that an export of any length holds
   * neither memory nor a lock.
   */
  *eventsInRange(runId: number, filter: EventFilter): Generator<EventWindow> {
    const wanted = wantedKinds(filter.kinds)
    const heads = this.#connection.read(() => this.#heads.all(runId, filter.fromNs, filter.toNs))
    for (const head of heads) {
      const window = this.#connection.read(() => {
        // a running run's open end may have grown since
        const current = this.#head.get(runId, head.chunk)
        if (!current) return null
        const { rows } = this.#matchingRows(runId, current, filter, wanted, 0, EVENTS_PER_CHUNK)
        return { ...this.#gather(runId, [{ head: current, rows }], rows.length), more: head !== heads.at(-1) }
      })
      if (window && window.count > 0) yield window
    }
  }

  #store(runId: number, chunk: EncodedChunk, complete: boolean): void {
    if (chunk.columns.length === 0 || chunk.count === 0) return
    const number = Math.floor(chunk.firstEvent / EVENTS_PER_CHUNK)
    this.#connection.write(() => {
      const before = this.#stored.get(runId, number)
      if (before?.complete)
        throw new StoreError('wrong-order', `run ${runId} has event ${chunk.firstEvent} already`, 'firstEvent')
      const counts = Object.fromEntries(
        eventKinds.flatMap((kind, i) => (chunk.kindCounts[i] ? [[kind, chunk.kindCounts[i]]] : [])),
      )
      this.#put.run(
        runId,
        number,
        chunk.firstEvent,
        chunk.count,
        chunk.beginNs,
        chunk.endNs,
        Number(complete),
        JSON.stringify(counts),
        ...chunk.columns.flatMap((column) => [column.rawBytes, column.data]),
      )
      const bytes = chunk.columns.reduce((sum, column) => sum + column.data.length, 0)
      this.#runs.addStoredBytes(runId, bytes - (before?.bytes ?? 0))
    })
  }

  /** Rows of a chunk that lie in a range of time, as first and one past the last. */
  #rowRange(runId: number, head: ChunkHead, fromNs: number, toNs: number): [number, number] {
    if (head.begin_ns >= fromNs && head.end_ns <= toNs) return [0, head.event_count]
    const times = this.#column(runId, head, 'time')
    if (!(times instanceof Float64Array)) throw new StoreError('damaged', 'times of events are not Float64', 'time')
    return [firstAtLeast(times, fromNs), firstAbove(times, toNs)]
  }

  /** Matching rows of a chunk: leaves out the first `skip` and stops at `most`. */
  #matchingRows(
    runId: number,
    head: ChunkHead,
    filter: EventFilter,
    wanted: Uint8Array | null,
    skip: number,
    most: number,
  ): { rows: Int32Array; skipped: number } {
    const [low, high] = this.#rowRange(runId, head, filter.fromNs, filter.toNs)
    if (wanted === null) {
      const first = Math.min(high, low + skip)
      const count = Math.min(most, high - first)
      return { rows: Int32Array.from({ length: count }, (_, i) => first + i), skipped: first - low }
    }
    const kinds = this.#column(runId, head, 'kind')
    const rows = new Int32Array(Math.min(most, high - low))
    let skipped = 0
    let found = 0
    for (let row = low; row < high && found < rows.length; row++) {
      if (wanted[kinds[row]!] === 0) continue
      if (skipped < skip) skipped++
      else rows[found++] = row
    }
    return { rows: rows.subarray(0, found), skipped }
  }

  #gather(runId: number, pieces: { head: ChunkHead; rows: Int32Array }[], count: number): Omit<EventWindow, 'more'> {
    const number = new Float64Array(count)
    const collect = <A extends Decoded>(name: ColumnName, out: A): A => {
      let at = 0
      for (const { head, rows } of pieces) {
        const column = this.#column(runId, head, name)
        for (const row of rows) out[at++] = column[row]!
      }
      return out
    }
    let at = 0
    for (const { head, rows } of pieces) for (const row of rows) number[at++] = head.first_event + row
    return {
      count,
      number,
      time: collect('time', new Float64Array(count)),
      kind: collect('kind', new Uint8Array(count)),
      process: collect('process', new Int32Array(count)),
      object: collect('object', new Int32Array(count)),
      page: collect('page', new Float64Array(count)),
      pages: collect('pages', new Int32Array(count)),
      device: collect('device', new Int32Array(count)),
      block: collect('block', new Float64Array(count)),
      duration: collect('duration', new Float64Array(count)),
      detail: collect('detail', new Int32Array(count)),
    }
  }

  /** The rows of a chunk by kind; the one used last is kept, as the columns of a chunk are decoded one after the other. */
  #groupsOf(runId: number, head: ChunkHead): RowGroups {
    const key = chunkKey(runId, head)
    if (this.#groups?.key !== key) {
      const kinds = this.#column(runId, head, 'kind')
      if (!(kinds instanceof Uint8Array)) throw new StoreError('damaged', 'kinds of events are not bytes', 'kind')
      this.#groups = { key, groups: new RowGroups(kinds, head.event_count) }
    }
    return this.#groups.groups
  }

  #column(runId: number, head: ChunkHead, name: ColumnName): Decoded {
    const key = `${chunkKey(runId, head)}:${name}`
    const known = this.#cache.get(key)
    if (known) {
      // back to the young end
      this.#cache.delete(key)
      this.#cache.set(key, known)
      return known
    }
    const row = this.#columns.get(name)?.get(runId, head.chunk)
    if (!row) throw new StoreError('damaged', `chunk ${head.chunk} of run ${runId} is missing`, 'trace_chunks')
    const kind = eventColumns.find((column) => column.name === name)?.kind ?? 'f64'
    const raw = row.data.length === row.bytes ? row.data : decompressBytes(row.data, row.bytes)
    const decoded =
      name === 'kind'
        ? decodeColumn(raw, 'u8', head.event_count)
        : decodeGroupedColumn(raw, kind, this.#groupsOf(runId, head))
    this.#cache.set(key, decoded)
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED_COLUMNS) break
      this.#cache.delete(oldest)
    }
    return decoded
  }
}

/** Tells the open end of a running run from its later, longer self. */
const chunkKey = (runId: number, head: ChunkHead) =>
  `${runId}:${head.chunk}:${head.complete === 0 ? head.event_count : ''}`

/** The window as a binary table: the events that electron/contract/dataPlane.ts describes. */
export function eventRows(window: EventWindow): BinaryTable {
  const columns = eventColumns.map(({ name }) => window[name])
  return { kind: 2, rows: window.count, extra: [window.more ? 1 : 0, 0, 0], columns: [...columns, window.number] }
}

/** Events as CSV, a header line first, in pieces of many lines. Times and durations are whole nanoseconds. */
export function* eventsAsCsv(windows: Iterable<EventWindow>): Generator<string> {
  yield `event,${eventColumns.map(({ name, kind }) => (kind === 'f64' && name !== 'page' && name !== 'block' ? `${name}_ns` : name)).join(',')}\n`
  for (const window of windows) {
    const columns = eventColumns.filter(({ name }) => name !== 'kind').map(({ name }) => window[name])
    let text = ''
    for (let row = 0; row < window.count; row++) {
      text += `${window.number[row]},${columns[0]![row]},${eventKinds[window.kind[row]!] ?? window.kind[row]}`
      for (let column = 1; column < columns.length; column++) text += `,${columns[column]![row]}`
      text += '\n'
    }
    yield text
  }
}

/** Events as JSON lines, one object an event, in pieces of many lines. */
export function* eventsAsJsonLines(windows: Iterable<EventWindow>): Generator<string> {
  for (const window of windows) {
    let text = ''
    for (let row = 0; row < window.count; row++) {
      const fields: Record<string, unknown> = { event: window.number[row] }
      for (const { name } of eventColumns)
        fields[name] = name === 'kind' ? (eventKinds[window.kind[row]!] ?? window.kind[row]) : window[name][row]
      text += `${JSON.stringify(fields)}\n`
    }
    yield text
  }
}

/** Per kind number 1 if it is wanted; null if all are. */
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

function matchingOf(head: ChunkHead, wanted: Uint8Array | null): number {
  if (wanted === null) return head.event_count
  const counts = numbersOf(parseJson(head.kind_counts))
  return eventKinds.reduce((sum, kind, number) => sum + (wanted[number] ? (counts[kind] ?? 0) : 0), 0)
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
