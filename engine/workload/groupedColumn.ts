/**
 * Columns whose meaning depends on another column, as the columns of a trace depend on the kind of the event: the rows of each
 * key are encoded by themselves, so that what is constant for a key (the device of an event that has none) takes two
 * bytes a chunk instead of one a row. Together this makes a trace's chunk about a third smaller than plain columns.
 *
 * Layout: for each key that occurs, ascending: a varint of `length * 2 + isAgainstRowBefore`, then the `length` bytes of a
 * column (codec.ts) with one row per row of the key. Where the bit is set the column holds differences to the row before in
 * the whole column, whatever its key: an event often names the same page as the one before it. The bit is chosen from
 * samples of the data, so the bytes are canonical like those of a plain column. groupedEncoder.ts encodes, groupedDecoder.ts decodes.
 *
 * i32, u32 and u8 columns are held as i32 rows with differences modulo 2^32, f64 columns as f64 rows.
 */
import { CodecError } from './codec.ts'
import type { ColumnArray, ColumnKind, ColumnOf } from './codec.ts'
import { defineGroupedDecoder } from './groupedDecoder.ts'
import { defineGroupedEncoder } from './groupedEncoder.ts'
import { Program, withRoom } from './program.ts'

/** The keys of a column's rows. */
export class RowGroups {
  readonly count: number
  /** Key of each row; the first `count` are used. */
  readonly keys: Uint8Array

  constructor(keys: Uint8Array, count: number) {
    if (count < 0 || count > keys.length) throw new RangeError(`count ${count} outside 0..${keys.length}`)
    this.keys = keys
    this.count = count
  }
}

/**
 * The canonical bytes of rows 0..groups.count-1 of `values`, as a fresh array. Throws CodecError `not-an-integer` as encodeColumn
 * does, but with the row's number within its group.
 */
export function encodeGroupedColumn(values: ColumnArray, groups: RowGroups): Uint8Array {
  const { count } = groups
  if (count > values.length) throw new RangeError(`count ${count} outside 0..${values.length}`)
  const { encoder, rows, tables } = workshopFor(groups)
  const isWide = values instanceof Float64Array
  if (isWide) rows.numbers.set(values.subarray(0, count))
  else rows.integers.set(values.subarray(0, count))
  return encoder.out.slice(0, encoder.column(isWide ? tables.numbers : tables.integers, 0))
}

/**
 * The rows of a column that was encoded from an array of `kind` with these groups, as a fresh array. Throws CodecError if the
 * bytes are not such a column.
 */
export function decodeGroupedColumn<K extends ColumnKind>(bytes: Uint8Array, kind: K, groups: RowGroups): ColumnOf[K] {
  const { count } = groups
  const { decoder, rows, tables } = workshopFor(groups)
  decoder.column(bytes, kind === 'f64' ? tables.numbers : tables.integers)
  const out = new constructors[kind](count)
  if (out instanceof Float64Array) out.set(rows.numbers.subarray(0, count))
  else {
    const wide = rows.integers.subarray(0, count)
    const misfit = out instanceof Uint8Array ? wide.findIndex((value) => value >>> 8 !== 0) : -1
    if (misfit >= 0) throw new CodecError('bad-value', 0, `row ${misfit} of a u8 column would be ${wide[misfit]}`)
    out.set(wide)
  }
  return out
}

const constructors: { [K in ColumnKind]: new (length: number) => ColumnOf[K] } = {
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
}

const workshop = withRoom(newWorkshop)

/** What encodes and decodes one column at a time, with these groups. */
function workshopFor({ keys, count }: RowGroups): ReturnType<typeof newWorkshop> {
  const found = workshop(count)
  found.rows.keys.set(keys.subarray(0, count))
  found.encoder.group(count)
  return found
}

function newWorkshop(rowsMax: number) {
  const program = new Program()
  const tables = { numbers: program.table('f64', rowsMax), integers: program.table('i32', rowsMax) }
  const grouped = defineGroupedEncoder(program, rowsMax, 1)
  const beginDecoder = defineGroupedDecoder(program, grouped)
  const running = program.start()
  const { view } = running
  const rows = { keys: view(grouped.keys), numbers: view(tables.numbers), integers: view(tables.integers) }
  const encoder = grouped.begin(running)
  return { rowsMax, tables, rows, encoder, decoder: beginDecoder(running, encoder) }
}
