/** The columns of one stored chunk of events, each decoded when it is asked for, with those that its model rests on. */
import { eventColumns } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { CodecError, decodeColumn, decompressBytes } from '../engine/workload/codec.ts'
import { decodeGroupedColumn, decodeSortedColumn, RowGroups } from '../engine/workload/groupedColumn.ts'
import { StoreError } from './errors.ts'
import { chunkMemory } from './chunkMemory.ts'
import { isModelled } from './eventModel.ts'
import type { ModelledColumn } from './eventModel.ts'

export type ColumnName = (typeof eventColumns)[number]['name']
export type DecodedColumn = Float64Array | Int32Array | Uint8Array

/** A column as it is stored: `rawBytes` is the length of its canonical bytes; `data` has that length if it is not compressed. */
export interface StoredColumn {
  rawBytes: number
  data: Uint8Array
}

/** Columns that are decoded together, and those that must be there before. */
const models = [
  { columns: ['object', 'page'], needs: ['pages', 'detail'], model: 'places' },
  { columns: ['time', 'duration'], needs: ['pages', 'detail'], model: 'times' },
  { columns: ['block'], needs: ['pages', 'detail', 'object', 'page'], model: 'blocks' },
] as const

export class ChunkReader {
  readonly count: number
  readonly #format: number
  readonly #load: (name: ColumnName) => StoredColumn
  readonly #decoded = new Map<ColumnName, DecodedColumn>()
  #groups: RowGroups | null = null

  /** `format` is the trace format of the chunk's run. */
  constructor(count: number, format: number, load: (name: ColumnName) => StoredColumn) {
    this.count = count
    this.#format = format
    this.#load = load
  }

  /** Throws CodecError for damaged data, StoreError for a format that is not known. */
  column(name: ColumnName): DecodedColumn {
    return this.#decoded.get(name) ?? this.#decode(name)
  }

  kinds(): Uint8Array {
    const kinds = this.column('kind')
    if (kinds instanceof Uint8Array) return kinds
    throw new StoreError('damaged', 'kinds of events are not bytes', 'kind')
  }

  numbers(name: 'time' | 'page' | 'block' | 'duration'): Float64Array {
    const values = this.column(name)
    if (values instanceof Float64Array) return values
    throw new StoreError('damaged', `${name} of events is no column of Float64`, name)
  }

  integers(name: 'process' | 'object' | 'pages' | 'device' | 'detail'): Int32Array {
    const values = this.column(name)
    if (values instanceof Int32Array) return values
    throw new StoreError('damaged', `${name} of events is no column of Int32`, name)
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

  #decode(name: ColumnName): DecodedColumn {
    if (this.#format < 1 || this.#format > 2)
      throw new StoreError('newer-version', `events of trace format ${this.#format} cannot be read by this version`)
    if (this.#format > 1 && isModelled(name)) this.#decodeModelled(name)
    else {
      const raw = this.canonical(name)
      this.#decoded.set(
        name,
        name === 'kind'
          ? decodeColumn(raw, 'u8', this.count)
          : decodeGroupedColumn(raw, kindOf(name), this.#rowGroups()),
      )
    }
    return this.column(name)
  }

  #decodeModelled(name: ModelledColumn): void {
    const model = models.find(({ columns }) => columns.some((each) => each === name))
    if (!model) throw new StoreError('damaged', `column ${name} has no model`, name)
    const groups = this.#rowGroups()
    const rows = { kind: this.kinds() }
    for (const needed of model.needs) Object.assign(rows, { [needed]: this.column(needed) })
    const memory = chunkMemory()
    memory.take(rows, this.count)
    memory.places.set(groups.places)
    const heads = model.columns.map((each) => {
      const raw = this.canonical(each)
      const head = raw[0] ?? -1
      if (head === 1) decodeSortedColumn(raw.subarray(1), groups, memory.residuals[each])
      else if (head === 0) this.#decoded.set(each, decodeGroupedColumn(raw.subarray(1), kindOf(each), groups))
      else throw new CodecError('bad-head', 0, `column ${each} begins with ${head}, not with 0 or 1`)
      return head
    })
    if (new Set(heads).size > 1)
      throw new CodecError('bad-head', 0, `of the columns ${model.columns.join(' and ')} one only has a model`)
    if (heads[0] === 0) return
    memory.recall(model.model, this.count)
    for (const each of model.columns) this.#decoded.set(each, memory.rows[each].slice(0, this.count))
  }

  /** The rows of the chunk by kind, which all columns are grouped by. */
  #rowGroups(): RowGroups {
    this.#groups ??= new RowGroups(this.kinds(), this.count)
    return this.#groups
  }
}

const kindOf = (name: ColumnName) => eventColumns.find((column) => column.name === name)?.kind ?? 'f64'
