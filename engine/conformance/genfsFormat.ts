/**
 * The words of NetBSD genfs logs: names of errors, flags and kinds, rows of pages, faults, and the contents that things start with.
 */
import { Queue } from '../vm/pages.ts'
import { Priority } from '../vnode/netbsd/buffers.ts'
import { RequestFlag } from '../vnode/netbsd/host.ts'
import { DO_NOT_CARE, NO_PAGE, PageState } from '../vnode/netbsd/pageStates.ts'
import { VnodeType, WriteMethod } from '../vnode/netbsd/vnodes.ts'
import {
  checkFields,
  flagField,
  integerField,
  isRecord,
  listField,
  recordField,
  textField,
  UnusableLogError,
} from './log.ts'
import type { JsonRecord, JsonValue } from './log.ts'

/** Errors as NetBSD numbers them. */
// prettier-ignore
const errnoNames: { readonly [name: string]: number } = {
  0: 0, EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, ENOEXEC: 8, EBADF: 9, ECHILD: 10, EDEADLK: 11,
  ENOMEM: 12, EACCES: 13, EFAULT: 14, ENOTBLK: 15, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19, ENOTDIR: 20, EISDIR: 21,
  EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EROFS: 30, EMLINK: 31,
  EPIPE: 32, EDOM: 33, ERANGE: 34, EAGAIN: 35, EOPNOTSUPP: 45, ETIMEDOUT: 60, EDQUOT: 69, ESTALE: 70, EFTYPE: 79,
}

const requestFlags: { readonly [name: string]: number } = {
  CLEANIT: RequestFlag.cleanIt,
  SYNCIO: RequestFlag.syncIo,
  DEACTIVATE: RequestFlag.deactivate,
  FREE: RequestFlag.free,
  LOCKED: RequestFlag.locked,
  ALLPAGES: RequestFlag.allPages,
  OVERWRITE: RequestFlag.overwrite,
  PASTEOF: RequestFlag.pastEof,
  NOBLOCKALLOC: RequestFlag.noBlockAllocation,
  NOTIMESTAMP: RequestFlag.noTimestamp,
  BUSYFAIL: RequestFlag.busyFail,
  JOURNALLOCKED: RequestFlag.journalLocked,
  RECLAIM: RequestFlag.reclaim,
}

export const vnodeTypes: { readonly [name: string]: number } = {
  REG: VnodeType.regular,
  DIR: VnodeType.directory,
  LNK: VnodeType.link,
  BLK: VnodeType.blockDevice,
}
export const writeMethods: { readonly [name: string]: number } = {
  genfs: WriteMethod.blocks,
  rwmap: WriteMethod.blocksReadWriteMap,
  compat: WriteMethod.fileWrite,
}
export const accesses: { readonly [name: string]: boolean } = { r: false, w: true, rw: true }
const priorities = {
  [Priority.limited]: 'limited',
  [Priority.nonCritical]: 'noncritical',
  [Priority.critical]: 'critical',
} as const

const injectFields = [
  'truncate',
  'page_alloc_fail',
  'nomem',
  'glock_busy',
  'wapbl_err',
  'fstrans_err',
  'read_err',
  'write_err',
  'vslock_err',
  'yield',
]
/** Faults of one operation. */
export interface Faults {
  /** The size that the file is truncated to while the operation waits for the node's lock. */
  truncate: number | undefined
  /** Number of the page allocation that fails, from 1. */
  failingAllocation: number
  noMemory: boolean
  journalErrno: number
  transactionErrno: number
  readErrors: readonly number[]
  writeErrno: number
  wireErrno: number
  /** Somebody has the node's lock when the operation begins. */
  isNodeLocked: boolean
  /** Others wait for the processor. */
  mustYield: boolean
}

export interface DeviceFault {
  block: number
  errno: number
  onRead: boolean
  onWrite: boolean
}

