/**
 * Columns whose meaning depends on another column, as the columns of a trace depend on the kind of the event: the rows of each
 * key are encoded by themselves, so that what is constant for a key (the device of an event that has none) takes two
 * bytes a chunk instead of one a row. Together this makes a trace's chunk about a third smaller than plain columns.
 *
 * Layout: for each key that occurs, ascending: a varint of `length * 2 + isAgainstRowBefore`, then the `length` bytes of a
 * column (codec.ts) with one row per row of the key. Where the bit is set the column holds differences to the row before in
 * the whole column, whatever its key: an event often names the same page as the one before it. The bit is chosen from
 * samples of the data, so the bytes are canonical like those of a plain column.
 *
 * i32, u32 and u8 columns are held as i32 rows with differences modulo 2^32, f64 columns as f64 rows.
 */
import { CodecError, decodeColumnInto, encodeColumn } from './codec.ts'
import type { ColumnArray, ColumnKind, ColumnOf } from './codec.ts'

/** How the rows of a chunk fall into groups: made once from the key column and used for all others. */
export class RowGroups {
  readonly count: number
  /** Key of each row; the first `count` are used. */
  readonly keys: Uint8Array
  /** Keys that occur, ascending. */
  readonly present: number[] = []
  /** Rows of key k stand at starts[k] .. starts[k + 1] - 1 when rows are sorted by key. */
  readonly starts = new Uint32Array(257)
  /** Where each row stands then. */
  readonly places: Uint32Array
  /** The first row of each key that occurs. */
  readonly firstRows = new Uint32Array(256)

  constructor(keys: Uint8Array, count: number) {
    if (count < 0 || count > keys.length) throw new RangeError(`count ${count} outside 0..${keys.length}`)
    this.keys = keys
    this.count = count
    const starts = this.starts
    for (let row = 0; row < count; row++) starts[keys[row]! + 1]!++
    for (let key = 0; key < 256; key++) {
      if (starts[key + 1]! > 0) this.present.push(key)
      starts[key + 1]! += starts[key]!
    }
    const next = starts.slice()
    this.places = new Uint32Array(count)
    for (let row = 0; row < count; row++) this.places[row] = next[keys[row]!]!++
    for (let row = count - 1; row >= 0; row--) this.firstRows[keys[row]!] = row
  }
}

/**
 * The canonical bytes of rows 0..groups.count-1 of `values`, as a fresh array. Throws CodecError `not-an-integer` as encodeColumn
 * does, but with the row's number within its group.
 */
export function encodeGroupedColumn(values: ColumnArray, groups: RowGroups): Uint8Array {
  if (groups.count > values.length) throw new RangeError(`count ${groups.count} outside 0..${values.length}`)
  const rows = values instanceof Float64Array ? values : integersOf(values, groups.count)
  const isConstant = isConstantPerKey(rows, groups)
  const sorted =
    rows instanceof Float64Array ? sortNumbers(rows, groups, isConstant) : sortIntegers(rows, groups, isConstant)
  return encodeGroups(sorted, groups, isConstant)
}

/**
 * As encodeGroupedColumn, for rows that the caller has sorted by key (RowGroups.places); nothing in them is told against the row
 * before.
 */
export function encodeSortedColumn(sorted: Int32Array | Float64Array, groups: RowGroups): Uint8Array {
  isAgainstRowBefore.fill(0)
  return encodeGroups(sorted, groups, false)
}

function encodeGroups(sorted: Int32Array | Float64Array, groups: RowGroups, isConstant: boolean): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (const key of groups.present) {
    const start = groups.starts[key]!
    // A constant column of one row has the same bytes as one of many rows.
    const end = isConstant ? start + 1 : groups.starts[key + 1]!
    const column = encodeColumn(sorted.subarray(start, end), end - start)
    const head = varint(column.length * 2 + isAgainstRowBefore[key]!)
    parts.push(head, column)
    length += head.length + column.length
  }
  const bytes = new Uint8Array(length)
  let position = 0
  for (const part of parts) {
    bytes.set(part, position)
    position += part.length
  }
  return bytes
}

/**
 * The rows of a column that was encoded from an array of `kind` with these groups, as a fresh array. Throws CodecError if the
 * bytes are not such a column.
 */
