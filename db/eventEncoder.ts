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
import { createHash, hash } from 'node:crypto'
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { compressBytes } from '../engine/workload/codec.ts'
import { chunkMemory } from './chunkMemory.ts'
import { StoreError } from './errors.ts'
import { isModelled } from './eventModel.ts'
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
  const { starts, digested, columns } = canonicalChunk(chunk)
  return {
    firstEvent,
    count,
    beginNs: count > 0 ? time[0]! : 0,
    endNs: count > 0 ? time[count - 1]! : 0,
    kindCounts: eventKinds.map((_, kind) => starts[kind + 1]! - starts[kind]!),
    digest: sha256(digested),
    columns: recording
      ? columns.map((bytes, i) => ({ name: eventColumns[i]!.name, rawBytes: bytes.length, data: compressed(bytes) }))
      : [],
    index: recording ? chunkMemory().index(count) : null,
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
  const whole = new Uint8Array(columns.reduce((sum, bytes) => sum + WORD_BYTES + bytes.length, WORD_BYTES))
  const words = new DataView(whole.buffer)
  words.setUint32(0, count, true)
  let at = WORD_BYTES
  for (const bytes of columns) {
    words.setUint32(at, bytes.length, true)
    whole.set(bytes, at + WORD_BYTES)
    at += WORD_BYTES + bytes.length
  }
  return sha256(whole)
}

const sha256 = (bytes: Uint8Array) => new Uint8Array(hash('sha256', bytes, 'buffer'))

/** The bytes of each column in canonical order. */
export function canonicalBytes(chunk: EventChunk): Uint8Array[] {
  return canonicalChunk(chunk).columns.map((bytes) => bytes.slice())
}

/** What is digested of a chunk, and the bytes of its columns within that: views of memory that the next chunk takes over. */
function canonicalChunk(chunk: EventChunk): { starts: Uint32Array; digested: Uint8Array; columns: Uint8Array[] } {
  const { count } = chunk
  const memory = chunkMemory()
  const { encoder } = memory
  memory.take(chunk)
  const placesFit = memory.foresee('places', count)
  const timesFit = memory.foresee('times', count)
  const blocksFit = memory.foresee('blocks', count)
  const fits = { object: placesFit, page: placesFit, time: timesFit, duration: timesFit, block: blocksFit }
  const { out } = encoder
  const words = new DataView(out.buffer, out.byteOffset)
  words.setUint32(0, count, true)
  let at = WORD_BYTES
  const columns = eventColumns.map(({ name }) => {
    const begin = at + WORD_BYTES
    let from = begin
    const fromModel = isModelled(name) && fits[name]
    if (isModelled(name)) out[from++] = Number(fromModel)
    const end = name === 'kind' ? encoder.keys(from) : memory.encode(name, fromModel, from)
    words.setUint32(at, end - begin, true)
    at = end
    return out.subarray(begin, end)
  })
  return { starts: encoder.starts, digested: out.subarray(0, at), columns }
}

const WORD_BYTES = 4

/** An array with memory of its own, no longer than it is: it may cross threads. */
function compressed(bytes: Uint8Array): Uint8Array {
  const shorter = bytes.length < COMPRESS_BYTES_MIN ? bytes : compressBytes(bytes)
  return new Uint8Array(shorter.length < bytes.length ? shorter : bytes)
}
