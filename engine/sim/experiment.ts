/**
 * What an experiment says, as the engine takes it: every field present. The file format with its defaults, sentences and
 * checks is the schema in electron/contract/experiment.ts; this is its result.
 */

import type { SwapDefect } from '../swap/defects.ts'

export type DaemonName = 'freebsd' | 'lru' | 'fifo' | 'clock'

export interface DeviceExperiment {
  /** Name of an image of the workspace, or a path. */
  image: string
  /** Size in pages that the image is made with where it is missing; 0: it must exist. */
  createPages: number
  /** Index of a partition on the image, null: the whole image. */
  partition: number | null
  /** What it is to the kernel: a disk, or a regular file on a network file system. */
  kind: 'disk' | 'nfs'
  /** Timing model and its parameters. */
  timing: { model: string; parameters: Record<string, number> }
  /** Writes go to a fresh overlay, or through to the image. */
  mode: 'overlay' | 'write-through'
  /** Swapped on when the machine starts. */
  swapon: boolean
  /** Although the image or the partition holds something else. */
  force: boolean
}

export interface InjectedFault {
  /** Number of a swap device, or the device that files are on. */
  device: number | 'files'
  direction: 'read' | 'write'
  errno: number
  /** The first request, counted per device and direction from 0, that fails. */
  fromRequest: number
  /** How many requests fail. */
  count: number
}

/** Something a person does to the machine, stamped with the reference's ordinal at which it happens. */
export type Intervention =
  | { at: number; action: 'swapon'; device: number }
  | { at: number; action: 'swapoff'; device: number }
  | { at: number; action: 'orphan'; device: number }
  | { at: number; action: 'tunable'; name: string; value: number }
  | { at: number; action: 'inject'; fault: InjectedFault }

/** What the machine knows of a user, by number. */
export interface UserExperiment {
  /** PRIV_VM_SWAP_NOQUOTA, PRIV_VM_SWAP_NORLIMIT: reservations beyond swap, or beyond the limit, are granted. */
  mayExceedQuota: boolean
  mayExceedLimit: boolean
}

/** Whose vnode pager moves the pages of files, and what the files are on. */
export interface FilesExperiment {
  pager: 'freebsd' | 'dragonfly' | 'netbsd'
  /** A file on an image; null: files made for the run, one for each region of an address space. */
  image: {
    name: string
    /** Index of a partition on the image, null: the whole image. */
    partition: number | null
    /** Of the file in the file system; '': the image, or the partition, is the file itself. */
    path: string
    mode: 'overlay' | 'write-through'
  } | null
  /** Stores go to private memory, or to the file. */
  mapping: 'private' | 'shared'
  /** Files for the verbs of processes: size at the start and at the most, bytes. */
  named: { name: string; bytes: number; mostBytes: number }[]
  /** Bytes of a block of files made for the run. */
  blockSize: number
  /** Seconds between two rounds of the syncer; 0: there is none. */
  syncerSeconds: number
  /** nbuf; 0: by the kernel's formula. */
  nbuf: number
  /** vfs.hirunningspace, bytes */
  hirunningspace: number
  /** MAXPHYS, bytes */
  maxphys: number
  /** genfs_maxdio, bytes */
  maxdio: number
}

export interface Experiment {
  name: string
  seed: number
  machine: {
    /** Page frames of 4096 bytes, wired ones included. */
    frames: number
    /** Frames that the kernel keeps for itself. */
    wired: number
    cpus: number
    /** References a process makes before the next one gets its turn. */
    quantum: number
    /** Virtual nanoseconds a reference takes. */
    nsPerReference: number
  }
  daemon: {
    policy: DaemonName
    /** Thresholds in pages; null: by the kernel's formula on the machine's frames. */
    freeReserved: number | null
    freeMin: number | null
    freeTarget: number | null
    inactiveTarget: number | null
    /** vm.pageout_page_count: pages in a pageout cluster at the most. */
    pageoutCluster: number
  }
  paging: {
    /** Pages read around a fault; 0: none. The kernel's VM_FAULT_READ_DEFAULT is 16. */
    readCluster: number
    /** Most pages read ahead of sequential faults (VM_FAULT_READ_AHEAD_MAX). */
    readAheadMax: number
  }
  swap: {
    devices: DeviceExperiment[]
    /** vm.overcommit */
    overcommit: number
    /** vm.swap_async_max */
    asyncMax: number
    /** nswbuf */
    bufferCount: number
    /** nswap_lowat, nswap_hiwat */
    lowWater: number
    highWater: number
    /** kern.maxswzone in bytes; 0: by the kernel's formula. */
    maxZoneBytes: number
  }
  /** Known defects of the swap pager's source that are repaired. */
  repaired: SwapDefect[]
  users: UserExperiment[]
  /** What a process does that is sent SIGSEGV or SIGBUS: it dies, or leaves the reference out and goes on. */
  onSignal: 'die' | 'continue'
  /** Where pages that are never written come from. */
  untouched: 'file' | 'zero'
  /** null: pages that are never written are read in clusters, without a vnode pager. */
  files: FilesExperiment | null
  /** Timing model of the device that files are on. */
  fileTiming: { model: string; parameters: Record<string, number> }
  contents: 'verify' | 'none'
  sampling: { bucketNs: number }
  faults: InjectedFault[]
  interventions: Intervention[]
}

/** An experiment that cannot be run: the field at fault and what to do about it. */
export class ExperimentError extends Error {
  readonly code: string
  readonly field: string
  constructor(code: string, field: string, message: string) {
    super(`${field}: ${message}`)
    this.name = 'ExperimentError'
    this.code = code
    this.field = field
  }
}
