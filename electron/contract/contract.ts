/**
 * The contract between the workbench service and whoever shows it: desktop window, browser page, command line.
 *
 * Control plane: requests and notices, JSON, checked against the schemas below on both sides. Data plane: binary
 * answers (dataPlane.ts) to the requests whose result is `binary`. A request is {id, method, params}; the answer is
 * {id, result} or {id, error}. A notice is sent unasked.
 */
import { z } from 'zod'
import { comparisonSchema } from './comparison.ts'
import { experimentFileSchema } from './experiment.ts'
import { needProgressSchema } from './memoryNeed.ts'
import { sweepInfoSchema, sweepProgressSchema, sweepResultSchema } from './sweep.ts'
import { galleryItemSchema } from './gallery.ts'

/** Raised when a request or a result changes its meaning; a command sends its request to another process only if these agree. */
export const CONTRACT_VERSION = 1

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
export const runStatusSchema = z.enum(runStatuses)

/** The sections of a report, in their order. */
export const reportSections = ['configuration', 'figures', 'totals', 'devices', 'messages', 'modelled', 'repeat'] as const

/** The totals of a run: what `pager run --json` prints. Counts are numbers, digests hex strings. */
export const totalsSchema = z.object({
  run: z.int().nullable(),
  references: z.number(),
  faults: z.number(),
  softFaults: z.number(),
  zeroFills: z.number(),
  copyOnWriteFaults: z.number(),
  swapins: z.number(),
  pagesIn: z.number(),
  swapouts: z.number(),
  pagesOut: z.number(),
  vnodeins: z.number(),
  vnodePagesIn: z.number(),
  vnodeouts: z.number(),
  vnodePagesOut: z.number(),
  evictions: z.number(),
  deviceReads: z.number(),
  deviceWrites: z.number(),
  bytesRead: z.number(),
  bytesWritten: z.number(),
  bytesVerified: z.number(),
  virtualSeconds: z.number(),
  seconds: z.number(),
  events: z.number(),
  traceDigest: z.string(),
  status: runStatusSchema,
})
export type Totals = z.infer<typeof totalsSchema>

/** What an image or a partition of it holds. */
const imageContentSchema = z.object({
  /** 'swap', 'ufs1', 'ufs2', 'iso9660', 'ext', 'unknown' */
  kind: z.string(),
  /** Of the file system. */
  label: z.string(),
  /** Bytes for data, and of those free; null where there is no file system that is read here. */
  dataBytes: z.number().nullable(),
  freeBytes: z.number().nullable(),
  /** Why a file system cannot be used or only be read. */
  problem: z.string().nullable(),
})
export type ImageContent = z.infer<typeof imageContentSchema>

const imageSchema = z.object({
  name: z.string(),
  path: z.string(),
  sizeBytes: z.number(),
  allocatedBytes: z.number(),
  /** A run holds it. */
  inUse: z.boolean(),
  partitions: z.array(
    z.object({
      index: z.int(),
      name: z.string(),
      typeName: z.string(),
      offsetBytes: z.number(),
      lengthBytes: z.number(),
      scheme: z.string(),
      content: imageContentSchema,
    }),
  ),
  /** Of the whole image, where it has no partition table. */
  content: imageContentSchema.nullable(),
  problem: z.string().nullable(),
})
export type ImageInfo = z.infer<typeof imageSchema>

/** A file of a file system on an image. */
const imageFileSchema = z.object({
  name: z.string(),
  inode: z.number(),
  /** As `ls -l` shows it: a letter for the kind and three times rwx. */
  mode: z.string(),
  links: z.number(),
  uid: z.number(),
  gid: z.number(),
  sizeBytes: z.number(),
  /** Bytes on the device, indirect blocks included. */
  allocatedBytes: z.number(),
  modified: z.string(),
  /** Of a symbolic link. */
  target: z.string().nullable(),
})
export type ImageFile = z.infer<typeof imageFileSchema>

const imageCheckSchema = z.object({
  problems: z.array(z.object({ kind: z.string(), message: z.string(), inode: z.number().nullable() })),
  /** Problems beyond those listed. */
  more: z.number(),
  files: z.number(),
  directories: z.number(),
  usedFragments: z.number(),
  freeFragments: z.number(),
})
export type ImageCheck = z.infer<typeof imageCheckSchema>

