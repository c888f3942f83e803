/**
 * The experiment file: its schema, with a default and a sentence for every field. `docs/experiment.schema.json` is made
 * from it. Unknown fields are refused by name.
 */
import { z } from 'zod'
import type { Experiment } from '../../engine/sim/experiment.ts'
import { issueText } from './issueText.ts'

const units: Record<string, number> = { '': 1, B: 1, KiB: 1024, MiB: 1048576, GiB: 1073741824, TiB: 1099511627776 }

/** "64 MiB" -> bytes; NaN if it is no size. */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)?\s*$/.exec(text)
  return match ? Number(match[1]) * (units[match[2] ?? ''] ?? NaN) : NaN
}

const pages = (what: string) => z.int().min(0).describe(`${what}, in pages of 4096 bytes`)

const timing = z
  .strictObject({
    model: z.string().default('ssd').describe('Timing model: instant, hdd, ssd, nvme or nfs'),
    parameters: z
      .record(z.string(), z.number())
      .default({})
      .describe('Parameters of the model that differ from its defaults, by name'),
  })
  .describe('How long requests take')

const injectedFault = z.strictObject({
  device: z
    .union([z.int().min(0), z.literal('files')])
    .default(0)
    .describe('Number of the swap device, in the order of swap.devices; or "files", the device that files are on'),
  direction: z.enum(['read', 'write']).default('read').describe('Which requests fail'),
  errno: z.int().min(1).default(5).describe('The errno they fail with; 5 is EIO'),
  fromRequest: z.int().min(0).default(0).describe('First request that fails, counted per device and direction from 0'),
  count: z.int().min(1).default(1).describe('How many requests fail'),
})

const deviceSchema = z.strictObject({
  image: z
    .string()
    .min(1)
    .describe('Name of an image in the workspace, or a path (with a slash) relative to the experiment file'),
  create: z
    .string()
    .refine((text) => text === '' || Number.isFinite(parseSize(text)), 'is no size; write for example "64 MiB"')
    .default('')
    .describe('Size that the image is made with where it is missing, for example "64 MiB"; empty: it must exist'),
  partition: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe('Number of a partition on the image; null: the whole image'),
  kind: z.enum(['disk', 'nfs']).default('disk').describe('A disk, or a regular file on a network file system'),
  timing: timing.prefault({}),
  mode: z
    .enum(['overlay', 'write-through'])
    .default('overlay')
    .describe('Writes go to a fresh copy-on-write overlay, or into the image itself'),
  swapon: z.boolean().default(true).describe('Swapped on when the machine starts'),
  force: z
    .boolean()
    .default(false)
    .describe('Swap although the image or the partition holds something else; a partition table is never written over'),
})

const interventionSchema = z.discriminatedUnion('action', [
  z.strictObject({ at: z.int().min(0), action: z.literal('swapon'), device: z.int().min(0) }),
  z.strictObject({ at: z.int().min(0), action: z.literal('swapoff'), device: z.int().min(0) }),
  z.strictObject({ at: z.int().min(0), action: z.literal('orphan'), device: z.int().min(0) }),
  z.strictObject({ at: z.int().min(0), action: z.literal('tunable'), name: z.string(), value: z.number() }),
  z.strictObject({ at: z.int().min(0), action: z.literal('inject'), fault: injectedFault }),
])

const at = z.int().min(0).describe('Done before this reference of the process is made, counted from 0')
const child = z.int().min(0).describe('Number of another process, in the order of processes')
const range = {
  page: z.int().min(0).describe('First virtual page number'),
  pages: z.int().min(1).describe('Pages'),
}
const sharedObject = z.string().min(1).describe('Name of a shared memory object')

const namedFile = z.string().min(1).describe('A file of files.named')
const fileOffset = z.int().min(0).default(0).describe('First byte')
const isDirect = z.boolean().default(false).describe("Past the file's pages where the kernel can (O_DIRECT)")
const fileBytes = z.int().min(1).describe('Bytes')

