/**
 * Workloads in the store: reference streams in compressed chunks, and each process's table of pages.
 *
 * Life cycle of a stored workload:
 *  1. `begin` makes its row, marked incomplete, and hands out a writer.
 *  2. The writer takes each process's references chunk by chunk (so an import needs no memory for the stream) and
 *     commits them in batches, so that a run that records meanwhile is not kept waiting.
 *  3. `finish` adds the page tables and counts and marks it complete; `abandon` removes it. A crash leaves it incomplete,
 *     and the next owner of the workspace removes it.
 */
import { compressBytes, decodeColumn, decompressBytes, encodeColumn } from '../engine/workload/codec.ts'
import {
  decodeReferences,
  encodeReferences,
  REFERENCES_PER_CHUNK,
  StoredStreamReader,
} from '../engine/workload/streamFile.ts'
import type { ReferenceStorage } from '../engine/workload/streamFile.ts'
import type { WorkloadVerb } from '../engine/workload/verbs.ts'
import { PageUse } from '../engine/workload/workload.ts'
import type { ProcessStream, Workload } from '../engine/workload/workload.ts'
import type { Connection } from './connection.ts'
import { StoreError } from './errors.ts'
import { parseJson } from './json.ts'
import type { WorkloadInfo } from './types.ts'

export interface NewWorkload {
  name: string
  source: string
  eventsPerReference: number
}

/** What is known of a workload only when all of its references have come. */
export interface FinishedWorkload {
  eventsPerReference?: number
  /** How it was recorded: JSON data. */
  recording?: unknown
}

interface WorkloadRow {
  id: number
  name: string
  source: string
  created_at: string
  events_per_reference: number
  process_count: number
  reference_count: number
  footprint: number
  pages_written: number
  reads: number
  writes: number
  fetches: number
  stored_bytes: number
  note: string
}

interface ProcessRow {
  process: number
  name: string
  page_count: number
  reference_count: number
  page_numbers_bytes: number
  page_numbers: Buffer
  page_use_bytes: number
  page_use: Buffer
}

type VerbRow = { at: number } & (
  { verb: 'fork' | 'spawn' | 'wait'; child: number } | { verb: 'map'; page: number; pages: number }
)

const verbOf = (row: VerbRow): WorkloadVerb =>
  row.verb === 'map'
    ? { at: row.at, verb: 'map', page: row.page, pages: row.pages, object: '', offset: 0 }
    : { at: row.at, verb: row.verb, child: row.child }

/** Chunks written in one transaction. */
const BATCH_CHUNKS = 32

export class WorkloadTable {
  readonly #connection: Connection
  readonly #list
  readonly #get
  readonly #processes
  readonly #verbs
  readonly #chunk
  readonly #byName
  readonly #rename
  readonly #remove
  readonly #usedBy
  readonly #recording