/** The file system of a partition of an image of the workspace; null: the only one that there is. */
const onImage = { name: z.string().min(1), partition: z.int().min(0).nullable() }

const workloadInfoSchema = z.object({
  id: z.int(),
  name: z.string(),
  source: z.string(),
  createdAt: z.string(),
  processes: z.int(),
  references: z.number(),
  footprint: z.number(),
  pagesWritten: z.number(),
  reads: z.number(),
  writes: z.number(),
  fetches: z.number(),
  eventsPerReference: z.number(),
  storedBytes: z.number(),
  /** What somebody wrote about it. */
  note: z.string(),
  tags: z.array(z.string()),
})
export type WorkloadInfo = z.infer<typeof workloadInfoSchema>

/** How a workload was recorded of a program. What the kernel did on the program's behalf is not in it. */
export const recordingInfoSchema = z.object({
  /** The program and its arguments. */
  command: z.array(z.string()),
  directory: z.string(),
  startedAt: z.string(),
  seconds: z.number(),
  /** The program ended, or a limit was reached, or a person stopped it. */
  end: z.enum(['finished', 'references', 'seconds', 'stopped']),
  exitStatus: z.int().nullable(),
  signal: z.string().nullable(),
  /** Pages of the filter; 1: only repetitions were left out. */
  filterSize: z.int(),
  /** Page events before the filter. */
  events: z.number(),
  processes: z.array(
    z.object({
      name: z.string(),
      pid: z.int(),
      parentPid: z.int().nullable(),
      command: z.string(),
      references: z.number(),
      footprint: z.number(),
      /** What its pages were: path of a file, `heap`, `stack`, `anonymous`; `unknown` where the mapping was gone too soon. */
      labels: z.array(z.object({ startPage: z.number(), pageCount: z.number(), label: z.string() })),
      /** Where it begins: at reference `at` of a process of the recording; null: it is there from the start. */
      begins: z
        .object({ how: z.enum(['fork', 'exec', 'spawn']), process: z.int(), at: z.number(), isExact: z.boolean() })
        .nullable()
        .default(null),
    }),
  ),
  /** What is missing or not exact, and what valgrind had to say. */
  notes: z.array(z.string()),
})
export type RecordingInfo = z.infer<typeof recordingInfoSchema>

const experimentInfoSchema = z.object({
  id: z.int(),
  name: z.string(),
  updatedAt: z.string(),
  file: experimentFileSchema,
})
export type ExperimentInfo = z.infer<typeof experimentInfoSchema>

const messageSchema = z.object({
  time: z.number(),
  level: z.enum(['info', 'warning', 'error']),
  routine: z.string(),
  text: z.string(),
})
export type RunMessage = z.infer<typeof messageSchema>

const runInfoSchema = z.object({
  id: z.int(),
  name: z.string(),
  experimentName: z.string(),
  workloadNames: z.array(z.string()),
  startedAt: z.string(),
  status: runStatusSchema,
  /** The run that this one replays, under the same or another configuration. */
  replayOf: z.int().nullable(),
  /** For a replay under the same configuration: whether the trace digests agree. */
  replayAgrees: z.boolean().nullable(),
  /** Why it failed or panicked, in a sentence. */
  problem: z.string().nullable(),
  referencesTotal: z.number(),
  storedBytes: z.number(),
  note: z.string(),
  tags: z.array(z.string()),
  totals: totalsSchema,
})
export type RunInfo = z.infer<typeof runInfoSchema>

const runDetailSchema = runInfoSchema.extend({
  file: experimentFileSchema,
  engineVersion: z.string(),
  frames: z.number(),
  nsPerReference: z.number(),
  thresholds: z.record(z.string(), z.number()),
  footprint: z.number(),
  bucketNs: z.number(),
  endTimeNs: z.number(),
  devices: z.array(
    z.object({ name: z.string(), image: z.string(), pages: z.number(), timing: z.string(), baseDigest: z.string() }),
  ),
  eventCounts: z.record(z.string(), z.number()),
  /** What was done to the machine while it ran, as an experiment says it. */
  interventions: z.array(z.looseObject({ at: z.number(), action: z.string() })),
  messages: z.array(messageSchema),
  /** The image that its files were on, with the digest that it had; absent: none, or one whose bytes did not matter. */
  fileImage: z.object({ image: z.string(), baseDigest: z.string() }).optional(),
  /** The pager variant it ran with; absent: the kernel's own decisions. `digest` is the SHA-256 of `file`. */
  variant: z.object({ name: z.string(), description: z.string(), file: z.string(), digest: z.string() }).optional(),
})
export type RunDetail = z.infer<typeof runDetailSchema>