export function decodeGroupedColumn<K extends ColumnKind>(bytes: Uint8Array, kind: K, groups: RowGroups): ColumnOf[K] {
  const { count } = groups
  const out = new constructors[kind](count)
  const rows = kind === 'f64' ? new Float64Array(count) : new Int32Array(count)
  const any = decodeGroups(bytes, rows, groups)
  if (rows instanceof Float64Array) {
    if (out instanceof Float64Array) unsortNumbers(rows, groups, out, any)
  } else if (out instanceof Int32Array) unsortIntegers(rows, groups, out, any)
  else {
    const wide = new Int32Array(count)
    unsortIntegers(rows, groups, wide, any)
    if (out instanceof Uint8Array)
      for (let row = 0; row < count; row++)
        if (wide[row]! >>> 8 !== 0)
          throw new CodecError('bad-value', 0, `row ${row} of a u8 column would be ${wide[row]!}`)
    out.set(wide)
  }
  return out
}

/** Rows 0..groups.count-1 of a column of encodeSortedColumn, still sorted by key, into `out`. Throws CodecError. */
export function decodeSortedColumn(bytes: Uint8Array, groups: RowGroups, out: Int32Array | Float64Array): void {
  if (decodeGroups(bytes, out, groups))
    throw new CodecError('bad-value', 0, 'a group of a sorted column is told against the row before')
}

/** Fills `rows`, sorted by key; whether any of them are told against the row before. */
function decodeGroups(bytes: Uint8Array, rows: Int32Array | Float64Array, groups: RowGroups): boolean {
  let position = 0
  let any = false
  for (const key of groups.present) {
    let head = 0
    for (let scale = 1, more = true; more; scale *= 128) {
      const byte = bytes[position]
      if (byte === undefined) throw new CodecError('truncated', position, `the column ends at byte ${position}`)
      if (scale > MAX_HEAD_SCALE) throw new CodecError('bad-value', position, 'the length of a group is too large')
      head += (byte & 0x7f) * scale
      more = byte > 0x7f
      position++
    }
    const length = Math.floor(head / 2)
    if (length > bytes.length - position)
      throw new CodecError('truncated', bytes.length, `a group of ${length} bytes begins at byte ${position}`)
    isAgainstRowBefore[key] = head & 1
    any ||= (head & 1) === 1
    const group = rows.subarray(groups.starts[key], groups.starts[key + 1])
    decodeColumnInto(bytes.subarray(position, position + length), group, group.length)
    position += length
  }
  if (position !== bytes.length)
    throw new CodecError('trailing-bytes', position, `the column goes on at byte ${position}, after its last group`)
  return any
}

const constructors: { [K in ColumnKind]: new (length: number) => ColumnOf[K] } = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
}

const MAX_HEAD_SCALE = 34359738368
const MAGNITUDE_MAX = 9007199254740992

/** Rows that are looked at to choose a predictor: the first 64 of every 512. */
const SAMPLE_MASK = 511
const SAMPLE_ROWS = 64
/** More than the first row of a group can cost it, so that what is constant in a group stays so. */
const LEAST_GAIN_BITS = 64

/** State of one call, per key; kept here so that a call allocates nothing for it. */
const isAgainstRowBefore = new Uint8Array(256)
const lastNumbers = new Float64Array(256)
const lastIntegers = new Int32Array(256)
const groupBits = new Float64Array(256)
const valueBits = new Float64Array(256)
const chunkBits = new Float64Array(256)

let sortedIntegers = new Int32Array(65536)
let sortedNumbers = new Float64Array(65536)

function integersOf(values: Int32Array | Uint32Array | Uint8Array, count: number): Int32Array {
  if (values instanceof Int32Array) return values
  if (values instanceof Uint32Array) return new Int32Array(values.buffer, values.byteOffset, count)
  return Int32Array.from(values.subarray(0, count))
}

/** Whether all rows of each key are alike, as they often are; where not, that is known after a few rows. */
function isConstantPerKey(values: Int32Array | Float64Array, groups: RowGroups): boolean {
  const { count, keys, firstRows } = groups
  for (let row = 0; row < count; row++) if (values[row] !== values[firstRows[keys[row]!]!]) return false
  return true
}

/** Only the first row of each key, for a column that is constant per key. */
function sortFirstRows(values: Int32Array | Float64Array, groups: RowGroups, sorted: Int32Array | Float64Array): void {
  isAgainstRowBefore.fill(0)
  for (const key of groups.present) sorted[groups.starts[key]!] = values[groups.firstRows[key]!]!
}

function startSampling(): void {
  groupBits.fill(0)
  valueBits.fill(0)
  chunkBits.fill(0)
  lastNumbers.fill(0)
  lastIntegers.fill(0)
}