  constructor(connection: Connection) {
    const { sqlite } = connection
    this.#connection = connection
    this.#list = sqlite.prepare<[], WorkloadRow>('SELECT * FROM workloads WHERE complete = 1 ORDER BY id')
    this.#get = sqlite.prepare<[number], WorkloadRow>('SELECT * FROM workloads WHERE id = ? AND complete = 1')
    this.#byName = sqlite.prepare<[string], { id: number }>('SELECT id FROM workloads WHERE name = ?')
    this.#processes = sqlite.prepare<[number], ProcessRow>(
      'SELECT * FROM workload_processes WHERE workload_id = ? ORDER BY process',
    )
    this.#verbs = sqlite.prepare<[number, number], VerbRow>(
      'SELECT at, verb, child, page, pages FROM workload_verbs WHERE workload_id = ? AND process = ? ORDER BY number',
    )
    this.#chunk = sqlite.prepare<[number, number, number], { data: Buffer }>(
      'SELECT data FROM stream_chunks WHERE workload_id = ? AND process = ? AND chunk = ?',
    )
    this.#rename = sqlite.prepare<[string, number]>('UPDATE workloads SET name = ? WHERE id = ?')
    this.#remove = sqlite.prepare<[number]>('DELETE FROM workloads WHERE id = ?')
    this.#recording = sqlite.prepare<[number], { info: string }>(
      'SELECT info FROM workload_recordings WHERE workload_id = ?',
    )
    this.#usedBy = sqlite.prepare<[number], { id: number }>(
      "SELECT runs.id FROM runs JOIN run_workloads ON run_id = runs.id WHERE workload_id = ? AND status IN ('running', 'paused')",
    )
  }

  list(): WorkloadInfo[] {
    return this.#connection.read(() => this.#list.all().map((row) => this.#info(row)))
  }

  /** Throws StoreError `not-found`. */
  get(id: number): WorkloadInfo {
    const row = this.#connection.read(() => this.#get.get(id))
    if (row === undefined) throw missing(id)
    return this.#info(row)
  }

  /** The workload of that name, null if there is none. */
  find(name: string): WorkloadInfo | null {
    return this.#connection.read(() => {
      const row = this.#byName.get(name)
      const complete = row && this.#get.get(row.id)
      return complete ? this.#info(complete) : null
    })
  }

  /** How a workload was recorded, as JSON data; null if it was not recorded. Throws StoreError `not-found`. */
  recording(id: number): unknown {
    return this.#connection.read(() => {
      this.get(id)
      const row = this.#recording.get(id)
      return row === undefined ? null : parseJson(row.info)
    })
  }

  /** `name`, or `name` with the lowest number from 2 on that makes it unused. */
  unusedName(name: string): string {
    return this.#connection.read(() => {
      let candidate = name
      for (let number = 2; this.#byName.get(candidate) !== undefined; number++) candidate = `${name} ${number}`
      return candidate
    })
  }

  /**
   * The workload as the engine takes it. Its streams read from this connection: use it in the connection's thread, and
   * only while the connection is open. Throws StoreError `not-found`, CodecError for damaged data.
   */
  open(id: number): Workload {
    return this.#connection.read(() => {
      const info = this.get(id)
      return {
        name: info.name,
        source: info.source,
        eventsPerReference: info.eventsPerReference,
        processes: this.#processes.all(id).map((row) => this.#stream(id, row)),
      }
    })
  }

  /** Stores a whole workload. `onProgress` hears of the references stored so far. Throws StoreError `exists`, `disk-full`. */
  add(workload: Workload, onProgress?: (references: number) => void): WorkloadInfo {
    const writer = this.begin(workload)
    try {
      let done = 0
      workload.processes.forEach((stream, process) => {
        const storage = writer.storage(process)
        const reader = stream.open()
        const piece = new Uint32Array(Math.min(REFERENCES_PER_CHUNK, stream.referenceCount))
        for (let chunk = 0, ordinal = 0; ordinal < stream.referenceCount; chunk++) {
          const want = Math.min(REFERENCES_PER_CHUNK, stream.referenceCount - ordinal)
          let have = 0
          while (have < want) {
            const view = reader.read(ordinal + have)
            if (view.length === 0)
              throw new RangeError(
                `the stream ${stream.name} ends at ${ordinal + have} of ${stream.referenceCount} references`,
              )
            const part = view.subarray(0, want - have)
            piece.set(part, have)
            have += part.length
          }
          storage.write(chunk, piece.subarray(0, want))
          ordinal += want
          done += want
          onProgress?.(done)
        }
      })
      return writer.finish(workload.processes)
    } catch (error) {
      writer.abandon()
      throw error
    }
  }

  /** Begins a workload whose references come later. Throws StoreError `exists` if the name is taken. */
  begin(workload: NewWorkload): WorkloadWriter {
    return this.#connection.write(() => {
      if (this.#byName.get(workload.name) !== undefined)
        throw new StoreError(
          'exists',
          `there is a workload "${workload.name}" already; give this one another name`,
          'name',
        )
      const { lastInsertRowid } = this.#connection.sqlite
        .prepare('INSERT INTO workloads (name, source, created_at, events_per_reference) VALUES (?, ?, ?, ?)')
        .run(workload.name, workload.source, new Date().toISOString(), workload.eventsPerReference)
      return new WorkloadWriter(this.#connection, this, Number(lastInsertRowid))
    })
  }

  /** Throws StoreError `not-found`, `exists`. */
  rename(id: number, name: string): WorkloadInfo {
    return this.#connection.write(() => {
      const other = this.#byName.get(name)
      if (other !== undefined && other.id !== id)
        throw new StoreError('exists', `there is a workload "${name}" already`, 'name')
      if (this.#rename.run(name, id).changes === 0) throw missing(id)
      return this.get(id)
    })
  }

  /** What somebody wrote about a workload. Throws StoreError `not-found`. */
  setNote(id: number, note: string): void {
    this.#connection.write(() => {
      this.get(id)
      this.#connection.sqlite.prepare('UPDATE workloads SET note = ? WHERE id = ?').run(note, id)
    })
  }

  /** Replaces a workload's tags. Throws StoreError `not-found`. */
  setTags(id: number, tags: readonly string[]): void {
    this.#connection.write(() => {
      this.get(id)
      this.#connection.sqlite.prepare('DELETE FROM workload_tags WHERE workload_id = ?').run(id)
      const insert = this.#connection.sqlite.prepare('INSERT OR IGNORE INTO workload_tags VALUES (?, ?)')
      for (const tag of tags) insert.run(id, tag)
    })
  }

  #info(row: WorkloadRow): WorkloadInfo {
    const tags = this.#connection.sqlite
      .prepare<[number], { tag: string }>('SELECT tag FROM workload_tags WHERE workload_id = ? ORDER BY tag')
      .all(row.id)
    return { ...infoOf(row), tags: tags.map(({ tag }) => tag) }
  }

  /** Removes a workload; runs keep its name. Throws StoreError `in-use` while a running run reads it, `not-found`. */
  remove(id: number): void {
    this.#connection.write(() => {
      const run = this.#usedBy.get(id)
      if (run) throw new StoreError('in-use', `workload ${id} is being read by run ${run.id}; stop that run first`)
      if (this.#remove.run(id).changes === 0) throw missing(id)
    })
  }

  /** Whether two workloads have the same processes, page for page and reference for reference. */
  areAlike(id: number, other: number): boolean {
    const processes =
      'SELECT process, page_count, reference_count, page_numbers FROM workload_processes WHERE workload_id = ?'
    const chunks = 'SELECT process, chunk, reference_count, data FROM stream_chunks WHERE workload_id = ?'
    const verbs = 'SELECT process, number, at, verb, child, page, pages FROM workload_verbs WHERE workload_id = ?'
    return this.#connection.read(() =>
      [processes, chunks, verbs].every((rows) => {
        const difference = (a: number, b: number) =>
          this.#connection.sqlite.prepare<[number, number]>(`SELECT EXISTS (${rows} EXCEPT ${rows})`).pluck().get(a, b)
        return difference(id, other) === 0 && difference(other, id) === 0
      }),
    )
  }

  /** Removes what an import that was cut off left behind. Only for the workspace's owner. Answers how many. */
  removeIncomplete(): number {
    return this.#connection.write(
      () => this.#connection.sqlite.prepare('DELETE FROM workloads WHERE complete = 0').run().changes,
    )
  }

  /** The stored bytes of a chunk of a process's stream. */
  chunk(id: number, process: number, chunk: number): Uint8Array {
    const row = this.#connection.read(() => this.#chunk.get(id, process, chunk))
    if (row === undefined)
      throw new StoreError(
        'damaged',
        `chunk ${chunk} of process ${process} of workload ${id} is missing`,
        'stream_chunks',
      )
    return row.data
  }

  #stream(id: number, row: ProcessRow): ProcessStream {
    const tables = {
      name: row.name,
      pageCount: row.page_count,
      referenceCount: row.reference_count,
      pageNumbers: decodeColumn(decompressBytes(row.page_numbers, row.page_numbers_bytes), 'f64', row.page_count),
      pageUse: decodeColumn(decompressBytes(row.page_use, row.page_use_bytes), 'u8', row.page_count),
    }
    return {
      ...tables,
      verbs: this.#verbs.all(id, row.process).map(verbOf),
      open: () => new StoredStreamReader(tables, (chunk) => this.chunk(id, row.process, chunk)),
    }
  }
}