const reportInfoSchema = z.object({
  id: z.int(),
  name: z.string(),
  createdAt: z.string(),
  format: z.string(),
  runs: z.array(z.int()),
  sizeBytes: z.number(),
})
export type ReportInfo = z.infer<typeof reportInfoSchema>

const issueSchema = z.object({ field: z.string(), message: z.string() })
const parameterSchema = z.object({ name: z.string(), default: z.number(), unit: z.string(), meaning: z.string() })
export type ParameterInfo = z.infer<typeof parameterSchema>
const choiceSchema = z.object({ name: z.string(), meaning: z.string(), parameters: z.array(parameterSchema) })
export type ChoiceInfo = z.infer<typeof choiceSchema>
const metricSchema = z.object({ name: z.string(), unit: z.string(), meaning: z.string(), kernelName: z.string() })
export type MetricInfo = z.infer<typeof metricSchema>

/** What the service sends of a running run, some ten times a second. */
const progressSchema = z.object({
  run: z.int(),
  status: runStatusSchema,
  references: z.number(),
  referencesTotal: z.number(),
  virtualNs: z.number(),
  wallSeconds: z.number(),
  /** References per second of wall time, lately. */
  rate: z.number(),
  totals: totalsSchema,
  devices: z.array(
    z.object({
      device: z.int(),
      attached: z.boolean(),
      closing: z.boolean(),
      usedPages: z.number(),
      totalPages: z.number(),
    }),
  ),
})
export type RunProgress = z.infer<typeof progressSchema>

const none = z.strictObject({})
const byId = z.strictObject({ id: z.int() })
const annotation = z.strictObject({
  id: z.int(),
  note: z.string().max(10_000).optional(),
  tags: z.array(z.string().min(1).max(100)).max(100).optional(),
})
/** A moment of a run: after everything at that virtual time, just after that event, or after so many references; null: now, or its end. */
const momentSchema = z
  .union([
    z.strictObject({ ns: z.number().min(0) }),
    z.strictObject({ event: z.int().min(0) }),
    z.strictObject({ reference: z.int().min(0) }),
  ])
  .nullable()
export type MomentOfRun = z.infer<typeof momentSchema>

/** What a machine is like at a moment, besides its maps. Pages of 4096 bytes. */
const machineStateSchema = z.object({
  virtualNs: z.number(),
  references: z.number(),
  events: z.number(),
  frames: z.number(),
  freePages: z.number(),
  activePages: z.number(),
  inactivePages: z.number(),
  laundryPages: z.number(),
  unswappablePages: z.number(),
  wiredPages: z.number(),
  swapUsed: z.number(),
  swapTotal: z.number(),
  swapReserved: z.number(),
  devices: z.array(
    z.object({
      device: z.int(),
      attached: z.boolean(),
      closing: z.boolean(),
      usedPages: z.number(),
      totalPages: z.number(),
      /** Maximal ranges of free blocks: their number, the largest and the average one; null: not attached. */
      free: z.object({ ranges: z.number(), largest: z.number(), average: z.number() }).nullable(),
    }),
  ),
  /** Those with most pages, of `objectCount`. */
  objects: z.array(
    z.object({
      object: z.int(),
      type: z.string(),
      size: z.number(),
      resident: z.number(),
      swapped: z.number(),
      references: z.number(),
      backing: z.int(),
    }),
  ),
  objectCount: z.number(),
})
export type MachineState = z.infer<typeof machineStateSchema>

