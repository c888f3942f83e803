/** The columns of one stored chunk of events, each decoded when it is asked for, with those that its model rests on. */
import type { EventChunk } from '../engine/sim/events.ts'
import { CodecError, decodeColumn, decompressBytes } from '../engine/workload/codec.ts'
import { chunkMemory } from './chunkMemory.ts'
import type { ColumnName } from './chunkMemory.ts'
import { StoreError } from './errors.ts'
import { isModelled } from './eventModel.ts'
import type { ModelledColumn } from './eventModel.ts'

export type { ColumnName } from './chunkMemory.ts'
export type DecodedColumn = Float64Array | Int32Array | Uint8Array

/** A column as it is stored: `rawBytes` is the length of its canonical bytes; `data` has that length if it is not compressed. */
export interface StoredColumn {
  rawBytes: number
  data: Uint8Array
}

type NumberName = 'time' | 'page' | 'block' | 'duration'
type IntegerName = 'process' | 'object' | 'pages' | 'device' | 'detail'

/** Columns of a chunk, of at least its rows. Throw CodecError for damaged data, StoreError for a format that is not known. */
export interface Columns {
  kinds(): Uint8Array
  numbers(name: NumberName): Float64Array
  integers(name: IntegerName): Int32Array
}

/** Columns that are decoded together, and those that must be there before. */
const models = [
  { columns: ['object', 'page'], needs: ['pages', 'detail'], model: 'places' },
  { columns: ['time', 'duration'], needs: ['pages', 'detail'], model: 'times' },
  { columns: ['block'], needs: ['pages', 'detail', 'object', 'page'], model: 'blocks' },
] as const

/** Its own columns are kept for whoever asks again. */
export class ChunkReader implements Columns {
  readonly count: number
  readonly #format: number
  readonly #load: (name: ColumnName) => StoredColumn
  #kinds: Uint8Array | null = null
  readonly #numbers = new Map<NumberName, Float64Array>()
  readonly #integers = new Map<IntegerName, Int32Array>()
  /** Rows of each column that are in the thread's memory, as long as this reader owns it. */
  readonly #decoded = new Map<ColumnName, number>()

  /** `format` is the trace format of the chunk's run. */
  constructor(count: number, format: number, load: (name: ColumnName) => StoredColumn) {
    this.count = count
    this.#format = format
    this.#load = load
  }

  kinds(): Uint8Array {
    return (this.#kinds ??= this.passing().kinds().slice(0, this.count))
  }

  numbers(name: NumberName): Float64Array {
    const column = this.#numbers.get(name) ?? this.passing().numbers(name).slice(0, this.count)
    this.#numbers.set(name, column)
    return column
  }

  integers(name: IntegerName): Int32Array {
    const column = this.#integers.get(name) ?? this.passing().integers(name).slice(0, this.count)
    this.#integers.set(name, column)
    return column
  }

  /** A column, whichever it is. */
  column(name: ColumnName): DecodedColumn {
    return columnOf(this, name)
  }

  /** The columns where they are decoded, of the first rows at least: they hold until another chunk is decoded or encoded in this thread. */
  passing(rows = this.count): Columns {
    const { rows: columns } = chunkMemory()
    return {
      kinds: () => {
        this.#decode('kind', rows)
        return columns.kind
      },
      numbers: (name) => {
        this.#decode(name, rows)
        return columns[name]
      },
      integers: (name) => {
        this.#decode(name, rows)
        return columns[name]
      },
    }
  }

  /** Rows whose pages include one of an object, ascending. Keeps no column. */
  rowsOfPage(object: number, page: number): Int32Array<ArrayBuffer> {
    for (const name of ['object', 'page', 'pages'] as const) this.#decode(name, this.count)
    return chunkMemory().rowsOfPage(this.count, object, page)
  }

  /** All columns. */
  events(): EventChunk {
    return {
      count: this.count,
      time: this.numbers('time'),
      kind: this.kinds(),
      process: this.integers('process'),
      object: this.integers('object'),
      page: this.numbers('page'),
      pages: this.integers('pages'),
      device: this.integers('device'),
      block: this.numbers('block'),
      duration: this.numbers('duration'),
      detail: this.integers('detail'),
    }
  }

  /** A column as it is stored. */
  stored(name: ColumnName): StoredColumn {
    return this.#load(name)
  }

  /** The canonical bytes of a column. */
  canonical(name: ColumnName): Uint8Array {
    const { rawBytes, data } = this.#load(name)
    return data.length === rawBytes ? data : decompressBytes(data, rawBytes)
  }

  /** Decodes a column into the thread's memory, with what it rests on. */
  #decode(name: ColumnName, rows: number): void {
    const memory = chunkMemory()
    if (memory.owner !== this) {
      if (this.#format < 1 || this.#format > 2)
        throw new StoreError('newer-version', `events of trace format ${this.#format} cannot be read by this version`)
      this.#decoded.clear()
      memory.owner = this
      memory.takeKinds(decodeColumn(this.canonical('kind'), 'u8', this.count))
      this.#decoded.set('kind', this.count)
    }
    if ((this.#decoded.get(name) ?? -1) >= rows || name === 'kind') return
    if (this.#format > 1 && isModelled(name)) this.#decodeModelled(name, rows)
    else {
      memory.decode(name, false, this.canonical(name))
      this.#decoded.set(name, this.count)
    }
  }

  #decodeModelled(name: ModelledColumn, rows: number): void {
    const model = models.find(({ columns }) => columns.some((each) => each === name))
    if (!model) throw new StoreError('damaged', `column ${name} has no model`, name)
    for (const needed of model.needs) this.#decode(needed, rows)
    const memory = chunkMemory()
    const heads = model.columns.map((each) => {
      const raw = this.canonical(each)
      const head = raw[0] ?? -1
      if (head !== 0 && head !== 1)
        throw new CodecError('bad-head', 0, `column ${each} begins with ${head}, not with 0 or 1`)
      memory.decode(each, head === 1, raw.subarray(1))
      return head
    })
    if (new Set(heads).size > 1)
      throw new CodecError('bad-head', 0, `of the columns ${model.columns.join(' and ')} one only has a model`)
    if (heads[0] === 1) memory.recall(model.model, rows)
    for (const each of model.columns) this.#decoded.set(each, heads[0] === 1 ? rows : this.count)
  }
}

/** A column, whichever it is. */
export function columnOf(columns: Columns, name: ColumnName): DecodedColumn {
  if (name === 'kind') return columns.kinds()
  if (name === 'time' || name === 'page' || name === 'block' || name === 'duration') return columns.numbers(name)
  return columns.integers(name)
}