/** The fields of a page as a log writes it. */
export type PageRow = [
  index: number,
  flags: string,
  modified: number,
  protection: number,
  wired: number,
  queue: string,
  seed: number,
  wake: string,
]

// prettier-ignore
export const counterNames = ['fs_start', 'fs_done', 'wapbl_begin', 'wapbl_end', 'wl_add', 'wl_remove', 'page_wait', 'out_wait', 'preempt', 'wakeup', 'mem_wait', 'page_alloc', 'page_free', 'pdfreed', 'array_alloc'] as const
export type CounterName = 'bmap' | (typeof counterNames)[number]

/** In the order in which a log writes them, behind B and W. */
export const stateLetters: readonly (readonly [string, number])[] = [
  ['C', PageState.clean],
  ['L', PageState.released],
  ['F', PageState.fake],
  ['R', PageState.readOnly],
  ['P', PageState.pageout],
]

export function queueLetter(queue: number): string {
  if (queue === Queue.active) return 'A'
  return queue === Queue.inactive ? 'I' : 'N'
}

export function priorityName(priority: number): string {
  if (priority === Priority.limited) return priorities[Priority.limited]
  return priority === Priority.nonCritical ? priorities[Priority.nonCritical] : priorities[Priority.critical]
}

/** The logs' pseudo-random bytes. */
export function fillPattern(target: Uint8Array, seed: number): void {
  const offset = Math.imul(seed, 0x9e3779b9)
  for (let i = 0; i < target.length; i++) {
    let x = (i + offset) | 0
    x ^= x >>> 15
    x = Math.imul(x, 0x85ebca6b)
    target[i] = x ^ (x >>> 13)
  }
}

export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}

const namesByErrno = new Map(Object.entries(errnoNames).map(([name, errno]) => [errno, name]))

export function errnoName(errno: number): string {
  return namesByErrno.get(errno) ?? `errno ${errno}`
}

function errnoOf(value: JsonValue | undefined, field: string): number {
  const errno = typeof value === 'string' && Object.hasOwn(errnoNames, value) ? errnoNames[value] : undefined
  if (errno === undefined)
    throw new UnusableLogError('log-field', `field ${field} must hold an error's name`, { field })
  return errno
}

/** What a name in a field stands for. */
export function named<Value>(record: JsonRecord, field: string, names: { readonly [name: string]: Value }): Value {
  const name = textField(record, field)
  const value = Object.hasOwn(names, name) ? names[name] : undefined
  if (value === undefined)
    throw new UnusableLogError(
      'log-field',
      `field ${field}: ${JSON.stringify(name)} is not one of ${Object.keys(names).join(', ')}`,
      { field },
    )
  return value
}

export function readFlags(record: JsonRecord): number {
  let flags = 0
  for (const name of listField(record, 'flags')) {
    const flag = typeof name === 'string' && Object.hasOwn(requestFlags, name) ? requestFlags[name] : undefined
    if (flag === undefined)
      throw new UnusableLogError('log-field', `field flags: unknown flag ${JSON.stringify(name)}`, { field: 'flags' })
    flags |= flag
  }
  return flags
}

/** The caller's array of pages; null where there is none. */
export function readFrames(record: JsonRecord, count: number): Int32Array | null {
  if (record['m'] === null) return null
  const places = listField(record, 'm')
  if (places.length !== count)
    throw new UnusableLogError('log-field', `field m must have ${count} places`, { field: 'm' })
  return Int32Array.from(places, (place) => {
    if (place === null) return NO_PAGE
    if (place === 'D') return DO_NOT_CARE
    throw new UnusableLogError('log-field', 'field m: a place is null or "D"', { field: 'm' })
  })
}

export const noFaults: Faults = {
  truncate: undefined,
  failingAllocation: 0,
  noMemory: false,
  journalErrno: 0,
  transactionErrno: 0,
  readErrors: [],
  writeErrno: 0,
  wireErrno: 0,
  isNodeLocked: false,
  mustYield: false,
}