/** Takes the row before as predictor for keys that it predicts better than their own rows do; whether for any. */
function endSampling(groups: RowGroups): boolean {
  let any = false
  for (const key of groups.present) {
    const isBetter = chunkBits[key]! + LEAST_GAIN_BITS < Math.min(groupBits[key]!, valueBits[key]!)
    isAgainstRowBefore[key] = isBetter ? 1 : 0
    any ||= isBetter
  }
  return any
}

/** Sorts rows by key, as differences to the row before where that was chosen. */
function sortIntegers(values: Int32Array, groups: RowGroups, isConstant: boolean): Int32Array {
  const { count, keys, places } = groups
  if (sortedIntegers.length < count) sortedIntegers = new Int32Array(count)
  const sorted = sortedIntegers
  if (isConstant) {
    sortFirstRows(values, groups, sorted)
    return sorted
  }
  startSampling()
  for (let block = 0; block < count; block += SAMPLE_MASK + 1) {
    const end = Math.min(count, block + SAMPLE_ROWS)
    for (let row = Math.max(block, 1); row < end; row++) {
      const key = keys[row]!
      const value = values[row]!
      groupBits[key]! += integerBits((value - lastIntegers[key]!) | 0)
      valueBits[key]! += integerBits(value)
      chunkBits[key]! += integerBits((value - values[row - 1]!) | 0)
      lastIntegers[key] = value
    }
  }
  if (!endSampling(groups)) {
    for (let row = 0; row < count; row++) sorted[places[row]!] = values[row]!
    return sorted
  }
  let before = 0
  for (let row = 0; row < count; row++) {
    const key = keys[row]!
    const value = values[row]!
    sorted[places[row]!] = (value - (before & -isAgainstRowBefore[key]!)) | 0
    before = value
  }
  return sorted
}

function unsortIntegers(sorted: Int32Array, groups: RowGroups, out: Int32Array, any: boolean): void {
  const { count, keys, places } = groups
  if (!any) {
    for (let row = 0; row < count; row++) out[row] = sorted[places[row]!]!
    return
  }
  let before = 0
  for (let row = 0; row < count; row++) {
    before = (sorted[places[row]!]! + (before & -isAgainstRowBefore[keys[row]!]!)) | 0
    out[row] = before
  }
}

/** As sortIntegers, for f64 rows. */
function sortNumbers(values: Float64Array, groups: RowGroups, isConstant: boolean): Float64Array {
  const { count, keys, places } = groups
  if (sortedNumbers.length < count) sortedNumbers = new Float64Array(count)
  const sorted = sortedNumbers
  if (isConstant) {
    sortFirstRows(values, groups, sorted)
    return sorted
  }
  startSampling()
  for (let block = 0; block < count; block += SAMPLE_MASK + 1) {
    const end = Math.min(count, block + SAMPLE_ROWS)
    for (let row = Math.max(block, 1); row < end; row++) {
      const key = keys[row]!
      const value = values[row]!
      groupBits[key]! += numberBits(value - lastNumbers[key]!)
      valueBits[key]! += numberBits(value)
      chunkBits[key]! += numberBits(value - values[row - 1]!)
      lastNumbers[key] = value
    }
  }
  if (!endSampling(groups)) {
    for (let row = 0; row < count; row++) sorted[places[row]!] = values[row]!
    return sorted
  }
  let before = 0
  let widest = 0
  for (let row = 0; row < count; row++) {
    const key = keys[row]!
    const value = values[row]!
    const residual = value - before * isAgainstRowBefore[key]!
    const magnitude = Math.abs(residual)
    if (!(magnitude <= widest)) widest = magnitude
    sorted[places[row]!] = residual
    before = value
  }
  if (widest < MAGNITUDE_MAX) return sorted
  // A difference may not have been exact: keep the values themselves, which encodeColumn checks.
  isAgainstRowBefore.fill(0)
  for (let row = 0; row < count; row++) sorted[places[row]!] = values[row]!
  return sorted
}

function unsortNumbers(sorted: Float64Array, groups: RowGroups, out: Float64Array, any: boolean): void {
  const { count, keys, places } = groups
  if (!any) {
    for (let row = 0; row < count; row++) out[row] = sorted[places[row]!]!
    return
  }
  let before = 0
  for (let row = 0; row < count; row++) {
    before = sorted[places[row]!]! + before * isAgainstRowBefore[keys[row]!]!
    out[row] = before
  }
}

function integerBits(value: number): number {
  return 32 - Math.clz32(value ^ (value >> 31))
}

function numberBits(value: number): number {
  const magnitude = Math.abs(value)
  return magnitude < 4294967296 ? 32 - Math.clz32(magnitude) : 64 - Math.clz32(magnitude / 4294967296)
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