const verbSchema = z
  .discriminatedUnion('verb', [
    z.strictObject({ at, verb: z.literal('fork'), child }),
    z.strictObject({ at, verb: z.literal('spawn'), child }),
    z.strictObject({ at, verb: z.literal('wait'), child }),
    z.strictObject({ at, verb: z.literal('exec') }),
    z.strictObject({ at, verb: z.literal('exit') }),
    z.strictObject({
      at,
      verb: z.literal('map'),
      ...range,
      object: z.string().default('').describe('Name of a shared memory object; empty: private anonymous memory'),
      offset: z.int().min(0).default(0).describe('First page of the object'),
    }),
    z.strictObject({ at, verb: z.literal('unmap'), ...range }),
    z.strictObject({ at, verb: z.literal('protect'), ...range, access: z.enum(['none', 'read', 'write']) }),
    z.strictObject({ at, verb: z.literal('lock'), ...range }),
    z.strictObject({ at, verb: z.literal('unlock'), ...range }),
    z.strictObject({
      at,
      verb: z.literal('madvise'),
      ...range,
      advice: z.enum(['normal', 'sequential', 'random', 'willneed', 'dontneed', 'free', 'nosync', 'autosync']),
    }),
    z.strictObject({ at, verb: z.literal('protect-process') }),
    z.strictObject({ at, verb: z.literal('shm-open'), object: sharedObject, pages: z.int().min(0) }),
    z.strictObject({ at, verb: z.literal('shm-truncate'), object: sharedObject, pages: z.int().min(0) }),
    z.strictObject({ at, verb: z.literal('shm-unlink'), object: sharedObject }),
    z.strictObject({
      at,
      verb: z.literal('memory-disk'),
      object: sharedObject,
      pages: z.int().min(0),
      isReserved: z.boolean().default(true).describe('Each page has a swap block from the beginning'),
    }),
    z.strictObject({ at, verb: z.literal('limit-swap'), bytes: z.int().min(0) }),
    z.strictObject({ at, verb: z.literal('file-read'), file: namedFile, offset: fileOffset, bytes: fileBytes, isDirect }),
    z.strictObject({
      at,
      verb: z.literal('file-write'),
      file: namedFile,
      offset: fileOffset,
      bytes: fileBytes,
      isSync: z.boolean().default(false).describe('Waits until it is on the device (O_SYNC)'),
      isDirect,
    }),
    z.strictObject({ at, verb: z.literal('file-truncate'), file: namedFile, bytes: z.int().min(0) }),
    z.strictObject({ at, verb: z.literal('file-sync'), file: namedFile }),
    z.strictObject({ at, verb: z.literal('file-open'), file: namedFile }),
    z.strictObject({ at, verb: z.literal('file-close'), file: namedFile }),
    z.strictObject({ at, verb: z.literal('file-unlink'), file: namedFile }),
    z.strictObject({ at, verb: z.literal('file-reclaim'), file: namedFile }),
    z.strictObject({ at, verb: z.literal('file-unmount'), isForced: z.boolean().default(false).describe('Files in use are taken from their users (MNT_FORCE)') }),
    z.strictObject({ at, verb: z.literal('file-mount') }),
    z.strictObject({ at, verb: z.literal('sync') }),
    z.strictObject({
      at,
      verb: z.literal('file-suspend'),
      seconds: z.number().positive().describe('Virtual seconds until the file system is resumed, for which the process waits'),
    }),
    z.strictObject({
      at,
      verb: z.literal('file-send'),
      file: namedFile,
      offset: fileOffset,
      bytes: z.int().min(0).default(0).describe('Bytes; 0: all from offset on'),
      bytesPerSecond: z.number().positive().default(125e6).describe('What the network takes in a virtual second'),
    }),
    z.strictObject({ at, verb: z.literal('file-map'), ...range, file: namedFile, offset: z.int().min(0).default(0).describe('First page of the file') }),
  ])
  .describe('What a process does besides referencing memory')