/** An object of a run from event `firstEvent` on (db/objectNames.ts). */
const namedObjectSchema = z.object({
  object: z.int(),
  firstEvent: z.number(),
  kind: z.string(),
  process: z.int(),
  startPage: z.number(),
  pages: z.number(),
  name: z.string(),
  labels: z.array(z.object({ page: z.number(), pages: z.number(), label: z.string() })),
})

const retention = z.strictObject({ runs: z.int().min(1).nullable(), bytes: z.int().min(0).nullable() })
const binary = z.instanceof(ArrayBuffer)

/** Every request: its parameters and its result. */
export const requests = {
  'workbench.info': {
    params: none,
    result: z.object({
      contractVersion: z.int(),
      engineVersion: z.string(),
      host: z.enum(['desktop', 'browser', 'command']),
      workspace: z.string(),
      workspaceBytes: z.number(),
      generators: z.array(choiceSchema),
      timingModels: z.array(choiceSchema),
      importFormats: z.array(z.object({ name: z.string(), meaning: z.string(), extensions: z.array(z.string()) })),
      daemons: z.array(z.object({ name: z.string(), meaning: z.string() })),
      /** The known defects of the swap pager's source: events of the kind `defect` name them by their place here. */
      defects: z.array(z.object({ name: z.string(), routine: z.string(), faithful: z.string(), repaired: z.string() })),
      counters: z.array(metricSchema),
      gauges: z.array(metricSchema),
      sampleColumns: z.array(z.string()),
      eventKinds: z.array(z.string()),
      electron: z.string().nullable(),
    }),
  },

  /** What the workspace takes of the disk, and how much of its runs it keeps; null: no limit (db/retention.ts). */
  'workspace.storage': {
    params: none,
    result: z.object({
      bytes: z.number(),
      unusedBytes: z.number(),
      runBytes: z.number(),
      workloadBytes: z.number(),
      limits: retention,
    }),
  },
  /** Sets the limits and holds to them at once. Answers the runs that went. */
  'workspace.limit': { params: retention, result: z.object({ removed: z.array(z.int()) }) },
  /** Gives back what is unused. Nothing else may be running. */
  'workspace.compact': { params: none, result: none },

  'images.list': { params: none, result: z.array(imageSchema) },
  'images.create': {
    params: z.strictObject({ name: z.string().min(1), sizeBytes: z.int().min(12288) }),
    result: imageSchema,
  },
  /** Adds an existing raw image by path; it stays where it is. */
  'images.add': { params: z.strictObject({ path: z.string().min(1) }), result: imageSchema },
  /** Forgets an image; deletes the file only if it lies in the workspace and `deleteFile` says so. */
  'images.remove': { params: z.strictObject({ name: z.string(), deleteFile: z.boolean() }), result: none },

  /** The files in a directory of a file system on an image, the first 10,000. */
  'images.directory': { params: z.strictObject({ ...onImage, path: z.string() }), result: z.array(imageFileSchema) },
  /** Checks a file system; repairs nothing. */
  'images.check': { params: z.strictObject(onImage), result: imageCheckSchema },

  'workloads.list': { params: none, result: z.array(workloadInfoSchema) },
  'workloads.get': { params: byId, result: workloadInfoSchema },
  /** Starts an import of a file; ends with a job notice. */
  'workloads.import': {
    params: z.strictObject({
      path: z.string(),
      format: z.string(),
      name: z.string(),
      limit: z.int().min(0),
      eventsPerReference: z.number().positive(),
    }),
    result: z.object({ job: z.int() }),
  },
  /** Executes a program and records its references; ends with a job notice. Windows may ask only where their host lets them. */
  'workloads.record': {
    params: z.strictObject({
      program: z.string().min(1),
      arguments: z.array(z.string()),
      /** The program's working directory; empty: the workspace. */
      directory: z.string(),
      /** Empty: the program's. */
      name: z.string(),
      filterSize: z.int().min(1).max(64),
      /** Stored references at the most, and seconds of wall time; 0: no limit. */
      referencesMax: z.int().min(0),
      secondsMax: z.number().min(0),
      followChildren: z.boolean(),
      /** Whether the program has the streams of the process that serves, or none to read and `recording.output` to write. */
      output: z.enum(['terminal', 'notices']),
    }),
    result: z.object({ job: z.int() }),
  },
  /** Ends a recording and keeps what has come (jobs.cancel drops it). */
  'workloads.endRecording': { params: z.strictObject({ job: z.int() }), result: none },
  /** How a workload was recorded; null where it was not. */
  'workloads.recording': { params: byId, result: recordingInfoSchema.nullable() },
  'workloads.generate': {
    params: z.strictObject({
      name: z.string().min(1),
      generator: z.string(),
      parameters: z.record(z.string(), z.number()),
    }),
    result: workloadInfoSchema,
  },
  'workloads.rename': { params: z.strictObject({ id: z.int(), name: z.string().min(1) }), result: workloadInfoSchema },
  /** Changes what somebody wrote about a workload, its tags, or both. */
  'workloads.annotate': { params: annotation, result: workloadInfoSchema },
  'workloads.remove': { params: byId, result: none },

  'experiments.list': { params: none, result: z.array(experimentInfoSchema) },
  'experiments.get': { params: byId, result: experimentInfoSchema },
  /** Saves under its id, or as a new one where id is null. */
  'experiments.save': {
    params: z.strictObject({ id: z.int().nullable(), file: z.unknown() }),
    result: experimentInfoSchema,
  },
  'experiments.remove': { params: byId, result: none },
  /** What is wrong with an experiment, and what it amounts to; works on half-written ones. */
  'experiments.check': {
    params: z.strictObject({ file: z.unknown() }),
    result: z.object({
      issues: z.array(issueSchema),
      /** In plain words; null while there are issues. */
      summary: z.string().nullable(),
      frames: z.number().nullable(),
      footprint: z.number().nullable(),
      references: z.number().nullable(),
      nsPerReference: z.number().nullable(),
      /** freeReserved, freeMin, freeTarget, inactiveTarget, ... as the machine will have them. */
      thresholds: z.record(z.string(), z.number()).nullable(),
    }),
  },

  'gallery.list': { params: none, result: z.array(galleryItemSchema) },
  /** The misses of a variation whose policy is simulated. */
  'gallery.simulate': {
    params: z.strictObject({ name: z.string(), variation: z.string() }),
    result: z.object({ references: z.number(), misses: z.number(), seconds: z.number() }),
  },

  'runs.list': { params: none, result: z.array(runInfoSchema) },
  'runs.get': { params: byId, result: runDetailSchema },
  'runs.rename': { params: z.strictObject({ id: z.int(), name: z.string().min(1) }), result: runInfoSchema },
  /** Changes what somebody wrote about a run, its tags, or both. */
  'runs.annotate': { params: annotation, result: runInfoSchema },
  /** Takes over a run that `pager pack` made a file of. */
  'runs.unpack': { params: z.strictObject({ path: z.string().min(1) }), result: z.object({ id: z.int() }) },
  'runs.remove': { params: byId, result: none },
  /** `variant` is the absolute path of a pager variant, which is executed: windows may not send it. */
  'runs.start': {
    params: z.strictObject({
      file: z.unknown(),
      record: z.boolean(),
      startPaused: z.boolean(),
      variant: z.string().optional(),
    }),
    result: z.object({ id: z.int() }),
  },
  /** Replays a run: `file` null means its own configuration. `variant` as for runs.start; a run that had one wants it again. */
  'runs.replay': {
    params: z.strictObject({ id: z.int(), file: z.unknown().nullable(), variant: z.string().optional() }),
    result: z.object({ id: z.int() }),
  },
  'runs.control': {
    params: z.strictObject({
      id: z.int(),
      action: z.enum(['pause', 'resume', 'stop', 'step-reference', 'step-fault', 'step-io', 'step-event']),
      /** With step-event: the kinds of event to stop at; none: any. */
      kinds: z.array(z.string()).optional(),
    }),
    result: none,
  },
  /** Virtual seconds per second of wall time at the most; 0: as fast as it goes. */
  'runs.speed': { params: z.strictObject({ id: z.int(), speed: z.number().min(0) }), result: none },
  /** Does something to the running machine; it happens at the reference then reached, and is stored with the run. */
  'runs.intervene': {
    params: z.strictObject({
      id: z.int(),
      action: z.enum(['swapon', 'swapoff', 'orphan', 'tunable', 'inject']),
      device: z.int().min(0).optional(),
      name: z.string().optional(),
      value: z.number().optional(),
    }),
    result: z.object({ at: z.number() }),
  },
  /** Samples of a range of virtual time as tiles; binary, see dataPlane.ts. At most 4096 buckets. */
  'runs.samples': {
    params: z.strictObject({
      id: z.int(),
      fromNs: z.number(),
      toNs: z.number(),
      buckets: z.int().min(1).max(4096),
      columns: z.array(z.string()),
      /** Of which columns least and greatest value are wanted besides the sum; by default of all. */
      extremes: z.array(z.string()).optional(),
    }),
    result: binary,
  },
  /** A window of at most 10,000 events; binary, see dataPlane.ts. */
  'runs.events': {
    params: z.strictObject({
      id: z.int(),
      fromNs: z.number(),
      toNs: z.number(),
      kinds: z.array(z.string()),
      object: z.int().optional(),
      /** Events whose pages include this one; with `object`. */
      page: z.int().optional(),
      device: z.int().optional(),
      /** Number in the run of the first event to look at: a window found so costs the same wherever it lies. */
      fromEvent: z.int().min(0).optional(),
      /** Rows of the filtered range to leave out first. */
      offset: z.int().min(0),
      limit: z.int().min(1).max(10000),
    }),
    result: binary,
  },
  /** Counts of events of a range by bucket and kind; binary, see dataPlane.ts. */
  'runs.eventTiles': {
    params: z.strictObject({ id: z.int(), fromNs: z.number(), toNs: z.number(), buckets: z.int().min(1).max(4096) }),
    result: binary,
  },
  /**
   * Counts of events of a range by process or by object, of those with most events, and bucket; binary, see dataPlane.ts. As long as not all of
   * the run has been counted so (runs.tally), they are estimated from what has.
   */
  'runs.trackTiles': {
    params: z.strictObject({
      id: z.int(),
      by: z.enum(['processes', 'objects']),
      fromNs: z.number(),
      toNs: z.number(),
      kinds: z.array(z.string()),
      tracks: z.int().min(1).max(64),
      buckets: z.int().min(1).max(4096),
    }),
    result: binary,
  },
  /** Begins to count a run's events by process and by object, in place of another run, or stops that; `tally.progress` tells how it goes. */
  'runs.tally': { params: z.strictObject({ id: z.int(), action: z.enum(['start', 'stop']) }), result: none },
  /** How many events of some kinds (none: all) a range has: the length of the table that windows of runs.events are parts of. */
  'runs.eventCount': {
    params: z.strictObject({ id: z.int(), fromNs: z.number(), toNs: z.number(), kinds: z.array(z.string()) }),
    result: z.object({ count: z.number() }),
  },
  /** The nearest event of some kinds (none: any) before or after an event; null: there is none. */
  'runs.neighbour': {
    params: z.strictObject({ id: z.int(), event: z.int().min(-1), isAfter: z.boolean(), kinds: z.array(z.string()) }),
    result: z.object({ event: z.number(), timeNs: z.number() }).nullable(),
  },
  /**
   * The newest events of a page, of those before an event if one is named; binary, as those of runs.events, oldest first. Where there are
   * more, ask for those before the first one.
   */
  'runs.pageHistory': {
    params: z.strictObject({
      id: z.int(),
      object: z.int(),
      page: z.int().min(0),
      beforeEvent: z.int().min(0).optional(),
      limit: z.int().min(1).max(10000),
    }),
    result: binary,
  },
  /** What its objects are called: none of a run without a trace. */
  'runs.objects': { params: byId, result: z.array(namedObjectSchema) },
  'runs.messages': { params: byId, result: z.array(messageSchema) },
  /** Two runs or more, each against the first: configurations, totals, where the traces part. */
  'runs.compare': { params: z.strictObject({ ids: z.array(z.int()).min(2).max(32) }), result: comparisonSchema },
  /**
   * The machine at a moment. A moment that has passed is executed again, from the nearest keyframe, on a thread of its own; a request for
   * another moment of any run takes the place of one under way, which fails as `superseded`.
   */
  'runs.moment': { params: z.strictObject({ id: z.int(), at: momentSchema }), result: machineStateSchema },
  /** Every page frame at a moment (none: now); binary, see dataPlane.ts. */
  'runs.frames': { params: z.strictObject({ id: z.int(), at: momentSchema.optional() }), result: binary },
  /** The blocks of a swap device at a moment; binary, see dataPlane.ts. */
  'runs.blocks': {
    params: z.strictObject({
      id: z.int(),
      at: momentSchema,
      device: z.int().min(0),
      cells: z
        .int()
        .min(1)
        .max(1 << 20),
    }),
    result: binary,
  },
  /** The pages of an object at a moment; binary, see dataPlane.ts. */
  'runs.objectPages': {
    params: z.strictObject({
      id: z.int(),
      at: momentSchema,
      object: z.int().min(0),
      from: z.int().min(0),
      count: z
        .int()
        .min(1)
        .max(1 << 20),
    }),
    result: binary,
  },

  /**
   * A query in SQL over the workspace (db/sql.ts says what there is besides its tables). It takes the place of one that still
   * runs. `more`: there are more rows than asked for.
   */
  'sql.run': {
    params: z.strictObject({
      sql: z.string(),
      rows: z.int().min(1).max(10000),
      seconds: z.number().positive().max(600),
    }),
    result: z.object({
      columns: z.array(z.string()),
      rows: z.array(z.array(z.union([z.number(), z.string(), z.null()]))),
      more: z.boolean(),
    }),
  },
  /** Ends the query that runs, if one does. */
  'sql.cancel': { params: none, result: none },

  'reports.list': { params: none, result: z.array(reportInfoSchema) },
  'reports.create': {
    params: z.strictObject({
      runs: z.array(z.int()).min(1),
      format: z.enum(['html', 'csv', 'json', 'md']),
      name: z.string(),
      /** Those that it has, of db/report/content.ts; all where it is left out. */
      sections: z.array(z.enum(reportSections)).min(1).optional(),
    }),
    result: reportInfoSchema,
  },
  /** The report's text. */
  'reports.get': {
    params: byId,
    result: z.object({ info: reportInfoSchema, mediaType: z.string(), content: z.string() }),
  },
  /** A report of HTML as PDF; binary. Wants a Chromium where the host is not the desktop. */
  'reports.pdf': { params: byId, result: binary },
  /** The figures that a report of these runs has, each by itself: SVG with caption and citation, and its numbers as CSV. */
  'reports.figures': {
    params: z.strictObject({ runs: z.array(z.int()).min(1) }),
    result: z.array(z.object({ id: z.string(), title: z.string(), caption: z.string(), svg: z.string(), csv: z.string() })),
  },
  'reports.remove': { params: byId, result: none },

  'sweeps.list': { params: none, result: z.array(sweepInfoSchema) },
  /** What is wrong with a sweep, and how many runs it is; works on half-written ones. */
  'sweeps.check': {
    params: z.strictObject({ file: z.unknown() }),
    result: z.object({ issues: z.array(issueSchema), cells: z.int().nullable() }),
  },
  /** Saves under its name, in place of what had that name. */
  'sweeps.save': { params: z.strictObject({ file: z.unknown() }), result: sweepInfoSchema },
  /** Forgets the sweep; its runs stay. */
  'sweeps.remove': { params: byId, result: none },
  /**
   * Runs what has not ended yet, `workers` at a time (0: one for each core); `sweep.progress` tells how it goes. A sweep with pager
   * variants starts only with `runVariants`, which windows may not send.
   */
  'sweeps.start': {
    params: z.strictObject({ id: z.int(), workers: z.int().min(0).max(64), runVariants: z.boolean().optional() }),
    result: none,
  },
  'sweeps.control': {
    params: z.strictObject({ id: z.int(), action: z.enum(['pause', 'resume', 'cancel']) }),
    result: none,
  },
  /** What has come of it so far. */
  'sweeps.result': { params: byId, result: sweepResultSchema },
  /** Sweeps under way. */
  'sweeps.progress': { params: none, result: z.array(sweepProgressSchema) },

  /**
   * Looks for the smallest RAM with which an experiment takes at most `within` per cent more virtual time than with all it could use, for
   * each number of swap devices; ends with a `need.progress` notice that has the result.
   */
  'need.start': {
    params: z.strictObject({
      file: z.unknown(),
      within: z.number().positive().max(1000),
      deviceCounts: z.array(z.int().min(1).max(6)).min(1),
    }),
    result: z.object({ search: z.int() }),
  },
  'need.cancel': { params: z.strictObject({ search: z.int() }), result: none },

  'jobs.cancel': { params: z.strictObject({ job: z.int() }), result: none },
} as const

