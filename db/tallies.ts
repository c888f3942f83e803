/** Tallies of complete chunks (eventTally.ts), kept from when somebody first looks at a run by process or by object. */
import type { Connection } from './connection.ts'
import { packTally, unpackTally, type ChunkTally } from './eventTally.ts'
import type { RunTable } from './runs.ts'

/** A chunk's number, and its tally. */
export type NumberedTally = ChunkTally & { chunk: number }

interface TallyRow {
  chunk: number
  events: number
  processRows: number
  processes: Buffer
  objectRows: number
  objects: Buffer
}

export class TallyTable {
  readonly #connection: Connection
  readonly #runs: RunTable
  readonly #all
  readonly #put

  constructor(connection: Connection, runs: RunTable) {
    this.#connection = connection
    this.#runs = runs
    this.#all = connection.sqlite.prepare<[number], TallyRow>(
      'SELECT t.chunk AS chunk, event_count AS events, process_rows AS processRows, processes, object_rows AS objectRows, objects ' +
        'FROM chunk_tallies AS t JOIN trace_chunks USING (run_id, chunk) WHERE run_id = ? ORDER BY chunk',
    )
    // a run that was removed meanwhile has no chunks to select
    this.#put = connection.sqlite.prepare<[number, Uint8Array, number, Uint8Array, number, number]>(
      'INSERT OR IGNORE INTO chunk_tallies SELECT run_id, chunk, ?, ?, ?, ? FROM trace_chunks WHERE run_id = ? AND chunk = ? AND complete',
    )
  }

  /** Those of a run that there are, by chunk. One that cannot be read, of which `onDamaged` is told, is not there: it follows from the events, and is made again. */
  of(runId: number, onDamaged?: (chunk: number) => void): Map<number, ChunkTally> {
    const rows = this.#connection.read(() => this.#all.all(runId))
    return new Map(
      rows.flatMap(({ chunk, events, processRows, processes, objectRows, objects }): [number, ChunkTally][] => {
        try {
          return [[chunk, { events, processes: unpackTally(processes, processRows), objects: unpackTally(objects, objectRows) }]]
        } catch {
          onDamaged?.(chunk)
          return []
        }
      }),
    )
  }

  /** Keeps tallies of complete chunks; of others, and those that there are already, nothing. */
  put(runId: number, tallies: readonly NumberedTally[]): void {
    this.#connection.write(() => {
      let bytes = 0
      for (const { chunk, processes, objects } of tallies) {
        const packed = [packTally(processes), packTally(objects)] as const
        const { changes } = this.#put.run(processes.who.length, packed[0], objects.who.length, packed[1], runId, chunk)
        if (changes > 0) bytes += packed[0].length + packed[1].length
      }
      this.#runs.addStoredBytes(runId, bytes)
    })
  }
}