const filesSchema = z
  .strictObject({
    pager: z.enum(['freebsd', 'dragonfly', 'netbsd']).describe("Whose vnode pager moves the pages of files"),
    image: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe('Image with the file, in the workspace or a path (with a slash); null: files made for the run, one for each region'),
    partition: z.int().min(0).nullable().default(null).describe('Number of a partition on the image; null: the whole image'),
    path: z
      .string()
      .default('')
      .describe('Path of the file in the file system on the image; empty: the image, or the partition, is the file itself'),
    mode: z.enum(['overlay', 'write-through']).default('overlay').describe('Writes go to a fresh copy-on-write overlay, or into the image itself'),
    mapping: z
      .enum(['private', 'shared'])
      .default('private')
      .describe('Pages that are never written come from files and stores go to private memory; or every region is a shared mapping of a file, stores included'),
    blockSize: z
      .union([4096, 8192, 16384, 32768, 65536].map((size) => z.literal(size)))
      .default(16384)
      .describe('Bytes of a block of files made for the run'),
    named: z
      .array(
        z.strictObject({
          name: z.string().min(1).describe('What verbs call it'),
          bytes: z.int().min(0).describe('Its size when the machine starts'),
          mostBytes: z.int().min(0).default(0).describe('The size that it may grow to; 0: it does not grow'),
        }),
      )
      .default([])
      .describe('More files made for the run, for the verbs of processes'),
    syncerSeconds: z.number().min(0).default(30).describe('Virtual seconds between two rounds of the syncer; 0: there is none'),
    nbuf: z.int().min(0).default(0).describe("nbuf: buffers of the buffer cache (FreeBSD, DragonFly); 0: by the kernel's formula, an eighth of RAM at most"),
    hirunningspace: z.int().min(1).default(1048576).describe('vfs.hirunningspace: bytes of asynchronous writes on their way at the most'),
    maxphys: z
      .int()
      .min(65536)
      .max(1048576)
      .default(131072)
      .describe('MAXPHYS: bytes of one transfer of the buffer cache at the most'),
    maxdio: z
      .int()
      .min(512)
      .max(1048576)
      .default(65536)
      .describe('genfs_maxdio: bytes of one chunk of direct I/O at the most (NetBSD)'),
  })
  .describe("Files under a kernel's vnode pager; null: pages that are never written are read in clusters, without a vnode pager")

/** Files under a kernel's pager, all else by default. */
export const defaultFiles = (pager: 'freebsd' | 'dragonfly' | 'netbsd') => filesSchema.parse({ pager })

const workloadSchema = z
  .union([
    z.strictObject({ name: z.string().min(1).describe('A workload of the workspace') }),
    z.strictObject({
      file: z.string().min(1).describe('A trace file, relative to the experiment file'),
      format: z.string().default('').describe('Its format; empty: found by its content'),
      limit: z.int().min(0).default(0).describe('References taken from its beginning; 0: all'),
      eventsPerReference: z
        .number()
        .positive()
        .default(1)
        .describe('Raw events that one stored reference stands for; scales the time per reference'),
    }),
    z.strictObject({
      generator: z.string().min(1).describe('A generator: sequential, loop, uniform, zipf, phased'),
      parameters: z
        .record(z.string(), z.number())
        .default({})
        .describe('Generator parameters that differ from their defaults, by name'),
    }),
  ])
  .describe('What the process does')

