/**
 * The trace store: one SQLite file with everything a workspace keeps. This is the door to it; the tables behind it are one
 * file each.
 *
 * Who writes what: the owner's store thread appends to running runs, other threads of the owner make small changes
 * (names, experiments); SQLite orders them. Anyone may read, also while a run is recorded. A store object belongs to the
 * thread that opened it.
 */
import { checkStore } from './check.ts'
import type { CheckStep } from './check.ts'
import { openConnection } from './connection.ts'
import type { Connection, ConnectionOptions } from './connection.ts'
import type { EncodedChunk } from './eventEncoder.ts'
import { EventTable } from './events.ts'
import { ExperimentTable } from './experiments.ts'
import { ImageTable } from './images.ts'
import { KeyframeTable } from './keyframes.ts'
import type { Keyframe } from './keyframes.ts'
import { ObjectTable } from './objects.ts'
import { ReportTable } from './reports.ts'
import { RetentionLimits } from './retention.ts'
import { RunTable } from './runs.ts'
import type { SampleBatch } from './sampleBatch.ts'
import { SampleTableStore } from './samples.ts'
import { SweepTable } from './sweeps.ts'
import { TallyTable } from './tallies.ts'
import type { NewRun, RunEnd, RunMessage, RunTotals, StoredIntervention } from './types.ts'
import { WorkloadTable } from './workloads.ts'

export class TraceStore {
  readonly workloads: WorkloadTable
  readonly experiments: ExperimentTable
  readonly images: ImageTable
  readonly runs: RunTable
  readonly samples: SampleTableStore
  readonly events: EventTable
  readonly keyframes: KeyframeTable
  readonly objects: ObjectTable
  readonly reports: ReportTable
  readonly sweeps: SweepTable
  readonly tallies: TallyTable
  readonly retention: RetentionLimits
  readonly #connection: Connection

  private constructor(connection: Connection) {
    this.#connection = connection
    this.workloads = new WorkloadTable(connection)
    this.experiments = new ExperimentTable(connection)
    this.images = new ImageTable(connection)
    this.runs = new RunTable(connection)
    this.samples = new SampleTableStore(connection, this.runs)
    this.events = new EventTable(connection, this.runs)
    this.keyframes = new KeyframeTable(connection, this.runs)
    this.objects = new ObjectTable(connection)
    this.reports = new ReportTable(connection)
    this.sweeps = new SweepTable(connection)
    this.tallies = new TallyTable(connection, this.runs)
    this.retention = new RetentionLimits(connection, this.runs)
  }

  /**
   * Opens a workspace's database, making it if need be. Throws StoreError `unreadable`, `not-a-store`, `newer-version`,
   * `read-only`, `damaged`, `disk-full`.
   */
  static open(path: string, options: ConnectionOptions = {}): TraceStore {
    const connection = openConnection(path, options)
    try {
      return new TraceStore(connection)
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get path(): string {
    return this.#connection.path
  }

  get readOnly(): boolean {
    return this.#connection.readOnly
  }

  /** Begins to record a run. Answers its id. */
  createRun(run: NewRun): number {
    return this.runs.create(run)
  }

  appendEvents(runId: number, chunk: EncodedChunk): void {
    this.events.append(runId, chunk)
  }

  /** Appends rows of samples. After `disk-full`, append again (no rows will do) when there is room. */
  appendSamples(runId: number, batch: SampleBatch): void {
    this.samples.append(runId, batch)
  }

  appendMessages(runId: number, messages: readonly RunMessage[]): void {
    this.runs.appendMessages(runId, messages)
  }

  appendIntervention(runId: number, intervention: StoredIntervention): void {
    this.runs.appendIntervention(runId, intervention)
  }

  putKeyframe(runId: number, keyframe: Keyframe): void {
    this.keyframes.put(runId, keyframe)
  }

  saveProgress(runId: number, totals: RunTotals, endTimeNs: number): void {
    this.runs.saveProgress(runId, totals, endTimeNs)
  }

  /** Ends a run: completes its samples, and returns when the disk has all of it. */
  finishRun(runId: number, end: RunEnd): void {
    this.#connection.writeDurably(() => {
      this.samples.finish(runId)
      this.runs.finish(runId, end)
    })
    this.samples.release(runId)
  }

  /**
   * What the owner of a workspace does first: marks runs that a dead owner left, and removes imports that were cut off.
   * Answers the ids of the runs.
   */
  markInterrupted(): number[] {
    this.workloads.removeIncomplete()
    return this.runs.markInterrupted()
  }

  /** Several writes as one transaction: all of them, or none. */
  transaction<T>(body: () => T): T {
    return this.#connection.write(body)
  }

  /** Rows of a query that only reads, for `pager sql`. Throws StoreError `read-only` for one that would write. */
  query(sql: string): { columns: string[]; rows: unknown[][] } {
    return this.#connection.read(() => this.#connection.select(sql))
  }

  /** Most pages (of 8 KiB) that the file may grow to; beyond them writes fail as on a full disk. */
  limitPages(pages: number): void {
    this.#connection.sqlite.pragma(`max_page_count = ${Math.floor(pages)}`)
  }

  /** Everything that is wrong, found piece by piece (check.ts). */
  checkAll(): Generator<CheckStep> {
    return checkStore(this, this.#connection)
  }

  /** Leaves it to another connection to fold the write-ahead log into the file, unless the log grows beyond a bound. */
  checkpointSeldom(): void {
    this.#connection.checkpointSeldom()
  }

  /** Folds as much of the write-ahead log into the file as can be without anybody waiting. */
  checkpoint(): void {
    this.#connection.checkpoint()
  }

  /** What SQLite itself finds wrong with the file; empty if nothing. */
  check(): string[] {
    return this.#connection.check()
  }

  /** Bytes of the file that hold nothing any more; `compact` gives them back. */
  get unusedBytes(): number {
    const pragma = (name: string) => Number(this.#connection.sqlite.pragma(name, { simple: true }))
    return pragma('freelist_count') * pragma('page_size')
  }

  /**
   * Writes the file anew without what is unused, in the order of the tables. Wants as much room beside it as the file holds, and nobody
   * else may be using it. Throws StoreError `disk-full`, `busy`.
   */
  compact(): void {
    this.#connection.vacuum()
  }

  close(): void {
    this.#connection.close()
  }
}
