/**
 * What the service's threads are asked and what they say: the types that cross between them. Plain data only.
 *
 *     service ── calls ──> writer   (owns the workspace; every small write; records runs)
 *             │              └── calls ──> encoder (every other chunk of events, where they come fast)
 *             ── calls ──> query    (read-only connection: lists, samples, events, reports)
 *             ── calls ──> tallies  (counts a run's events by process and object)
 *             ── calls ──> sql      (one query in SQL at a time)
 *             ── calls ──> chores   (imports, generated workloads, images, checks of experiments)
 *             ── calls ──> recorder (one per program that is recorded)
 *             ── calls ──> moments  (one: a recorded run, executed again up to any moment)
 *             ── calls ──> engine   (one per running machine) ── run port ──> writer
 */
import type { MessagePort } from 'node:worker_threads'
import type { ImageCheck, ImageFile, ImageInfo, MomentOfRun, Notice, Params, Result, RunMessage, Totals, WorkloadInfo } from '../contract/contract.ts'
import type { Comparison } from '../contract/comparison.ts'
import type { ExperimentFile, ExperimentIssue } from '../contract/experiment.ts'
import type { SweepResult } from '../contract/sweep.ts'
import type { Intervention } from '../../engine/sim/experiment.ts'
import type { NamedObject } from '../../db/objectNames.ts'
import type { Snapshot } from '../../engine/sim/columns.ts'
import type { KernelView } from '../../engine/sim/kernelNames.ts'
import type { ReportSection } from '../../db/report/index.ts'
import type { EncodedChunk } from '../../db/eventEncoder.ts'
import type { SqlAnswer, SqlLimits } from '../../db/sql.ts'
import type { NewRun, RunDetail as StoredRunDetail, RunInfo as StoredRunInfo } from '../../db/types.ts'
import type { ReportInfo, StoredReport } from '../../db/reports.ts'
import type { SampleBatch } from '../../db/sampleBatch.ts'
import type { StoredExperiment } from '../../db/experiments.ts'
import type { NumberedTally } from '../../db/tallies.ts'
import type { StoredSweep } from '../../db/sweeps.ts'

// ---- writer

export interface WriterData {
  workspace: string
}

export interface WriterCalls {
  /** Becomes the owner of the workspace. Throws WorkspaceError, StoreError. */
  open(): { created: boolean; interrupted: number[] }
  /** Begins to take a run's events. For a run that is not recorded, its id in place of what is known of it. Answers the id. */
  beginRun(run: NewRun | number, port: MessagePort, shared: SharedArrayBuffer): number
  /** The run's engine thread is gone: ends the run with what has come, and what the thread said last. */
  endAbandoned(id: number, problem: string, totals: Totals, endTimeNs: number): void
  renameWorkload(id: number, name: string): WorkloadInfo
  removeWorkload(id: number): void
  annotateWorkload(note: Params<'workloads.annotate'>): WorkloadInfo
  saveExperiment(id: number | null, file: ExperimentFile): StoredExperiment
  removeExperiment(id: number): void
  renameRun(id: number, name: string): void
  /** Sets how much is kept; answers the runs that went. */
  limit(limits: Params<'workspace.limit'>): number[]
  compact(): void
  keepTallies(run: number, tallies: readonly NumberedTally[]): void
  annotateRun(note: Params<'runs.annotate'>): void
  removeRun(id: number): void
  addReport(report: { name: string; format: string; mediaType: string; content: string; runs: number[] }): ReportInfo
  removeReport(id: number): void
  saveSweep(name: string, file: unknown): StoredSweep
  removeSweep(id: number): void
  addImage(name: string, path: string): void
  /** Whether it knew the image. */
  removeImage(name: string): boolean
  /** Gives the workspace back. */
  close(): void
}

/** From an engine thread to the writer, over the run's own port. Buffers are of shared memory (eventBuffer.ts). */
export type RunToWriter =
  /** A full chunk of events, or the last one; its buffer comes back. */
  | { type: 'chunk'; buffer: SharedArrayBuffer; count: number }
  /** The events since the last chunk, for show. */
  | { type: 'tail'; buffer: SharedArrayBuffer; count: number }
  | { type: 'samples'; batch: SampleBatch }
  | { type: 'messages'; messages: RunMessage[] }
  | { type: 'objects'; objects: NamedObject[] }
  | { type: 'interventions'; interventions: Intervention[] }
  | { type: 'progress'; totals: Totals; endTimeNs: number }
  | { type: 'status'; status: 'running' | 'paused' }
  | { type: 'keyframe'; reference: number; timeNs: number; snapshot: Snapshot }
  /** `at` is wall time in ms since 1970: what the writer then still does counts as the run's. */
  | {
      type: 'end'
      status: EndStatus
      problem: string | null
      totals: Totals
      endTimeNs: number
      at: number
      kernelView: KernelView
    }

