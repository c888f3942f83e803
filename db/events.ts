/**
 * Events of a run: appended chunk by chunk, asked for by time range, kind, object, page and device.
 *
 * A query touches only the chunks in its range that may have what it asks for (their counts by kind and their page index say so),
 * and in them only the columns it needs: times where a chunk straddles the range's edge, kinds where a filter does not follow
 * from the chunk's counts, places where a page is asked for, and the rest only for chunks that contribute rows. Where the counts
 * alone decide, rows to be left out are skipped by them.
 */
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { ChunkReader } from './chunkReader.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import type { EncodedChunk } from './eventEncoder.ts'
import { countOf, gather, joined, matchingRows, ofKinds, rowRange, wantedOf } from './eventFilter.ts'
import type { ChunkHead, EventFilter, Gathered, Piece, Wanted } from './eventFilter.ts'
import { numbersOf, parseJson } from './json.ts'
import { mayHaveObject, mayHavePage } from './pageIndex.ts'
import { eventTiles, type EventTiles } from './eventTiles.ts'
import type { RunTable } from './runs.ts'
import { tallyChunk, type ChunkTally } from './eventTally.ts'
import { trackTiles, type TrackQuery, type TrackTiles } from './trackTiles.ts'
import type { BinaryTable } from './types.ts'

export type { EventFilter, Piece } from './eventFilter.ts'

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

export interface PageQuery {
  object: number
  page: number
  /** Number in the run of the first event not to look at. */
  beforeEvent?: number | undefined
}

export const noEvents: EventWindow = { ...joined([]), more: false }

interface IndexRow {
  pageCount: number
  pages: Buffer
  objectCount: number
  objects: Buffer
}

/** Decoded chunks kept for the next query: scrolling asks for the same chunk again and again. */
const CACHED_CHUNKS = 6

const HEAD_COLUMNS = 'chunk, first_event, event_count, begin_ns, end_ns, complete, kind_counts'

export class EventTable {
  readonly #connection: Connection
  readonly #runs: RunTable
  readonly #cache = new Map<string, ChunkReader>()
  readonly #heads
  readonly #head
  readonly #columns
  readonly #put
  readonly #putIndex
  readonly #index
  readonly #digests
  readonly #digest
  readonly #stored

