/**
 * Columns whose meaning depends on another column, as the columns of a trace depend on the kind of the event: the rows of each
 * key are encoded by themselves, so that what is constant for a key (the device of an event that has none) takes two
 * bytes a chunk instead of one a row. Together this makes a trace's chunk about a third smaller than plain columns.
 *
 * Layout: for each key that occurs, ascending: a varint of `length * 2 + isAgainstRowBefore`, then the `length` bytes of a
 * column (codec.ts) with one row per row of the key. Where the bit is set the column holds differences to the row before in
 * the whole column, whatever its key: an event often names the same page as the one before it. The bit is chosen from
 * samples of the data, so the bytes are canonical like those of a plain column. groupedEncoder.ts encodes.
 *
 * i32, u32 and u8 columns are held as i32 rows with differences modulo 2^32, f64 columns as f64 rows.
 */
import { CodecError, decodeColumnInto } from './codec.ts'
import type { ColumnArray, ColumnKind, ColumnOf } from './codec.ts'
import { defineGroupedEncoder } from './groupedEncoder.ts'
import { Program } from './program.ts'

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
  }
}

/**
 * The canonical bytes of rows 0..groups.count-1 of `values`, as a fresh array. Throws CodecError `not-an-integer` as encodeColumn
 * does, but with the row's number within its group.
 */
export function encodeGroupedColumn(values: ColumnArray, groups: RowGroups): Uint8Array {
  const { count, keys } = groups
  if (count > values.length) throw new RangeError(`count ${count} outside 0..${values.length}`)
  if (!largest || largest.rowsMax < count) largest = newEncoder(Math.max(ROWS, count))
  const { encoder, rows } = largest
  rows.keys.set(keys.subarray(0, count))
  encoder.group(count)
  const isWide = values instanceof Float64Array
  if (isWide) rows.numbers.set(values.subarray(0, count))
  else rows.integers.set(values.subarray(0, count))
  return encoder.out.slice(0, encoder.column(isWide ? largest.numbers : largest.integers, 0))
}

const ROWS = 65536
let largest: ReturnType<typeof newEncoder> | undefined

/** What encodes one column at a time. */
function newEncoder(rowsMax: number) {
  const program = new Program()
  const numbers = program.table('f64', rowsMax)
  const integers = program.table('i32', rowsMax)
  const { keys, begin } = defineGroupedEncoder(program, rowsMax, 1)
  const running = program.start()
  const { view } = running
  const rows = { keys: view(keys), numbers: view(numbers), integers: view(integers) }
  return { rowsMax, numbers, integers, rows, encoder: begin(running) }
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

/** Rows 0..groups.count-1 of a column of GroupedEncoder.sorted, still sorted by key, into `out`. Throws CodecError. */
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
/** State of one call, per key; kept here so that a call allocates nothing for it. */
const isAgainstRowBefore = new Uint8Array(256)
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