/** From the writer to an engine thread. */
export type WriterToRun =
  /** A buffer to fill again. */
  | { type: 'buffer'; buffer: SharedArrayBuffer }
  /** The store cannot take more: the run has to end. */
  | { type: 'refused'; problem: string }
  /** Everything is committed; the run's digest and how it stands in the store. */
  | { type: 'ended'; status: EndStatus; problem: string | null; traceDigest: string; events: number; seconds: number }

export type EndStatus = 'finished' | 'stopped' | 'failed' | 'kernel-panic' | 'livelock'

/** Words of the Int32Array that an engine thread and the writer share. */
export const SharedWord = {
  /** Buffers given back by the writer so far: an engine that waits for one sleeps on this word. */
  returned: 0,
  /** Not 0: end the run as soon as possible, also while waiting. */
  abandon: 1,
} as const
export const SHARED_BYTES = 64

// ---- encoder

export interface EncoderCalls {
  /** Encodes a chunk of events, which nobody is to write meanwhile. Throws CodecError. */
  encode(buffer: SharedArrayBuffer, count: number, firstEvent: number, recording: boolean): EncodedChunk
}

// ---- checkpointer

export interface CheckpointerCalls {
  checkpoint(database: string): void
}

// ---- query

export interface QueryData {
  database: string
}

export interface QueryCalls {
  workloads(): WorkloadInfo[]
  workload(id: number): WorkloadInfo
  recording(id: number): unknown
  experiments(): StoredExperiment[]
  experiment(id: number): StoredExperiment
  runs(): StoredRunInfo[]
  run(id: number): StoredRunDetail
  runInfo(id: number): StoredRunInfo
  messages(id: number): RunMessage[]
  objects(id: number): NamedObject[]
  compare(ids: number[]): Comparison
  sweeps(): StoredSweep[]
  sweep(id: number): StoredSweep
  sweepResult(file: unknown): SweepResult
  samples(query: { id: number; fromNs: number; toNs: number; buckets: number; columns: string[]; extremes?: string[] }): ArrayBuffer
  events(query: Params<'runs.events'>): ArrayBuffer
  /** Numbers of the chunks that may name a page, the newest first. */
  pageChunks(query: Params<'runs.pageHistory'>): number[]
  /** What one of them has of it. */
  pageRows(query: Params<'runs.pageHistory'>, chunk: number): ArrayBuffer
  eventCount(query: Params<'runs.eventCount'>): Result<'runs.eventCount'>
  eventTiles(query: Params<'runs.eventTiles'>): ArrayBuffer
  neighbour(query: Params<'runs.neighbour'>): Result<'runs.neighbour'>
  reports(): ReportInfo[]
  report(id: number): StoredReport
  renderReport(
    runs: number[],
    format: string,
    name: string,
    sections: ReportSection[] | undefined,
  ): { mediaType: string; content: string }
  reportFigures(runs: number[]): { id: string; title: string; caption: string; svg: string; csv: string }[]
  addedImages(): { name: string; path: string }[]
  workspaceBytes(): number
  storage(): Result<'workspace.storage'>
  isEmpty(): boolean
}

// ---- tallies

export interface TalliesCalls {
  tiles(query: Params<'runs.trackTiles'>): ArrayBuffer
  /** Answers at once; what comes of it is said. */
  count(run: number): void
  stop(): void
}

export type TalliesSaid =
  /** To be kept. */
  { type: 'tallied'; run: number; tallies: NumberedTally[] } | { type: 'progress'; progress: Notice<'tally.progress'> }

// ---- sql

export interface SqlCalls {
  run(sql: string, limits: SqlLimits): SqlAnswer
}

// ---- chores

export interface ChoresData {
  workspace: string
}

export interface ImportJob {
  job: number
  path: string
  /** Empty: found from the content. */
  format: string
  name: string
  limit: number
  eventsPerReference: number
}

