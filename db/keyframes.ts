/** Keyframes: the engine's whole state at moments of a run, from which any later moment is executed again. */
import { compressBytes, decompressBytes } from '../engine/workload/codec.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import type { RunTable } from './runs.ts'

export interface Keyframe {
  /** Ordinal of the next reference. */
  reference: number
  /** Virtual time. */
  timeNs: number
  data: Uint8Array
}

interface KeyframeRow {
  reference: number
  time_ns: number
  raw_bytes: number
  data: Buffer
}

/** SQLite's limit on one value. */
const BLOB_BYTES_MAX = 1_000_000_000

export class KeyframeTable {
  readonly #connection: Connection
  readonly #runs: RunTable
  readonly #put
  readonly #list
  readonly #byReference
  readonly #byTime

  constructor(connection: Connection, runs: RunTable) {
    const { sqlite } = connection
    this.#connection = connection
    this.#runs = runs
    this.#put = sqlite.prepare<[number, number, number, number, Uint8Array]>(
      'INSERT INTO keyframes (run_id, reference, time_ns, raw_bytes, data) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    this.#list = sqlite.prepare<[number], { reference: number; timeNs: number }>(
      'SELECT reference, time_ns AS timeNs FROM keyframes WHERE run_id = ? ORDER BY reference',
    )
    this.#byReference = sqlite.prepare<[number, number], KeyframeRow>(
      'SELECT reference, time_ns, raw_bytes, data FROM keyframes WHERE run_id = ? AND reference <= ? ORDER BY reference DESC LIMIT 1',
    )
    this.#byTime = sqlite.prepare<[number, number], KeyframeRow>(
      'SELECT reference, time_ns, raw_bytes, data FROM keyframes WHERE run_id = ? AND time_ns <= ? ORDER BY reference DESC LIMIT 1',
    )
  }

  /** Keeps a keyframe; one for a reference that has one already is the same state and is left out. Throws StoreError `too-large`. */
  put(runId: number, keyframe: Keyframe): void {
    const compressed = compressBytes(keyframe.data)
    if (compressed.length > BLOB_BYTES_MAX)
      throw new StoreError(
        'too-large',
        `a keyframe of ${compressed.length} bytes is more than the database can hold`,
        'data',
      )
    this.#connection.write(() => {
      const { changes } = this.#put.run(runId, keyframe.reference, keyframe.timeNs, keyframe.data.length, compressed)
      if (changes > 0) this.#runs.addStoredBytes(runId, compressed.length)
    })
  }

  list(runId: number): { reference: number; timeNs: number }[] {
    return this.#connection.read(() => this.#list.all(runId))
  }

  /** The last keyframe at or before a reference; null if there is none. */
  atReference(runId: number, reference: number): Keyframe | null {
    return keyframeOf(this.#connection.read(() => this.#byReference.get(runId, reference)))
  }

  /** The last keyframe at or before a moment of virtual time; null if there is none. */
  atTime(runId: number, timeNs: number): Keyframe | null {
    return keyframeOf(this.#connection.read(() => this.#byTime.get(runId, timeNs)))
  }
}

function keyframeOf(row: KeyframeRow | undefined): Keyframe | null {
  if (!row) return null
  const raw = decompressBytes(row.data, row.raw_bytes)
  const data = new Uint8Array(raw.buffer, raw.byteOffset, raw.length)
  return { reference: row.reference, timeNs: row.time_ns, data }
}
