/**
 * The data plane: binary answers. Each starts with a header of 8 32-bit little-endian words:
 *   0 magic "PWB1", 1 kind, 2 version, 3 rows, 4 columns, 5..7 by kind
 * followed by `columns` column descriptors of 2 words (type, bytes) and then the columns, each padded to 8 bytes.
 *
 * Kinds: 1 sample tiles, 2 events, 3 frame states, 4 blocks of a swap device, 5 pages of an object, 6 event tiles, 7 tracks of events. Whoever decodes checks magic, version and every length.
 */

export const DATA_MAGIC = 0x31425750
export const DATA_VERSION = 1
/** All sample columns take 2 and 3 for each metric; a header that says more than this is none. */
const COLUMNS_MAX = 4096
export const DataKind = { samples: 1, events: 2, frames: 3, blocks: 4, objectPages: 5, eventTiles: 6, trackTiles: 7 } as const

const elementBytes = [1, 4, 8] as const
/** Column types: 0 Uint8, 1 Int32, 2 Float64. */
export type DataColumn = Uint8Array | Int32Array | Float64Array

export interface DataTable {
  kind: number
  rows: number
  /** Words 5 to 7 of the header. For samples: [0] base buckets per row. For events: [0] 1 if more rows follow. */
  extra: [number, number, number]
  columns: DataColumn[]
}

export class DataPlaneError extends Error {
  readonly code = 'bad-data'
}

const typeOf = (column: DataColumn) => (column instanceof Uint8Array ? 0 : column instanceof Int32Array ? 1 : 2)
const padded = (bytes: number) => (bytes + 7) & ~7

export function encodeTable(table: DataTable): ArrayBuffer {
  const head = padded((8 + table.columns.length * 2) * 4)
  const buffer = new ArrayBuffer(table.columns.reduce((sum, column) => sum + padded(column.byteLength), head))
  const words = new Uint32Array(buffer, 0, head / 4)
  words.set([DATA_MAGIC, table.kind, DATA_VERSION, table.rows, table.columns.length, ...table.extra])
  let offset = head
  table.columns.forEach((column, i) => {
    words[8 + i * 2] = typeOf(column)
    words[9 + i * 2] = column.byteLength
    new Uint8Array(buffer, offset, column.byteLength).set(
      new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
    )
    offset += padded(column.byteLength)
  })
  return buffer
}

export function decodeTable(buffer: ArrayBuffer): DataTable {
  const refuse = (why: string): never => {
    throw new DataPlaneError(`a binary answer cannot be read: ${why}`)
  }
  if (buffer.byteLength < 32) refuse('too short')
  const words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4))
  const word = (i: number) => words[i] ?? refuse('too short')
  if (word(0) !== DATA_MAGIC) refuse('wrong magic')
  if (word(2) !== DATA_VERSION) refuse(`version ${word(2)}`)
  const rows = word(3)
  const count = word(4)
  if (count > COLUMNS_MAX) refuse(`${count} columns`)
  let offset = padded((8 + count * 2) * 4)
  const columns: DataColumn[] = []
  for (let i = 0; i < count; i++) {
    const type = word(8 + i * 2)
    const bytes = word(9 + i * 2)
    const size = elementBytes[type] ?? refuse('unknown column type')
    if (bytes !== rows * size || offset + bytes > buffer.byteLength) refuse('a column length that does not fit')
    columns.push(
      type === 0
        ? new Uint8Array(buffer, offset, rows)
        : type === 1
          ? new Int32Array(buffer, offset, rows)
          : new Float64Array(buffer, offset, rows),
    )
    offset += padded(bytes)
  }
  return { kind: word(1), rows, extra: [word(5), word(6), word(7)], columns }
}

/**
 * Sample tiles: a Float64 column with each row's begin in virtual ns, one with its length in ns, then for each column
 * asked for (in that order) a Float64 column with the sum over the base buckets in the row and, where extremes are wanted, two more
 * with min and max. `extra[0]` is the
 * number of base buckets in a row (a power of two): a gauge's mean is its sum divided by it, save in the last row, which
 * may hold fewer (its length says how many).
 * Events: the columns of engine/sim/events.ts in canonical order, then a Float64 column with each event's number in the
 * run. `extra[0]` is 1 if more rows follow.
 * Frames: Int32 object, Float64 page, Uint8 state bits (1 valid, 2 dirty, 4 busy, 8 wired, 16 referenced), Uint8 queue
 * (0 none, 1 free, 2 active, 3 inactive, 4 laundry, 5 unswappable), Uint8 activity count of the page daemon.
 * Blocks: a row per cell of `extra[0]` blocks of a device that has `extra[1]`: Int32 blocks used, Int32 object and Float64 page of the
 * first of them (-1 none).
 * Pages of an object: Uint8 bits (1 resident, 2 in swap, 4 written since, 8 seen through it from an object behind).
 * Event tiles: a row per bucket: for each kind of event, in order, a Float64 column with their number, and one with the longest
 * duration of an event in ns (0: none, or not looked at). `extra[0]` is 1 if numbers were spread evenly over the time of a chunk.
 * Tracks of events: a row per bucket of each track, one track after the other: Int32 number of the process or object (-1: events of none, -2: of all
 * that have no track of their own), then for each class that a bit of `extra[1]` is set for, lowest first, a Float64 column with their number. Classes:
 * 0 to 15 the kinds of events, 0 with faults of resident pages only; from 16 on faults that were answered by a zero fill, from swap, from a file, by a copy,
 * not at all. `extra[0]`: bit 0 as for event tiles, bit 1 if not all has been counted and some is estimated; `extra[2]` buckets of a track.
 */