export type Method = keyof typeof requests
export type Params<M extends Method> = z.input<(typeof requests)[M]['params']>
export type Result<M extends Method> = z.output<(typeof requests)[M]['result']>

/** What the service says unasked. */
export const notices = {
  'run.progress': progressSchema,
  /** A run ended; its details can be asked for. */
  'run.ended': z.object({ run: z.int(), status: runStatusSchema, problem: z.string().nullable() }),
  'run.message': z.object({ run: z.int(), message: messageSchema }),
  /** Progress and end of an import or another job. `done` counts up to `total` (0: not known); `result` names what came of it. */
  job: z.object({
    job: z.int(),
    title: z.string(),
    state: z.enum(['running', 'finished', 'failed', 'cancelled']),
    done: z.number(),
    total: z.number(),
    error: z.string().nullable(),
    result: z.object({ workload: z.int().optional() }).nullable(),
  }),
  /** A recording under way, some ten times a second. */
  'recording.progress': z.object({
    job: z.int(),
    references: z.number(),
    /** Page events before the filter. */
    events: z.number(),
    /** Events per second, lately. */
    rate: z.number(),
    /** Pages of all processes. */
    footprint: z.number(),
    processes: z.int(),
    seconds: z.number(),
  }),
  /** What a recorded program writes. */
  'recording.output': z.object({ job: z.int(), stream: z.enum(['stdout', 'stderr']), text: z.string() }),
  /** A search for the smallest RAM under way, or how it ended. */
  'need.progress': needProgressSchema,
  /** A run's events are counted by process and by object: how many of its `total` chunks are done, or how it ended. */
  'tally.progress': z.object({
    run: z.int(),
    state: z.enum(['running', 'finished', 'stopped', 'failed']),
    done: z.number(),
    total: z.number(),
    error: z.string().nullable(),
  }),
  /** A run is executed again up to a moment, and that takes time: the share of the way that is done. */
  'moment.progress': z.object({ run: z.int(), done: z.number() }),
  /** A sweep under way, or how it ended. */
  'sweep.progress': sweepProgressSchema,
  /** A list changed and is worth asking for again. */
  changed: z.object({ what: z.enum(['images', 'workloads', 'experiments', 'runs', 'reports', 'sweeps']) }),
} as const

