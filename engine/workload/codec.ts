/**
 * The column codec: one column of integers <-> bytes. Traces and stored streams are kept this way.
 *
 * The bytes that `encodeColumn` gives are *canonical*: they depend on nothing but the values and the kind of the array, so
 * a digest over them is a digest of the data. They are what the trace digest hashes; `compressBytes` (zstd) is applied
 * afterwards and may differ from one zstd version to the next.
 *
 * Layout of a column: one head byte, `mode | kind << 4`, then the payload of the mode:
 *
 *     0 empty     nothing: the column has no rows
 *     1 constant  one varint: the value of every row
 *     2 runs      per run of equal rows: varint of (value - value of the run before), varint of (length - 1) without sign
 *     3 deltas    per row: varint of (value - value of the row before; before the first row stands 0)
 *     4 values    per row: varint of the value
 *     5 bytes     u8 only: the rows as they are
 *
 * A varint is zigzag (sign in the lowest bit) in groups of seven bits, lowest first, top bit set on all but the last. i32
 * and u32 columns take their differences modulo 2^32, so they always fit; f64 columns hold integers of magnitude at
 * most 2^53 and are exact.
 *
 * How the mode is chosen is part of the definition, because the digest rests on it (`modeOf` in columnEncoder.ts, which encodes;
 * columnDecoder.ts decodes).
 */
import { CodecError } from './codecError.ts'
import { columnDecoder } from './columnDecoder.ts'
import { columnEncoder, columnHeads, columnModes } from './columnEncoder.ts'
import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib'

export type ColumnKind = 'f64' | 'i32' | 'u32' | 'u8'
export type ColumnArray = Float64Array | Int32Array | Uint32Array | Uint8Array

export interface ColumnOf {
  f64: Float64Array
  i32: Int32Array
  u32: Uint32Array
  u8: Uint8Array
}

export { CodecError }
export type { CodecErrorCode } from './codecError.ts'

/**
 * The canonical bytes of rows 0..count-1 of `values`, as a fresh array that the caller owns.
 * Throws CodecError `not-an-integer` (offset = row) if a Float64Array holds a fraction, NaN or more than 2^53.
 * Minus zero is stored as zero.
 */
export function encodeColumn(values: ColumnArray, count: number): Uint8Array {
  if (count < 0 || count > values.length) throw new RangeError(`count ${count} outside 0..${values.length}`)
  if (count === 0) return Uint8Array.of(columnHeads[kindOf(values)] | MODE_EMPTY)
  return columnEncoder(count).encode(values, count)
}

/**
 * The rows of a column encoded from an array of `kind` with `count` rows, as a fresh array.
 * Throws CodecError (offset = byte) if the bytes are not exactly such a column.
 */
export function decodeColumn<K extends ColumnKind>(bytes: Uint8Array, kind: K, count: number): ColumnOf[K] {
  const column = new constructors[kind](count)
  decodeColumnInto(bytes, column, count)
  return column
}

/** As decodeColumn, into rows 0..count-1 of `out`. On an error the contents of `out` are undefined. */
export function decodeColumnInto(bytes: Uint8Array, out: ColumnArray, count: number): void {
  if (count < 0 || count > out.length) throw new RangeError(`count ${count} outside 0..${out.length}`)
  if (bytes.length === 0) throw new CodecError('truncated', 0, 'the column is empty: its head byte is missing')
  const kind = kindOf(out)
  const head = bytes[0] ?? 0
  const mode = head & 15
  if ((head & ~15) !== columnHeads[kind])
    throw new CodecError('bad-head', 0, `the column was not written from ${kind} rows (head byte ${head})`)
  if ((mode === MODE_EMPTY) !== (count === 0))
    throw new CodecError('bad-head', 0, `the column's mode ${mode} does not go with ${count} rows`)
  if (count === 0) {
    if (bytes.length !== 1) throw trailing(1)
  } else if (out instanceof Float64Array) {
    columnDecoder(count).decode(mode, bytes, out, count)
  } else if (out instanceof Uint8Array) {
    decodeBytes(bytes, mode, out, count)
  } else {
    // u32 rows are the i32 rows with the same bits: differences are modulo 2^32 either way.
    const rows = out instanceof Int32Array ? out : new Int32Array(out.buffer, out.byteOffset, count)
    columnDecoder(count).decode(mode, bytes, rows, count)
  }
}

/** zstd level 1. The caller keeps the raw length, which `decompressBytes` wants back. */
export function compressBytes(bytes: Uint8Array, level = 1): Uint8Array {
  return zstdCompressSync(bytes, {
    chunkSize: Math.max(1024, bytes.length + (bytes.length >> 7) + 128),
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 0 },
  })
}

/** Undoes compressBytes. Throws CodecError `bad-compression` if the result is not exactly `rawLength` bytes long. */
export function decompressBytes(bytes: Uint8Array, rawLength: number): Uint8Array {
  let raw: Uint8Array
  try {
    raw = zstdDecompressSync(bytes, { chunkSize: Math.max(1024, rawLength), maxOutputLength: Math.max(1, rawLength) })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CodecError('bad-compression', 0, `zstd data of ${rawLength} raw bytes is damaged: ${reason}`)
  }
  if (raw.length !== rawLength)
    throw new CodecError('bad-compression', raw.length, `zstd data gives ${raw.length} bytes instead of ${rawLength}`)
  return raw
}

const { empty: MODE_EMPTY, constant: MODE_CONSTANT, runs: MODE_RUNS, bytes: MODE_BYTES } = columnModes

const constructors: { [K in ColumnKind]: new (length: number) => ColumnOf[K] } = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
}

function kindOf(values: ColumnArray): ColumnKind {
  if (values instanceof Float64Array) return 'f64'
  if (values instanceof Int32Array) return 'i32'
  if (values instanceof Uint32Array) return 'u32'
  return 'u8'
}

function decodeBytes(bytes: Uint8Array, mode: number, out: Uint8Array, count: number): void {
  if (mode === MODE_BYTES) {
    if (bytes.length < count + 1) throw truncated(bytes)
    if (bytes.length > count + 1) throw trailing(count + 1)
    out.set(bytes.subarray(1))
    return
  }
  if (mode !== MODE_CONSTANT && mode !== MODE_RUNS) throw badMode(mode)
  const wide = new Int32Array(count)
  columnDecoder(count).decode(mode, bytes, wide, count)
  for (let row = 0; row < count; row++) {
    const value = wide[row]!
    if (value >>> 8 !== 0) throw new CodecError('bad-value', 1, `row ${row} of a u8 column would be ${value}`)
    out[row] = value
  }
}

function truncated(bytes: Uint8Array): CodecError {
  return new CodecError('truncated', bytes.length, `the column ends at byte ${bytes.length}, before its last row`)
}

function trailing(position: number): CodecError {
  return new CodecError('trailing-bytes', position, `the column goes on at byte ${position}, after its last row`)
}

function badMode(mode: number): CodecError {
  return new CodecError('bad-head', 0, `unknown column mode ${mode}`)
}