export const experimentFileSchema = z.strictObject({
  $schema: z.string().optional().describe('The schema this file follows'),
  name: z.string().default('untitled').describe('What the experiment is called'),
  seed: z.int().min(0).max(4294967295).default(1).describe('Seeds page contents and everything else that is drawn'),
  machine: z
    .strictObject({
      frames: z
        .int()
        .min(1)
        .nullable()
        .default(null)
        .describe('RAM in page frames of 4096 bytes; null: by footprintPercent'),
      footprintPercent: z
        .number()
        .positive()
        .default(25)
        .describe("RAM as a percentage of the workloads' footprint, where frames is null; wired pages come on top"),
      wired: pages('Frames that the kernel keeps for itself').default(0),
      cpus: z.int().min(1).max(1).default(1).describe('Processors; one'),
      quantum: z.int().min(1).default(10000).describe('References a process makes before the next one gets its turn'),
      nsPerReference: z
        .int()
        .min(0)
        .nullable()
        .default(null)
        .describe(
          'Virtual nanoseconds a reference takes; null: 1 for each raw event that a stored reference stands for, at least 1',
        ),
    })
    .prefault({})
    .describe('The machine'),
  daemon: z
    .strictObject({
      policy: z
        .enum(['freebsd', 'lru', 'fifo', 'clock'])
        .default('freebsd')
        .describe("Page daemon: FreeBSD's, or a plain replacement policy"),
      freeReserved: pages('v_free_reserved').nullable().default(null),
      freeMin: pages('v_free_min').nullable().default(null),
      freeTarget: pages('v_free_target').nullable().default(null),
      inactiveTarget: pages('v_inactive_target').nullable().default(null),
      pageoutCluster: z
        .int()
        .min(1)
        .max(32)
        .default(32)
        .describe('vm.pageout_page_count: pages in a pageout cluster at the most'),
    })
    .prefault({})
    .describe("The page daemon; thresholds that are null follow the kernel's formula on the machine's frames"),
  paging: z
    .strictObject({
      readCluster: z
        .int()
        .min(0)
        .max(32)
        .default(16)
        .describe('VM_FAULT_READ_DEFAULT: pages read around a fault; 0 or 1: none'),
      readAheadMax: z
        .int()
        .min(0)
        .max(31)
        .default(31)
        .describe('VM_FAULT_READ_AHEAD_MAX: most pages read ahead of sequential faults'),
    })
    .prefault({})
    .describe('Read-ahead and read-behind of faults'),
  swap: z
    .strictObject({
      devices: z
        .array(deviceSchema)
        .max(6)
        .default([])
        .describe('Swap devices in the order in which they are swapped on'),
      overcommit: z
        .int()
        .min(0)
        .max(7)
        .default(0)
        .describe('vm.overcommit: bits 1 (refuse), 2 (per-user limit), 4 (count RAM too)'),
      asyncMax: z.int().min(1).default(4).describe('vm.swap_async_max: most asynchronous writes at a time'),
      bufferCount: z.int().min(4).default(256).describe('nswbuf: buffers for paging'),
      lowWater: pages('nswap_lowat: swap is almost full below this').default(128),
      highWater: pages('nswap_hiwat: swap is no longer almost full above this').default(512),
      maxZoneBytes: z
        .int()
        .min(0)
        .default(0)
        .describe("kern.maxswzone: bytes for swap metadata; 0: by the kernel's formula"),
    })
    .prefault({})
    .describe('Swap devices and the swap pager'),
  processes: z
    .array(
      z.strictObject({
        name: z.string().default('').describe("What the process is called; empty: the workload's name"),
        workload: workloadSchema,
        user: z.int().min(0).max(15).default(0).describe('Number of the user it runs for'),
        verbs: z
          .array(verbSchema)
          .default([])
          .describe('What it does besides, in the order of `at`; a process that a fork or spawn names begins there'),
      }),
    )
    .min(1)
    .describe('Processes that run side by side'),
  repaired: z
    .array(
      z.enum([
        'allocator-livelock',
        'token-gain',
        'reserve-leak',
        'swap-count-start',
        'limit-units',
        'read-error-busy',
        'swapoff-whole-device',
        'orphan-available',
      ]),
    )
    .default([])
    .describe("Known defects of the swap pager's source that are repaired; all others take effect as in the kernel"),
  users: z
    .array(
      z.strictObject({
        mayExceedQuota: z.boolean().default(false).describe('PRIV_VM_SWAP_NOQUOTA: may reserve beyond all swap'),
        mayExceedLimit: z.boolean().default(false).describe('PRIV_VM_SWAP_NORLIMIT: may reserve beyond its limit'),
      }),
    )
    .max(16)
    .default([])
    .describe('Users by number; those that are left out have no privilege'),
  onSignal: z
    .enum(['die', 'continue'])
    .default('die')
    .describe('What a process does when a reference cannot be made: it dies, or leaves it out'),
  untouched: z
    .enum(['file', 'zero'])
    .default('file')
    .describe('Pages that are never written come from a file, or are anonymous too'),
  files: filesSchema.nullable().default(null),
  fileTiming: timing.prefault({ model: 'ssd' }).describe('The device that files are on'),
  keepOverlays: z
    .boolean()
    .default(false)
    .describe('What the run writes to its images is kept when it has ended, for `pager image IMAGE --apply RUN`; else it is dropped'),
  contents: z
    .enum(['verify', 'none'])
    .default('verify')
    .describe('Real bytes, each page-in compared with what it must be; or none'),
  sampling: z
    .strictObject({ bucketNs: z.int().min(1000).default(1000000).describe('Virtual nanoseconds of a sample') })
    .prefault({})
    .describe('How finely the run is sampled'),
  faults: z.array(injectedFault).default([]).describe('Device requests that fail'),
  interventions: z
    .array(interventionSchema)
    .default([])
    .describe('What is done to the running machine, and at which reference'),
})

