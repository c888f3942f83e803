/**
 * A chunk of events in the memory of one program: its rows, the residuals of its models (eventModel.ts), its canonical bytes
 * (eventEncoder.ts), the pages that it names (pageIndex.ts). What goes from one step to the next stays where it is.
 *
 * A thread has one such memory; who uses it is done with it before another begins.
 */
import { EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { defineGroupedDecoder } from '../engine/workload/groupedDecoder.ts'
import type { GroupedDecoder } from '../engine/workload/groupedDecoder.ts'
import { defineGroupedEncoder } from '../engine/workload/groupedEncoder.ts'
import type { GroupedEncoder } from '../engine/workload/groupedEncoder.ts'
import { Program } from '../engine/workload/program.ts'
import type { RunningProgram } from '../engine/workload/program.ts'
import { defineModels, isModelled } from './eventModel.ts'
import type { Model } from './eventModel.ts'
import { definePageIndex } from './pageIndex.ts'
import type { PageIndex } from './pageIndex.ts'

export type ColumnName = Exclude<keyof EventChunk, 'count'>

const columnNames = [
  'time',
  'kind',
  'process',
  'object',
  'page',
  'pages',
  'device',
  'block',
  'duration',
  'detail',
] as const

const program = new Program()
const grouped = defineGroupedEncoder(program, EVENTS_PER_CHUNK, columnNames.length)
const beginDecoder = defineGroupedDecoder(program, grouped)
const numbers = () => program.table('f64', EVENTS_PER_CHUNK)
const integers = () => program.table('i32', EVENTS_PER_CHUNK)
const tables = {
  rows: {
    ...{ kind: grouped.keys, time: numbers(), page: numbers(), block: numbers(), duration: numbers() },
    ...{ process: integers(), object: integers(), pages: integers(), device: integers(), detail: integers() },
  },
  places: grouped.places,
  residuals: { object: integers(), page: numbers(), time: numbers(), duration: numbers(), block: numbers() },
}
defineModels(program, tables)
const beginIndex = definePageIndex(program, tables.rows)
const wantedPage = program.table('f64', 1)
const foundRows = program.table('i32', EVENTS_PER_CHUNK + 1)

// lists the rows whose pages include the wanted one of an object; how many there are
program.define('rows of a page', (count, object) => {
  const { rows } = tables
  const found = program.int(0)
  const page = program.double(wantedPage.at(0))
  program.count(count, (row) => {
    const first = program.double(rows.page.at(row))
    const covered = rows.pages.at(row).atLeast(program.constant(1)).toFloat()
    const isNamed = first.isAtMost(page).and(page.isBelow(first.plus(covered)))
    foundRows.put(found, row)
    found.set(found.plus(isNamed.and(rows.object.at(row).equals(object))))
  })
  return found
})

export class ChunkMemory {
  readonly rows: Omit<EventChunk, 'count'>
  /** What encodes columns, sorted by kind. */
  readonly encoder: GroupedEncoder
  /** The page index of the first `count` rows. */
  readonly index: (count: number) => PageIndex
  readonly #decoder: GroupedDecoder
  readonly #running: RunningProgram
  /** Whose rows are here. */
  owner: object | null = null

  constructor() {
    const running = program.start()
    const { view } = running
    const { rows } = tables
    this.#running = running
    this.encoder = grouped.begin(running)
    this.#decoder = beginDecoder(running, this.encoder)
    this.index = beginIndex(running)
    this.rows = {
      time: view(rows.time),
      kind: view(rows.kind),
      process: view(rows.process),
      object: view(rows.object),
      page: view(rows.page),
      pages: view(rows.pages),
      device: view(rows.device),
      block: view(rows.block),
      duration: view(rows.duration),
      detail: view(rows.detail),
    }
  }

  /** Takes all rows of a chunk, and groups them by kind. Throws RangeError. */
  take(rows: EventChunk): void {
    const { count } = rows
    if (count > EVENTS_PER_CHUNK) throw new RangeError(`a chunk of ${count} events, more than ${EVENTS_PER_CHUNK}`)
    this.owner = rows
    for (const name of columnNames) this.rows[name].set(rows[name].subarray(0, count))
    this.encoder.group(count)
  }

  /** Residuals from rows; false where some value is beyond MODELLED_MAX, and they cannot be used. */
  foresee(model: Model, count: number): boolean {
    return this.#running.run(`foresee ${model}`, count) === 1
  }

  /** The first `count` rows from residuals. */
  recall(model: Model, count: number): void {
    this.#running.run(`recall ${model}`, count)
  }

  /** Puts the bytes of a column that are grouped by kind from `at` on, of its residuals if `fromModel`; their end. */
  encode(name: Exclude<ColumnName, 'kind'>, fromModel: boolean, at: number): number {
    if (!fromModel || !isModelled(name)) return this.encoder.column(tables.rows[name], at)
    return this.encoder.sorted(tables.residuals[name], at)
  }

  /** Rows of the first `count` whose pages include one of an object, ascending, as a fresh array. Wants objects, pages and their counts. */
  rowsOfPage(count: number, object: number, page: number): Int32Array<ArrayBuffer> {
    const { run, view } = this.#running
    view(wantedPage)[0] = page
    return view(foundRows).slice(0, run('rows of a page', count, object))
  }

  /** Takes the kinds of a chunk, by which its other columns are grouped. */
  takeKinds(kinds: Uint8Array): void {
    this.rows.kind.set(kinds)
    this.encoder.group(kinds.length)
  }

  /** Decodes the bytes of a column that `encode` has put. Throws CodecError. */
  decode(name: Exclude<ColumnName, 'kind'>, fromModel: boolean, bytes: Uint8Array): void {
    if (!fromModel || !isModelled(name)) this.#decoder.column(bytes, tables.rows[name])
    else this.#decoder.sorted(bytes, tables.residuals[name])
  }
}

let memory: ChunkMemory | undefined

/** The page index of a chunk. Throws RangeError. */
export function indexPages(chunk: EventChunk): PageIndex {
  const memory = chunkMemory()
  memory.take(chunk)
  return memory.index(chunk.count)
}

/** The memory of this thread. */
export function chunkMemory(): ChunkMemory {
  memory ??= new ChunkMemory()
  return memory
}