export type NoticeName = keyof typeof notices
export type Notice<N extends NoticeName> = z.output<(typeof notices)[N]>

/** An error as it crosses the contract. `code` is for programs, `message` for people, `field` names what was wrong. */
export const contractErrorSchema = z.object({ code: z.string(), message: z.string(), field: z.string().optional() })
export type ContractErrorShape = z.infer<typeof contractErrorSchema>

/** What every host implements, and what the window and the command line hold in their hands. */
export interface WorkbenchClient {
  request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>
  /** Answers a function that ends the subscription. */
  on<N extends NoticeName>(name: N, listener: (notice: Notice<N>) => void): () => void
}

export class ContractError extends Error {
  readonly code: string
  readonly field: string | undefined
  constructor(shape: ContractErrorShape) {
    super(shape.message)
    this.name = 'ContractError'
    this.code = shape.code
    this.field = shape.field
  }
}

/** What the window gets from its host: the client, and what only a host can do. */
export interface HostBridge extends WorkbenchClient {
  readonly host: 'desktop' | 'browser'
  /** A path the service can read for a file that was dropped or picked: its own on the desktop, an uploaded copy in the browser. */
  pathOfFile(file: File): Promise<string>
  /** Hands text to the user as a file (a save dialog, or a download). False if they declined. */
  saveFile(name: string, mediaType: string, content: string | Uint8Array<ArrayBuffer>): Promise<boolean>
  /** The host's connection came or went. */
  onConnection(listener: (connected: boolean) => void): () => void
}