/** An experiment file with its defaults filled in. */
export type ExperimentFile = z.infer<typeof experimentFileSchema>
/** An experiment file as people write it. */
export type ExperimentInput = z.input<typeof experimentFileSchema>

export type ExperimentIssue = { field: string; message: string }

/** Checks an experiment file. Answers it with its defaults filled in, or what is wrong, field by field. */
export function parseExperiment(
  input: unknown,
): { file: ExperimentFile; issues: [] } | { file: null; issues: ExperimentIssue[] } {
  const result = experimentFileSchema.safeParse(input)
  if (result.success) return { file: result.data, issues: [] }
  return { file: null, issues: result.error.issues.flatMap((issue) => flattenIssue(issue, input)) }
}

/** What stands at a path of the file; undefined where there is nothing. */
function standsAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.getOwnPropertyDescriptor(value, key)?.value
  }
  return value
}

function flattenIssue(issue: z.core.$ZodIssue, input: unknown): ExperimentIssue[] {
  const at = (path: PropertyKey[]) =>
    path.reduce<string>(
      (text, key) =>
        typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`,
      '',
    )
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: at([...issue.path, key]), message: 'is not a field of an experiment' }))
  if (issue.code === 'invalid_union' && 'errors' in issue) {
    // none of the fields that tell the forms apart is there
    const tellTales = issue.errors.flatMap((errors) => errors.slice(0, 1)).map((inner) => String(inner.path[0]))
    if (tellTales.length > 0 && tellTales.every((key) => standsAt(input, [...issue.path, key]) === undefined))
      return [{ field: at(issue.path), message: `must have one of ${tellTales.join(', ')}` }]
    // the branch that got furthest says best what is wrong
    const branches = [...issue.errors].sort((a, b) => a.length - b.length)
    const nearest =
      branches.find((errors) => !errors.some((e) => e.code === 'invalid_type' && e.path.length === 1)) ?? branches[0]
    if (nearest)
      return nearest.flatMap((inner) =>
        flattenIssue({ ...inner, path: [...issue.path, ...inner.path] }, input),
      )
  }
  return [{ field: at(issue.path) || '(whole file)', message: issueText(issue, standsAt(input, issue.path) === undefined) }]
}

function engineFiles(files: NonNullable<ExperimentFile['files']>): Experiment['files'] {
  const { image, partition, path, mode, ...rest } = files
  return { ...rest, image: image === null ? null : { name: image, partition, path, mode } }
}

/**
 * The engine's form of an experiment file: RAM in frames, time per reference, sizes in pages.
 * `footprint` is the number of distinct pages of all processes, `eventsPerReference` the workloads' mean.
 */
export function toEngineExperiment(file: ExperimentFile, footprint: number, eventsPerReference: number): Experiment {
  return {
    name: file.name,
    seed: file.seed,
    machine: {
      frames:
        file.machine.frames ??
        Math.max(1, Math.floor((footprint * file.machine.footprintPercent) / 100)) + file.machine.wired,
      wired: file.machine.wired,
      cpus: file.machine.cpus,
      quantum: file.machine.quantum,
      nsPerReference: file.machine.nsPerReference ?? Math.max(1, Math.round(eventsPerReference)),
    },
    daemon: file.daemon,
    paging: file.paging,
    swap: {
      ...file.swap,
      devices: file.swap.devices.map(({ create, ...device }) => ({
        ...device,
        createPages: create === '' ? 0 : Math.floor(parseSize(create) / 4096),
      })),
    },
    repaired: file.repaired,
    users: file.users,
    onSignal: file.onSignal,
    untouched: file.untouched,
    files: file.files && engineFiles(file.files),
    fileTiming: file.fileTiming,
    contents: file.contents,
    sampling: file.sampling,
    faults: file.faults,
    interventions: file.interventions,
  }
}