/** Reads an operation's `inject`. */
export function readFaults(record: JsonRecord): Faults {
  const inject = 'inject' in record ? recordField(record, 'inject') : {}
  checkFields(inject, [], injectFields, 'inject.')
  const errno = (field: string): number => (field in inject ? errnoOf(inject[field], `inject.${field}`) : 0)
  return {
    truncate: 'truncate' in inject ? integerField(inject, 'truncate', 0) : undefined,
    failingAllocation: 'page_alloc_fail' in inject ? integerField(inject, 'page_alloc_fail', 1) : 0,
    noMemory: 'nomem' in inject && flagField(inject, 'nomem'),
    journalErrno: errno('wapbl_err'),
    transactionErrno: errno('fstrans_err'),
    readErrors:
      'read_err' in inject ? listField(inject, 'read_err').map((offset) => integer(offset, 'inject.read_err')) : [],
    writeErrno: errno('write_err'),
    wireErrno: errno('vslock_err'),
    isNodeLocked: 'glock_busy' in inject && flagField(inject, 'glock_busy'),
    mustYield: 'yield' in inject && flagField(inject, 'yield'),
  }
}

export function readMapErrors(setup: JsonRecord): ReadonlyMap<number, number> {
  const errors = new Map<number, number>()
  for (const entry of listField(setup, 'bmap_err')) {
    const [block, error] = list(entry, 'bmap_err', 2)
    const number = integer(block, 'bmap_err')
    if (!errors.has(number)) errors.set(number, errnoOf(error, 'bmap_err'))
  }
  return errors
}

export function readDeviceFaults(setup: JsonRecord): DeviceFault[] {
  return listField(setup, 'io_err').map((entry) => {
    const [block, error, direction] = list(entry, 'io_err', 3)
    if (direction !== 'r' && direction !== 'w' && direction !== 'rw')
      throw new UnusableLogError('log-field', 'field io_err: a direction is r, w or rw', { field: 'io_err' })
    return {
      block: integer(block, 'io_err'),
      errno: errnoOf(error, 'io_err'),
      onRead: direction !== 'w',
      onWrite: direction !== 'r',
    }
  })
}

export function pageRow(entry: JsonValue): PageRow {
  const [index, flags, modified, protection, wired, queue, seed, wake] = list(entry, 'pages', 8)
  if (typeof flags !== 'string' || !/^B?W?C?L?F?R?P?$/.test(flags))
    throw new UnusableLogError('log-field', 'field pages: the flags are letters of BWCLFRP in this order', {
      field: 'pages',
    })
  if (queue !== 'N' && queue !== 'A' && queue !== 'I')
    throw new UnusableLogError('log-field', 'field pages: a queue is N, A or I', { field: 'pages' })
  if (wake !== 'u' && wake !== 'g' && wake !== 'd' && wake !== 'f')
    throw new UnusableLogError('log-field', 'field pages: what wakes a page is u, g, d or f', { field: 'pages' })
  return [
    integer(index, 'pages'),
    flags,
    integer(modified, 'pages'),
    integer(protection, 'pages'),
    integer(wired, 'pages'),
    queue,
    integer(seed, 'pages'),
    wake,
  ]
}

export function list(value: JsonValue, field: string, length: number): JsonValue[] {
  if (Array.isArray(value) && value.length === length) return value
  throw new UnusableLogError('log-field', `field ${field}: an entry is a list of ${length}`, { field })
}

export function integers(value: JsonValue, field: string, length: number): number[] {
  return list(value, field, length).map((each) => integer(each, field))
}

export function integer(value: JsonValue | undefined, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (value !== undefined && isRecord(value))
    throw new UnusableLogError('log-field', `field ${field} must hold integers, not objects`, { field })
  throw new UnusableLogError('log-field', `field ${field} must hold integers`, { field })
}
