/**
 * Events on their way into the store: encoded, digested, compressed, indexed by page.
 *
 * The canonical bytes of a chunk's columns: `kind` is a plain column, the others are grouped by it (groupedColumn.ts), because what a
 * column holds depends on the kind of the event. Columns that have a model (eventModel.ts) begin with a byte: 1 if residuals follow,
 * sorted by kind, 0 if the values themselves do because some are too large for the model.
 *
 * The digest of a chunk is SHA-256 over the number of its events as u32, then for each column in canonical order the length of its canonical
 * bytes as u32 and these bytes (before compression); all little-endian. The trace digest is SHA-256 over the digests of the chunks, in order.
 * Chunks have EVENTS_PER_CHUNK events, the last one fewer. It depends on nothing but the events, so it is the same whether they
 * are stored or not, and chunks can be encoded beside each other in several threads.
 */
import { createHash } from 'node:crypto'
import { chunkArrays, eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { compressBytes, encodeColumn } from '../engine/workload/codec.ts'
import { encodeGroupedColumn, encodeSortedColumn, RowGroups } from '../engine/workload/groupedColumn.ts'
import { StoreError } from './errors.ts'
import { isModelled, modelMemory } from './eventModel.ts'
import { indexPages } from './pageIndex.ts'
import type { PageIndex } from './pageIndex.ts'

/**
 * Raised when the canonical bytes of the same events change: digests of different formats say nothing about each other. 1: no
 * models, and one digest over all bytes. 2: as above.
 */
export const TRACE_FORMAT = 2

export interface EncodedColumn {
  name: string
  /** Length of the canonical bytes. */
  rawBytes: number
  /** zstd; the canonical bytes themselves if zstd would not make them shorter, so if it has `rawBytes` bytes. */
  data: Uint8Array
}

/** A chunk as the store keeps it. Plain data, may cross threads. */
export interface EncodedChunk {
  /** Number of its first event in the run. */
  firstEvent: number
  count: number
  /** Virtual time of its first and last event. */
  beginNs: number
  endNs: number
  /** Events per kind number. */
  kindCounts: number[]
  /** SHA-256, 32 bytes. */
  digest: Uint8Array
  /** In canonical order; empty where the run is not recorded. */
  columns: EncodedColumn[]
  /** Null where the run is not recorded. */
  index: PageIndex | null
}

/** Shorter columns than this are not worth a call of zstd. */
const COMPRESS_BYTES_MIN = 64

/** Encodes a chunk by itself, in whatever thread. Throws CodecError for a value that is no whole number. */
export function encodeChunk(chunk: EventChunk, firstEvent: number, recording: boolean): EncodedChunk {
  const { count, time } = chunk
  const groups = new RowGroups(chunk.kind, count)
  const raw = groupedBytes(chunk, groups)
  const kindCounts = eventKinds.map((_, kind) => groups.starts[kind + 1]! - groups.starts[kind]!)
  return {
    firstEvent,
    count,
    beginNs: count > 0 ? time[0]! : 0,
    endNs: count > 0 ? time[count - 1]! : 0,
    kindCounts,
    digest: digestOf(count, raw),
    columns: recording
      ? raw.map((bytes, i) => ({ name: eventColumns[i]!.name, rawBytes: bytes.length, data: compressed(bytes) }))
      : [],
    index: recording ? indexPages(chunk) : null,
  }
}

/** Takes the chunks of a run in order, and makes its digest. */
export class EventEncoder {
  readonly #hash = createHash('sha256')
  readonly #recording: boolean
  #events = 0
  #ended = false

  /** Without `recording`, chunks are digested and counted only. */
  constructor(recording: boolean) {
    this.#recording = recording
  }

  get events(): number {
    return this.#events
  }

  /**
   * Takes the next chunk: EVENTS_PER_CHUNK events, or fewer if it is the last. The chunk may be reused afterwards.
   * Throws StoreError `wrong-order` after a short chunk, CodecError for a value that is no whole number.
   */
  add(chunk: EventChunk): EncodedChunk {
    return this.accept(encodeChunk(chunk, this.#events, this.#recording))
  }

  /** Takes the next chunk when another thread has encoded it. Throws StoreError `wrong-order`. */
  accept(encoded: EncodedChunk): EncodedChunk {
    if (this.#ended) throw new StoreError('wrong-order', 'a chunk of events came after the last, shorter one')
    if (encoded.firstEvent !== this.#events)
      throw new StoreError(
        'wrong-order',
        `event ${encoded.firstEvent} came where ${this.#events} was due`,
        'firstEvent',
      )
    this.#hash.update(encoded.digest)
    this.#events += encoded.count
    this.#ended = encoded.count < EVENTS_PER_CHUNK
    return encoded
  }

  /**
   * The events that have come since the last chunk, for show while a chunk fills (EventTable.replaceTail). Neither digest nor
   * count take notice.
   */
  peek(chunk: EventChunk): EncodedChunk {
    return encodeChunk(chunk, this.#events, this.#recording)
  }

  /** The digest as 64 hex digits. No chunk can be added afterwards. */
  finish(): string {
    this.#ended = true
    return this.#hash.digest('hex')
  }
}

/** The digest of a chunk with these canonical columns. */
export function digestOf(count: number, columns: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  const word = new Uint32Array(1)
  word[0] = count
  hash.update(word)
  for (const bytes of columns) {
    word[0] = bytes.length
    hash.update(word)
    hash.update(bytes)
  }
  return new Uint8Array(hash.digest())
}

/** The bytes of each column in canonical order. */
export function canonicalBytes(chunk: EventChunk): Uint8Array[] {
  return groupedBytes(chunk, new RowGroups(chunk.kind, chunk.count))
}

function groupedBytes(chunk: EventChunk, groups: RowGroups): Uint8Array[] {
  const { count } = groups
  const memory = modelMemory()
  memory.take(chunk, count, groups.places)
  const placesFit = memory.foresee('places', count)
  const timesFit = memory.foresee('times', count)
  const blocksFit = memory.foresee('blocks', count)
  const fits = { object: placesFit, page: placesFit, time: timesFit, duration: timesFit, block: blocksFit }
  return chunkArrays(chunk).map((column, i) => {
    const { name } = eventColumns[i]!
    if (name === 'kind') return encodeColumn(column, count)
    if (!isModelled(name)) return encodeGroupedColumn(column, groups)
    return fits[name]
      ? headed(1, encodeSortedColumn(memory.residuals[name], groups))
      : headed(0, encodeGroupedColumn(column, groups))
  })
}

function headed(head: number, bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 1)
  whole[0] = head
  whole.set(bytes, 1)
  return whole
}

function compressed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < COMPRESS_BYTES_MIN) return bytes
  const shorter = compressBytes(bytes)
  return shorter.length < bytes.length ? shorter : bytes
}
