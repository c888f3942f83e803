/**
 * Several columns of numbers in one blob, each readable without decoding the others.
 *
 * Layout (little-endian): u32 number of columns, u32 rows, then per column a u32 with the end of its bytes counted from the
 * end of this table; then the bytes. A column is in the canonical encoding of the column codec (f64); one that holds
 * fractions or numbers beyond 2^53 is kept as plain Float64 and has the top bit of its end set. A column that is left
 * out has no bytes, and reads as zeros.
 *
 * All of it is compressed (zstd) behind a u32 with its length and the top bit set; blobs of earlier versions are not.
 */
import { CodecError, compressBytes, decodeColumn, decompressBytes, encodeColumn } from '../engine/workload/codec.ts'
import { StoreError } from './errors.ts'

const RAW = 0x80000000
const COMPRESSED = 0x80000000
/** More than any chunk of samples has. */
const BYTES_MAX = 64 << 20

/** Packs rows 0..rows-1 of each column; null leaves a column out. */
export function packColumns(columns: readonly (Float64Array | null)[], rows: number): Uint8Array {
  const parts: Uint8Array[] = []
  const ends: number[] = []
  let end = 0
  for (const column of columns) {
    let raw = 0
    if (column !== null) {
      let bytes = exactly(column, rows)
      if (!bytes) {
        bytes = new Uint8Array(column.slice(0, rows).buffer)
        raw = RAW
      }
      parts.push(bytes)
      end += bytes.length
    }
    ends.push((end | raw) >>> 0)
  }
  const head = 8 + ends.length * 4
  const packed = new Uint8Array(head + end)
  const view = new DataView(packed.buffer)
  view.setUint32(0, ends.length, true)
  view.setUint32(4, rows, true)
  ends.forEach((value, i) => view.setUint32(8 + i * 4, value, true))
  let offset = head
  for (const part of parts) {
    packed.set(part, offset)
    offset += part.length
  }
  const compressed = compressBytes(packed)
  const blob = new Uint8Array(4 + compressed.length)
  new DataView(blob.buffer).setUint32(0, (packed.length | COMPRESSED) >>> 0, true)
  blob.set(compressed, 4)
  return blob
}

/** A packed blob, opened. Throws StoreError `damaged` where the blob's lengths do not fit. */
export class PackedColumns {
  readonly rows: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #count: number

  constructor(blob: Uint8Array) {
    const bytes = unpacked(blob)
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (bytes.length < 8) throw damaged('it is too short')
    this.#count = this.#view.getUint32(0, true)
    this.rows = this.#view.getUint32(4, true)
    if (bytes.length < 8 + this.#count * 4) throw damaged('its table is cut off')
  }

  column(index: number): Float64Array {
    if (index >= this.#count) throw damaged(`it has ${this.#count} columns, not ${index + 1}`)
    const head = 8 + this.#count * 4
    const begin = index === 0 ? 0 : this.#view.getUint32(4 + index * 4, true) & ~RAW
    const word = this.#view.getUint32(8 + index * 4, true)
    const end = word & ~RAW
    if (end < begin || head + end > this.#bytes.length) throw damaged(`column ${index} lies outside it`)
    const bytes = this.#bytes.subarray(head + begin, head + end)
    if (bytes.length === 0) return new Float64Array(this.rows)
    if (word < RAW) return decodeColumn(bytes, 'f64', this.rows)
    if (bytes.length !== this.rows * 8) throw damaged(`column ${index} has the wrong length`)
    return new Float64Array(new Uint8Array(bytes).buffer)
  }
}

function unpacked(blob: Uint8Array): Uint8Array {
  if (blob.length < 4) throw damaged('it is too short')
  const word = new DataView(blob.buffer, blob.byteOffset, blob.byteLength).getUint32(0, true)
  if (word < COMPRESSED) return blob
  const length = word - COMPRESSED
  if (length > BYTES_MAX) throw damaged(`it would have ${length} bytes`)
  try {
    return decompressBytes(blob.subarray(4), length)
  } catch (error) {
    throw error instanceof CodecError ? damaged(error.message) : error
  }
}

/** The canonical bytes; null for a column with fractions, or numbers beyond 2^53. */
function exactly(column: Float64Array, rows: number): Uint8Array | null {
  try {
    return encodeColumn(column, rows)
  } catch (error) {
    if (error instanceof CodecError && error.code === 'not-an-integer') return null
    throw error
  }
}

const damaged = (why: string) => new StoreError('damaged', `a chunk of samples cannot be read: ${why}`, 'sample_chunks')