export interface ChoresCalls {
  /** Resolves when the import is done; progress is said meanwhile. */
  importWorkload(job: ImportJob): WorkloadInfo
  cancel(job: number): void
  generateWorkload(name: string, generator: string, parameters: Record<string, number>): WorkloadInfo
  /** Takes over a packed run; answers its id. */
  unpackRun(path: string): number
  images(added: { name: string; path: string }[]): ImageInfo[]
  createImage(name: string, sizeBytes: number): ImageInfo
  inspectImage(name: string, path: string): ImageInfo
  deleteImage(name: string): void
  imageDirectory(path: string, partition: number | null, directory: string): ImageFile[]
  imageCheck(path: string, partition: number | null): ImageCheck
  checkExperiment(file: ExperimentFile): CheckResult
}

export interface CheckResult {
  issues: ExperimentIssue[]
  frames: number | null
  footprint: number | null
  references: number | null
  nsPerReference: number | null
  thresholds: Record<string, number> | null
}

export type ChoresSaid = { type: 'import-progress'; job: number; done: number; total: number }

// ---- recorder

export interface RecorderData {
  workspace: string
}

export type RecordJob = Omit<Params<'workloads.record'>, 'output'> & { inheritStreams: boolean }

export interface RecorderCalls {
  /** Resolves when the program has ended or was stopped, and its workload is stored. */
  record(job: RecordJob): WorkloadInfo
  /** Ends the recording; what has come is dropped unless `keep`. */
  end(keep: boolean): void
}

export type RecorderSaid =
  | { type: 'progress'; progress: Omit<Notice<'recording.progress'>, 'job'> }
  | { type: 'output'; stream: 'stdout' | 'stderr'; text: string }

// ---- moments

export interface MomentsData {
  workspace: string
  run: number
  transientPrefix: string
}

/** The views of the engine calls below, of a recorded run at a moment. Fail as `superseded` if another moment is asked for meanwhile. */
export interface MomentsCalls {
  /** `isLive`: the run goes on, and what is known of it may have grown. */
  moment(at: Recorded, isLive: boolean): Result<'runs.moment'>
  frames(at: Recorded, isLive: boolean): ArrayBuffer
  blocks(at: Recorded, isLive: boolean, device: number, cells: number): ArrayBuffer
  objectPages(at: Recorded, isLive: boolean, object: number, from: number, count: number): ArrayBuffer
}
export type Recorded = NonNullable<MomentOfRun>
/** What the thread says unasked. */
export type MomentsSaid = Notice<'moment.progress'>

// ---- engine

export interface VariantFile {
  file: string
  digest: string
}

export interface EngineData {
  /** Folder, database, images and overlays of the workspace. */
  workspace: string
  file: ExperimentFile
  replayOf: number | null
  sameConfiguration: boolean
  /** Digests that images must have, by their names in the experiment; none: any. */
  baseDigests: ReadonlyMap<string, string>
  /** The file of a pager variant and the digest it must have; null: none. */
  variant: VariantFile | null
  record: boolean
  shared: SharedArrayBuffer
  /** Prefix of the names of files that last as long as the run. */
  transientPrefix: string
}

/** What an engine knows when its machine is made. */
export interface Prepared {
  run: NewRun
  thresholds: Record<string, number>
  /** Paths of the images in use. */
  imagePaths: string[]
}

export interface EngineCalls {
  /** Opens workload and images and makes the machine. Throws what is wrong, with the experiment's field. */
  prepare(): Prepared
  /** Starts it: from now on it runs, or is paused. */
  begin(run: number | null, port: MessagePort, startPaused: boolean): void
  control(action: Params<'runs.control'>['action'], kinds: string[]): void
  speed(virtualSecondsPerSecond: number): void
  /** Answers the reference at which it happened. */
  intervene(intervention: InterventionWithoutPlace): number
  moment(): Result<'runs.moment'>
  frames(): ArrayBuffer
  blocks(device: number, cells: number): ArrayBuffer
  objectPages(object: number, from: number, count: number): ArrayBuffer
}

type WithoutPlace<T> = T extends { at: number } ? Omit<T, 'at'> : never
export type InterventionWithoutPlace = WithoutPlace<Intervention>

export interface EngineProgress {
  type: 'progress'
  status: Notice<'run.progress'>['status']
  references: number
  virtualNs: number
  wallSeconds: number
  rate: number
  totals: Totals
  devices: Notice<'run.progress'>['devices']
}

export type EngineSaid =
  | EngineProgress
  | { type: 'message'; message: RunMessage }
  /** The last thing an engine says. */
  | { type: 'ended'; status: EndStatus; problem: string | null; progress: EngineProgress }
