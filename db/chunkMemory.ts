/**
 * A chunk of events in the memory of one program: its rows, the residuals of its models (eventModel.ts), its canonical bytes
 * (eventEncoder.ts), the pages that it names (pageIndex.ts). What goes from one step to the next stays where it is.
 *
 * A thread has one such memory; who uses it is done with it before another begins.
 */
import { EVENTS_PER_CHUNK } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { defineGroupedEncoder } from '../engine/workload/groupedEncoder.ts'
import type { GroupedEncoder } from '../engine/workload/groupedEncoder.ts'
import { Program } from '../engine/workload/program.ts'
import type { RunningProgram } from '../engine/workload/program.ts'
import { defineModels, isModelled } from './eventModel.ts'
import type { Model, ModelledColumn } from './eventModel.ts'

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
const { keys, places, begin } = defineGroupedEncoder(program, EVENTS_PER_CHUNK, columnNames.length)
const numbers = () => program.table('f64', EVENTS_PER_CHUNK)
const integers = () => program.table('i32', EVENTS_PER_CHUNK)
const tables = {
  rows: {
    ...{ kind: keys, time: numbers(), page: numbers(), block: numbers(), duration: numbers() },
    ...{ process: integers(), object: integers(), pages: integers(), device: integers(), detail: integers() },
  },
  places,
  residuals: { object: integers(), page: numbers(), time: numbers(), duration: numbers(), block: numbers() },
}
defineModels(program, tables)

export class ChunkMemory {
  readonly rows: Omit<EventChunk, 'count'>
  readonly places: Uint32Array
  readonly residuals: Pick<EventChunk, ModelledColumn>
  /** What encodes columns, sorted by kind. */
  readonly encoder: GroupedEncoder
  readonly #running: RunningProgram

  constructor() {
    const running = program.start()
    const { view } = running
    const { rows, residuals } = tables
    this.#running = running
    this.encoder = begin(running)
    this.places = view(places)
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
    this.residuals = {
      object: view(residuals.object),
      page: view(residuals.page),
      time: view(residuals.time),
      duration: view(residuals.duration),
      block: view(residuals.block),
    }
  }

  /** Takes rows, of some columns or all. Throws RangeError. */
  take(rows: Partial<EventChunk>, count: number): void {
    if (count > EVENTS_PER_CHUNK) throw new RangeError(`a chunk of ${count} events, more than ${EVENTS_PER_CHUNK}`)
    for (const name of columnNames) {
      const column = rows[name]
      if (column) this.rows[name].set(column.subarray(0, count))
    }
  }

  /** Residuals from rows; false where some value is beyond MODELLED_MAX, and they cannot be used. Wants `places`. */
  foresee(model: Model, count: number): boolean {
    return this.#running.run(`foresee ${model}`, count) === 1
  }

  /** Rows from residuals. Wants `places`. */
  recall(model: Model, count: number): void {
    this.#running.run(`recall ${model}`, count)
  }

  /** Puts the bytes of a column that are grouped by kind from `at` on, of its residuals if `fromModel`; their end. */
  encode(name: Exclude<ColumnName, 'kind'>, fromModel: boolean, at: number): number {
    if (!fromModel || !isModelled(name)) return this.encoder.column(tables.rows[name], at)
    return this.encoder.sorted(tables.residuals[name], at)
  }
}

let memory: ChunkMemory | undefined

/** The memory of this thread. */
export function chunkMemory(): ChunkMemory {
  memory ??= new ChunkMemory()
  return memory
}
