/**
 * What the store keeps and gives back, as plain data that may cross threads. Names and meanings are those of the
 * service's contract, so that a value from here can be sent as it is; only `file`, the experiment, is left unparsed.
 */

export const runStatuses = [
  'running',
  'paused',
  'finished',
  'stopped',
  'failed',
  'kernel-panic',
  'livelock',
  'interrupted',
] as const
export type RunStatus = (typeof runStatuses)[number]

export const totalNumbers = [
  'references',
  'faults',
  'softFaults',
  'zeroFills',
  'copyOnWriteFaults',
  'swapins',
  'pagesIn',
  'swapouts',
  'pagesOut',
  'vnodeins',
  'vnodePagesIn',
  'vnodeouts',
  'vnodePagesOut',
  'evictions',
  'deviceReads',
  'deviceWrites',
  'bytesRead',
  'bytesWritten',
  'bytesVerified',
  'virtualSeconds',
  'seconds',
  'events',
] as const
export type TotalNumber = (typeof totalNumbers)[number]

/** Counters of a run at its end, or when they were last saved. */
export type RunTotals = Record<TotalNumber, number> & { run: number | null; traceDigest: string; status: RunStatus }

export interface WorkloadInfo {
  id: number
  name: string
  source: string
  createdAt: string
  processes: number
  references: number
  footprint: number
  pagesWritten: number
  reads: number
  writes: number
  fetches: number
  eventsPerReference: number
  storedBytes: number
  note: string
  tags: string[]
}

export interface RunMessage {
  /** Virtual nanoseconds. */
  time: number
  level: 'info' | 'warning' | 'error'
  routine: string
  text: string
}

export interface RunDevice {
  name: string
  image: string
  pages: number
  timing: string
  baseDigest: string
}

/** The image that a run's files were on. */
export interface RunFileImage {
  /** Its name in the experiment. */
  image: string
  /** SHA-256 of the image before the run, hex. */
  baseDigest: string
}

/** Something that was done to the running machine, as the experiment's `interventions` say it. */
export interface StoredIntervention {
  at: number
  action: string
  [detail: string]: unknown
}

/** The pager variant that a run ran with. */
export interface RunVariant {
  name: string
  description: string
  /** Where it lay, and the SHA-256 of its bytes, hex. */
  file: string
  digest: string
}

/** What is known of a run when it starts. */
export interface NewRun {
  name: string
  experimentName: string
  /** The experiment file with its defaults filled in: JSON data. */
  file: unknown
  seed: number
  engineVersion: string
  /** Whether events are recorded. */
  recorded: boolean
  /** The workload of each process; id null where it is not one of the workspace. */
  workloads: { id: number | null; name: string }[]
  replayOf: number | null
  /** Of a replay: whether it has the configuration of the run it replays, so that the digests must agree. */
  sameConfiguration: boolean
  frames: number
  nsPerReference: number
  footprint: number
  referencesTotal: number
  bucketNs: number
  thresholds: Record<string, number>
  devices: RunDevice[]
  /** Absent: no image, or one whose bytes do not matter to the run. */
  fileImage?: RunFileImage
  /** Absent: the kernel's own decisions. */
  variant?: RunVariant
  /** Absent: none. */
  tags?: readonly string[]
}

export interface RunInfo {
  id: number
  name: string
  experimentName: string
  workloadNames: string[]
  startedAt: string
  status: RunStatus
  replayOf: number | null
  /** For a replay under the same configuration of a run that ended: whether the trace digests agree. */
  replayAgrees: boolean | null
  problem: string | null
  referencesTotal: number
  storedBytes: number
  note: string
  tags: string[]
  totals: RunTotals
}

export interface RunDetail extends RunInfo {
  /** The experiment file as JSON data. */
  file: unknown
  seed: number
  engineVersion: string
  recorded: boolean
  sameConfiguration: boolean
  endedAt: string | null
  frames: number
  nsPerReference: number
  thresholds: Record<string, number>
  footprint: number
  bucketNs: number
  endTimeNs: number
  workloadIds: (number | null)[]
  devices: RunDevice[]
  interventions: StoredIntervention[]
  eventCounts: Record<string, number>
  messages: RunMessage[]
  fileImage?: RunFileImage
  /** Absent: the kernel's own decisions. */
  variant?: RunVariant
}

/** How a run ended. */
export interface RunEnd {
  status: Exclude<RunStatus, 'running' | 'paused'>
  problem: string | null
  /** `traceDigest` among them is the run's digest. */
  totals: RunTotals
  endTimeNs: number
  /** The machine under the kernel's names, as JSON data; absent where there is none. */
  kernelView?: unknown
}

/** The shape of a binary answer (electron/contract/dataPlane.ts encodes it). */
export interface BinaryTable {
  kind: number
  rows: number
  extra: [number, number, number]
  columns: (Uint8Array | Int32Array | Float64Array)[]
}

/** Totals of a run that has not counted anything. */
export function zeroTotals(run: number | null = null): RunTotals {
  return {
    run,
    references: 0,
    faults: 0,
    softFaults: 0,
    zeroFills: 0,
    copyOnWriteFaults: 0,
    swapins: 0,
    pagesIn: 0,
    swapouts: 0,
    pagesOut: 0,
    vnodeins: 0,
    vnodePagesIn: 0,
    vnodeouts: 0,
    vnodePagesOut: 0,
    evictions: 0,
    deviceReads: 0,
    deviceWrites: 0,
    bytesRead: 0,
    bytesWritten: 0,
    bytesVerified: 0,
    virtualSeconds: 0,
    seconds: 0,
    events: 0,
    traceDigest: '',
    status: 'running',
  }
}
