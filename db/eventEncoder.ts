/**
 * Events on their way into the store: encoded, digested, compressed.
 *
 * The canonical bytes of a chunk's columns: `kind` as a plain column, each other one grouped by it (groupedColumn.ts), because
 * what a column holds depends on the kind of the event.
 *
 * The trace digest is SHA-256 over, chunk after chunk: the number of events as u32, then for each column in canonical order
 * the length of its canonical bytes as u32 and these bytes (before compression); all little-endian. Chunks have
 * EVENTS_PER_CHUNK events, the last one fewer. It depends on nothing but the events, so it is the same whether they are
 * stored or not.
 */
import { createHash } from 'node:crypto'
import { chunkArrays, eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { compressBytes, encodeColumn } from '../engine/workload/codec.ts'
import { encodeGroupedColumn, RowGroups } from '../engine/workload/groupedColumn.ts'
import { StoreError } from './errors.ts'

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
  /** In canonical order; empty where the run is not recorded. */
  columns: EncodedColumn[]
}

/** Shorter columns than this are not worth a call of zstd. */
const COMPRESS_BYTES_MIN = 64

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
    if (this.#ended) throw new StoreError('wrong-order', 'a chunk of events came after the last, shorter one')
    const raw = canonicalBytes(chunk)
    const lengths = new Uint32Array(1)
    lengths[0] = chunk.count
    this.#hash.update(lengths)
    for (const bytes of raw) {
      lengths[0] = bytes.length
      this.#hash.update(lengths)
      this.#hash.update(bytes)
    }
    const encoded = describe(chunk, this.#events, this.#recording ? raw : [])
    this.#events += chunk.count
    this.#ended = chunk.count < EVENTS_PER_CHUNK
    return encoded
  }

  /**
   * The events that have come since the last chunk, for show while a chunk fills (EventTable.replaceTail). Neither digest nor
   * count take notice.
   */
  peek(chunk: EventChunk): EncodedChunk {
    return describe(chunk, this.#events, this.#recording ? canonicalBytes(chunk) : [])
  }

  /** The digest as 64 hex digits. No chunk can be added afterwards. */
  finish(): string {
    this.#ended = true
    return this.#hash.digest('hex')
  }
}

/** The bytes of each column in canonical order. */
export function canonicalBytes(chunk: EventChunk): Uint8Array[] {
  const groups = new RowGroups(chunk.kind, chunk.count)
  return chunkArrays(chunk).map((column) =>
    column === chunk.kind ? encodeColumn(column, chunk.count) : encodeGroupedColumn(column, groups),
  )
}

function describe(chunk: EventChunk, firstEvent: number, raw: Uint8Array[]): EncodedChunk {
  const { count, kind, time } = chunk
  const kindCounts = new Array<number>(eventKinds.length).fill(0)
  for (let row = 0; row < count; row++) kindCounts[kind[row]!]! += 1
  return {
    firstEvent,
    count,
    beginNs: count > 0 ? time[0]! : 0,
    endNs: count > 0 ? time[count - 1]! : 0,
    kindCounts,
    columns: raw.map((bytes, i) => ({ name: eventColumns[i]!.name, rawBytes: bytes.length, data: compressed(bytes) })),
  }
}

function compressed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < COMPRESS_BYTES_MIN) return bytes
  const shorter = compressBytes(bytes)
  return shorter.length < bytes.length ? shorter : bytes
}