/** Takes the references of a workload that is being stored. */
export class WorkloadWriter {
  readonly id: number
  readonly #connection: Connection
  readonly #table: WorkloadTable
  readonly #insert
  readonly #kinds = [0, 0, 0, 0]
  #pending: { process: number; chunk: number; count: number; data: Uint8Array }[] = []
  #storedBytes = 0

  constructor(connection: Connection, table: WorkloadTable, id: number) {
    this.#connection = connection
    this.#table = table
    this.id = id
    this.#insert = connection.sqlite.prepare<[number, number, number, number, Uint8Array]>(
      'INSERT INTO stream_chunks (workload_id, process, chunk, reference_count, data) VALUES (?, ?, ?, ?, ?)',
    )
  }

  /** Where a builder puts the references of process number `process`. */
  storage(process: number): ReferenceStorage {
    return {
      write: (chunk, references) => {
        const data = encodeReferences(references, references.length)
        for (const reference of references) this.#kinds[reference & 3]! += 1
        this.#pending.push({ process, chunk, count: references.length, data })
        this.#storedBytes += data.length
        if (this.#pending.length >= BATCH_CHUNKS) this.#flush()
      },
      open: (tables) => {
        this.#flush()
        return new StoredStreamReader(tables, (chunk) => this.#table.chunk(this.id, process, chunk))
      },
    }
  }

  /** Adds the processes' tables and completes the workload; returns when it is on the disk. */
  finish(processes: readonly ProcessStream[], { eventsPerReference, recording }: FinishedWorkload = {}): WorkloadInfo {
    return this.#connection.writeDurably(() => {
      this.#flush()
      const { sqlite } = this.#connection
      const insert = sqlite.prepare('INSERT INTO workload_processes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      const addVerb = sqlite.prepare('INSERT INTO workload_verbs VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      let footprint = 0
      let written = 0
      let references = 0
      processes.forEach((stream, process) => {
        const numbers = encodeColumn(stream.pageNumbers, stream.pageCount)
        const use = encodeColumn(stream.pageUse, stream.pageCount)
        const [numbersStored, useStored] = [compressBytes(numbers), compressBytes(use)]
        insert.run(
          this.id,
          process,
          stream.name,
          stream.pageCount,
          stream.referenceCount,
          numbers.length,
          numbersStored,
          use.length,
          useStored,
        )
        for (const [number, verb] of (stream.verbs ?? []).entries()) {
          const [child, page, pages] = verb.verb === 'map' ? [null, verb.page, verb.pages] : [verb.child, null, null]
          addVerb.run(this.id, process, number, verb.at, verb.verb, child, page, pages)
        }
        this.#storedBytes += numbersStored.length + useStored.length
        footprint += stream.pageCount
        references += stream.referenceCount
        for (let page = 0; page < stream.pageCount; page++) if ((stream.pageUse[page] ?? 0) & PageUse.write) written++
      })
      const [reads, writes, fetches] = this.#kinds
      sqlite
        .prepare(
          'UPDATE workloads SET complete = 1, process_count = ?, reference_count = ?, footprint = ?, pages_written = ?, ' +
            'reads = ?, writes = ?, fetches = ?, stored_bytes = ?, events_per_reference = coalesce(?, events_per_reference) ' +
            'WHERE id = ?',
        )
        .run(
          processes.length,
          references,
          footprint,
          written,
          reads,
          writes,
          fetches,
          this.#storedBytes,
          eventsPerReference ?? null,
          this.id,
        )
      if (recording !== undefined)
        sqlite.prepare('INSERT INTO workload_recordings VALUES (?, ?)').run(this.id, JSON.stringify(recording))
      return this.#table.get(this.id)
    })
  }

  /** Removes what was stored so far. */
  abandon(): void {
    this.#pending = []
    this.#connection.write(() => this.#connection.sqlite.prepare('DELETE FROM workloads WHERE id = ?').run(this.id))
  }

  #flush(): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#connection.write(() => {
      for (const { process, chunk, count, data } of pending) this.#insert.run(this.id, process, chunk, count, data)
    })
    this.#pending = []
  }
}

/** Decodes one stored chunk; for checks of a whole workspace. */
export function decodeStreamChunk(data: Uint8Array, count: number): Uint32Array {
  const references = new Uint32Array(count)
  decodeReferences(data, references, count)
  return references
}

const missing = (id: number) => new StoreError('not-found', `there is no workload ${id}`, 'id')

const infoOf = (row: WorkloadRow): Omit<WorkloadInfo, 'tags'> => ({
  id: row.id,
  name: row.name,
  source: row.source,
  createdAt: row.created_at,
  processes: row.process_count,
  references: row.reference_count,
  footprint: row.footprint,
  pagesWritten: row.pages_written,
  reads: row.reads,
  writes: row.writes,
  fetches: row.fetches,
  eventsPerReference: row.events_per_reference,
  storedBytes: row.stored_bytes,
  note: row.note,
})