  constructor(connection: Connection, runs: RunTable) {
    const { sqlite } = connection
    this.#connection = connection
    this.#runs = runs
    this.#heads = sqlite.prepare<[number, number, number, number], ChunkHead>(
      `SELECT ${HEAD_COLUMNS} FROM trace_chunks ` +
        'WHERE run_id = ? AND end_ns >= ? AND begin_ns <= ? AND first_event + event_count > ? ORDER BY chunk',
    )
    this.#head = sqlite.prepare<[number, number], ChunkHead>(
      `SELECT ${HEAD_COLUMNS} FROM trace_chunks WHERE run_id = ? AND chunk = ?`,
    )
    this.#columns = new Map(
      eventColumns.map(({ name }) => [
        name,
        sqlite.prepare<[number, number], { rawBytes: number; data: Buffer }>(
          `SELECT ${name}_bytes AS rawBytes, ${name} AS data FROM trace_chunks WHERE run_id = ? AND chunk = ?`,
        ),
      ]),
    )
    const names = eventColumns.flatMap(({ name }) => [`${name}_bytes`, name])
    this.#put = sqlite.prepare(
      'INSERT OR REPLACE INTO trace_chunks (run_id, chunk, first_event, event_count, begin_ns, end_ns, complete, kind_counts, ' +
        `${names.join(', ')}) VALUES (${Array.from({ length: 8 + names.length }, () => '?').join(', ')})`,
    )
    this.#putIndex = sqlite.prepare<[number, number, Uint8Array, number, Uint8Array, number, Uint8Array]>(
      'INSERT INTO chunk_index (run_id, chunk, digest, page_count, pages, object_count, objects) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#index = sqlite.prepare<[number, number], IndexRow>(
      'SELECT page_count AS pageCount, pages, object_count AS objectCount, objects FROM chunk_index WHERE run_id = ? AND chunk = ?',
    )
    this.#digests = sqlite.prepare<[number], { digest: Buffer }>(
      'SELECT digest FROM chunk_index WHERE run_id = ? ORDER BY chunk',
    )
    this.#digest = sqlite.prepare<[number, number], { digest: Buffer }>(
      'SELECT digest FROM chunk_index WHERE run_id = ? AND chunk = ?',
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

  /** SHA-256 of each complete chunk, in order; those of two runs tell where their traces part. Empty for traces of format 1. */
  chunkDigests(runId: number): Uint8Array[] {
    return this.#connection.read(() => this.#digests.all(runId).map(({ digest }) => digest))
  }

  /** Events of a range by kind. Decodes only the chunks at the range's edges. */
  counts(runId: number, fromNs: number, toNs: number): Record<string, number> {
    const sums = new Array<number>(eventKinds.length).fill(0)
    const all = wantedOf({ fromNs, toNs, kinds: [] })
    this.#connection.read(() => {
      for (const head of this.#candidates(runId, all)) {
        if (countOf(head, all) !== undefined) {
          const counts = numbersOf(parseJson(head.kind_counts))
          eventKinds.forEach((kind, i) => (sums[i]! += counts[kind] ?? 0))
        } else {
          const reader = this.#reader(runId, head)
          const [low, high] = rowRange(reader, head, all)
          const kinds = reader.kinds()
          for (let row = low; row < high; row++) sums[kinds[row]!]! += 1
        }
      }
    })
    return Object.fromEntries(eventKinds.flatMap((kind, i) => (sums[i] ? [[kind, sums[i]]] : [])))
  }

  /** Counts of a range by kind and bucket, without decoding more than a few chunks. */
  tiles(runId: number, range: { fromNs: number; toNs: number; buckets: number }): EventTiles {
    const wanted = wantedOf({ fromNs: range.fromNs, toNs: range.toNs, kinds: [] })
    return this.#connection.read(() =>
      eventTiles([...this.#candidates(runId, wanted)], (head) => this.#reader(runId, head), wanted, range.buckets),
    )
  }

  /** What is known of a run's chunks without decoding them, in order. */
  heads(runId: number): Pick<ChunkHead, 'chunk' | 'event_count' | 'begin_ns' | 'end_ns' | 'complete'>[] {
    return this.#connection.read(() => this.#heads.all(runId, 0, Infinity, -1))
  }

  /** How a chunk's events are divided; null if there is no such chunk. Decodes it. */
  tally(runId: number, chunk: number): ChunkTally | null {
    return this.#connection.read(() => {
      const head = this.#head.get(runId, chunk)
      return head ? tallyChunk(this.#newReader(runId, head).passing(), head.event_count) : null
    })
  }

  /** Counts of a range by process or by object, and bucket, by what tallies say. Throws StoreError `not-found` for an unknown kind. */
  trackTiles(
    runId: number,
    { fromNs, toNs, kinds, ...query }: TrackQuery & Pick<EventFilter, 'fromNs' | 'toNs' | 'kinds'>,
    tallies: ReadonlyMap<number, ChunkTally>,
  ): TrackTiles {
    const wanted = wantedOf({ fromNs, toNs, kinds })
    return this.#connection.read(() =>
      trackTiles([...this.#candidates(runId, wanted)], (head) => this.#reader(runId, head), tallies, wanted, query),
    )
  }

  /** The nearest event of some kinds (none: any) after an event, or before it; null if there is none. */
  neighbour(
    runId: number,
    { event, isAfter, kinds }: { event: number; isAfter: boolean; kinds: readonly string[] },
  ): { event: number; timeNs: number } | null {
    if (isAfter) {
      const fromEvent = event + 1
      const { count, number, time } = this.query(runId, {
        fromNs: 0,
        toNs: Infinity,
        kinds,
        fromEvent,
        offset: 0,
        limit: 1,
      })
      return count === 0 ? null : { event: number[0]!, timeNs: time[0]! }
    }
    const wanted = wantedOf({ fromNs: 0, toNs: Infinity, kinds })
    return this.#connection.read(() => {
      for (const head of [...this.#candidates(runId, wanted)].reverse()) {
        if (head.first_event >= event) continue
        const reader = this.#reader(runId, head)
        const ofRow = reader.kinds()
        let row = Math.min(head.event_count, event - head.first_event) - 1
        while (row >= 0 && wanted.kinds !== null && !wanted.kinds[ofRow[row]!]) row--
        if (row >= 0) return { event: head.first_event + row, timeNs: reader.numbers('time')[row]! }
      }
      return null
    })
  }

  /** Throws StoreError `not-found` for an unknown kind. */
  query(runId: number, query: EventQuery): EventWindow {
    const wanted = wantedOf(query)
    const limit = Math.max(0, Math.min(EVENT_ROWS_MAX, Math.floor(query.limit)))
    return this.#connection.read(() => {
      let skip = query.offset
      let found = 0
      let more = false
      const windows: Gathered[] = []
      for (const head of this.#candidates(runId, wanted)) {
        const known = countOf(head, wanted)
        if (known !== undefined && known <= skip) {
          skip -= known
          continue
        }
        if (known !== undefined && found === limit) {
          more = true
          break
        }
        const reader = this.#reader(runId, head)
        const { rows, skipped } = matchingRows(reader, head, wanted, skip, limit - found + 1)
        skip -= skipped
        const taken = rows.subarray(0, limit - found)
        more = rows.length > taken.length
        // at once, so that columns of a long run's chunks are not all there together
        if (taken.length > 0) windows.push(gather({ reader, first: head.first_event, rows: taken }))
        found += taken.length
        if (more) break
      }
      return { ...joined(windows), more }
    })
  }

  /** Numbers of the chunks that may have events of a page, the newest first. Decodes none. */
  pageChunks(runId: number, asked: PageQuery): number[] {
    const wanted = { ...wantedOf({ fromNs: 0, toNs: Infinity, kinds: [] }), object: asked.object, page: asked.page }
    return this.#connection.read(() =>
      [...this.#candidates(runId, wanted)]
        .filter((head) => head.first_event < (asked.beforeEvent ?? Infinity))
        .map((head) => head.chunk)
        .reverse(),
    )
  }

  /** The events of a page in a chunk. */
  pageRows(runId: number, asked: PageQuery, chunk: number): EventWindow {
    return this.#connection.read(() => {
      const head = this.#head.get(runId, chunk)
      if (!head) return noEvents
      // a chunk that is looked at once is not kept
      const reader = this.#newReader(runId, head)
      const end = (asked.beforeEvent ?? Infinity) - head.first_event
      const earlier = reader.rowsOfPage(asked.object, asked.page).filter((row) => row < end)
      const last = earlier.at(-1)
      if (last === undefined) return noEvents
      return { ...gather({ reader: reader.passing(last + 1), first: head.first_event, rows: earlier }), more: false }
    })
  }

  /** How many events match. Decodes what the chunks' counts do not say. */
  count(runId: number, filter: EventFilter): number {
    const wanted = wantedOf(filter)
    return this.#connection.read(() => {
      let sum = 0
      for (const head of this.#candidates(runId, wanted))
        sum +=
          countOf(head, wanted) ??
          matchingRows(this.#reader(runId, head), head, wanted, 0, EVENTS_PER_CHUNK).rows.length
      return sum
    })
  }

  /**
   * Matching events in order, in windows of at most a chunk. Each is read by itself, so that an export of any length holds
   * neither memory nor a lock.
   */
  *eventsInRange(runId: number, filter: EventFilter): Generator<EventWindow> {
    for (const piece of this.piecesInRange(runId, filter))
      if (piece.rows.length > 0) yield { ...gather({ ...piece, reader: piece.reader.passing() }), more: piece.more }
  }

  /** As eventsInRange, as numbers of rows in chunks whose columns are still to be decoded. */
  *piecesInRange(runId: number, filter: EventFilter): Generator<Piece & { reader: ChunkReader; more: boolean }> {
    const wanted = wantedOf(filter)
    const heads = this.#connection.read(() => [...this.#candidates(runId, wanted)])
    for (const { chunk } of heads) {
      const piece = this.#connection.read(() => {
        // a running run's open end may have grown since
        const head = this.#head.get(runId, chunk)
        if (!head) return null
        const reader = this.#reader(runId, head)
        const { rows } = matchingRows(reader, head, wanted, 0, EVENTS_PER_CHUNK)
        return { reader, first: head.first_event, rows, more: chunk !== heads.at(-1)?.chunk }
      })
      if (piece) yield piece
    }
  }

  /** Every stored chunk, with its columns; for checks, and for who takes a run elsewhere. */
  *storedChunks(runId: number): Generator<{ head: ChunkHead; reader: ChunkReader; digest: Uint8Array | null }> {
    for (const head of this.#connection.read(() => this.#heads.all(runId, 0, Infinity, -1)))
      yield {
        head,
        reader: this.#newReader(runId, head),
        digest: this.#connection.read(() => this.#digest.get(runId, head.chunk))?.digest ?? null,
      }
  }

  /** Heads of the chunks that may have what is wanted; the index of a chunk is not looked at before it is its turn. */
  *#candidates(runId: number, wanted: Wanted): Generator<ChunkHead> {
    const { kinds, object, page } = wanted
    for (const head of this.#heads.all(runId, wanted.fromNs, wanted.toNs, wanted.fromEvent)) {
      if (kinds !== null && ofKinds(head, kinds) === 0) continue
      const index = object === undefined ? undefined : this.#index.get(runId, head.chunk)
      if (!index || object === undefined) yield head
      else if (mayHaveObject(index, object) && (page === undefined || mayHavePage(index, object, page))) yield head
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
      let bytes = chunk.columns.reduce((sum, column) => sum + column.data.length, 0)
      if (complete && chunk.index) {
        const { pageCount, pages, objectCount, objects } = chunk.index
        this.#putIndex.run(runId, number, chunk.digest, pageCount, pages, objectCount, objects)
        bytes += chunk.digest.length + pages.length + objects.length
      }
      this.#runs.addStoredBytes(runId, bytes - (before?.bytes ?? 0))
    })
  }

  /** The columns of a chunk; those used last are kept. */
  #reader(runId: number, head: ChunkHead): ChunkReader {
    // the open end of a running run is told from its later, longer self
    const key = `${runId}:${head.chunk}:${head.complete === 0 ? head.event_count : ''}`
    let reader = this.#cache.get(key)
    // back to the young end
    this.#cache.delete(key)
    reader ??= this.#newReader(runId, head)
    this.#cache.set(key, reader)
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED_CHUNKS) break
      this.#cache.delete(oldest)
    }
    return reader
  }

  #newReader(runId: number, head: ChunkHead): ChunkReader {
    return new ChunkReader(head.event_count, this.#runs.traceFormat(runId), (name) => {
      const row = this.#connection.read(() => this.#columns.get(name)?.get(runId, head.chunk))
      if (!row) throw new StoreError('damaged', `chunk ${head.chunk} of run ${runId} is missing`, 'trace_chunks')
      return row
    })
  }
}

/** The window as a binary table: the events that electron/contract/dataPlane.ts describes. */
export function eventRows(window: EventWindow): BinaryTable {
  const columns = eventColumns.map(({ name }) => window[name])
  return { kind: 2, rows: window.count, extra: [window.more ? 1 : 0, 0, 0], columns: [...columns, window.number] }
}
