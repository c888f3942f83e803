/**
 * Replays NetBSD genfs logs: the abstract machine that the logs were made on, around the engine's NetBSD vnode pager.
 *
 * The machine has one vnode, a device of 2 MiB, and a single thread. Device requests are carried out at once or, where the
 * setup says so, one at a time when something waits or a `drain` says so. Whoever waits for a page with nothing on its way has its
 * other owner finish with it.
 */
import { crc32 } from 'node:zlib'
import { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { ObjectType, PAGE_SIZE, Queue, VmPages } from '../vm/pages.ts'
import { Priority } from '../vnode/netbsd/buffers.ts'
import type { UserRequest } from '../vnode/netbsd/directIo.ts'
import {
  Errno,
  RequestFlag,
  UpdateFlag,
  type BlockMapping,
  type NetbsdVnodeHost,
  type Operation,
  type TransferResult,
  type VnodeWait,
} from '../vnode/netbsd/host.ts'
import { NetbsdVnodePager } from '../vnode/netbsd/pager.ts'
import { DO_NOT_CARE, NO_PAGE, PageState } from '../vnode/netbsd/pageStates.ts'
import type { BusyPage } from '../vnode/netbsd/putPages.ts'
import { MountFlag, VnodeFlag, VnodeType, WriteMethod } from '../vnode/netbsd/vnodes.ts'
import {
  checkFields,
  compareFields,
  flagField,
  integerField,
  isRecord,
  listField,
  recordField,
  textField,
  unknownOperation,
  UnusableLogError,
} from './log.ts'
import type { Difference, JsonRecord, JsonValue, Replayer } from './log.ts'

const DEVICE_BYTES = 2 * 1024 * 1024
const USER_BYTES = 262144
/** More than any object of a log has pages. */
const FRAMES = 2048
/** Seed of what the compat file holds. */
const FILE_SEED = 0xc0ffee
/** What an allocated page holds. */
const STALE_BYTE = 0xdd

// prettier-ignore
const errnoNames: { readonly [name: string]: number } = {
  0: 0, EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, EBADF: 9, EDEADLK: 11, ENOMEM: 12, EACCES: 13, EFAULT: 14,
  EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19, EINVAL: 22, EFBIG: 27, ENOSPC: 28, EROFS: 30, EAGAIN: 35, EOPNOTSUPP: 45, EDQUOT: 69, ESTALE: 70,
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

const vnodeTypes: { readonly [name: string]: number } = {
  REG: VnodeType.regular,
  DIR: VnodeType.directory,
  LNK: VnodeType.link,
  BLK: VnodeType.blockDevice,
}
const writeMethods: { readonly [name: string]: number } = {
  genfs: WriteMethod.blocks,
  rwmap: WriteMethod.blocksReadWriteMap,
  compat: WriteMethod.fileWrite,
}
const accesses: { readonly [name: string]: boolean } = { r: false, w: true, rw: true }
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
// prettier-ignore
const setupFields = ['id', 'vtype', 'fs_bshift', 'dev_bshift', 'disk_round', 'mem_round', 'maxrun', 'bmap', 'next_blk', 'alloc_limit', 'bmap_err', 'io_err', 'noatime', 'nodevmtime', 'wapbl', 'gop_write', 'defer', 'size', 'writesize', 'pages', 'onworklst', 'wrmap', 'wrmapdirty', 'dirtyblk', 'numoutput', 'dirtygen', 'paging', 'vmapped']
const pageRequestFields = ['pgno', 'count', 'center', 'access', 'flags', 'm', 'inject']
/** Results of every operation, and those of vnodes that are written through a file. */
const commonResults = ['io', 'done', 'ctr', 'upd', 'alloc', 'mapin', 'vn', 'pages']
const fileResults = ['frw', 'fcrc']

interface LogOperation {
  inputs: readonly string[]
  /** Result fields beyond those of every operation, and those it may have. */
  results: readonly string[]
  perhaps?: readonly string[]
  perform: (machine: LogMachine, record: JsonRecord) => JsonRecord
}

const operations: { readonly [op: string]: LogOperation } = {
  getpages: {
    inputs: pageRequestFields,
    results: ['err', 'locked', 'count'],
    perhaps: ['m'],
    perform: (m, r) => m.getPages(r, false),
  },
  compat_getpages: {
    inputs: pageRequestFields,
    results: ['err', 'locked', 'count'],
    perhaps: ['m'],
    perform: (m, r) => m.getPages(r, true),
  },
  putpages: {
    inputs: ['lo', 'hi', 'flags', 'pagedaemon', 'want_busypg', 'inject'],
    results: ['err', 'busypg'],
    perform: (m, r) => m.putPages(r),
  },
  null_putpages: { inputs: ['lo', 'hi', 'flags'], results: ['err'], perform: (m) => m.putNoPages() },
  directio: {
    inputs: ['rw', 'off', 'iov', 'kernel_space', 'journal_locked', 'maxdio', 'seed', 'inject'],
    results: ['off', 'resid', 'iov', 'iov_index', 'ucrc'],
    perform: (m, r) => m.directIo(r),
  },
  release: { inputs: ['pages'], results: [], perform: (m, r) => m.release(r) },
  poke: { inputs: ['pages'], results: [], perform: (m, r) => m.poke(r) },
  drain: { inputs: [], results: [], perform: (m) => m.drain() },
}

export class GenfsReplayer implements Replayer {
  #machine: LogMachine | undefined

  apply(record: JsonRecord): Difference[] {
    const op = textField(record, 'op')
    if (op === 'setup') {
      checkFields(record, ['op', ...setupFields])
      this.#machine = new LogMachine(record)
      return []
    }
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
    if (operation === undefined) throw unknownOperation(op)
    checkFields(record, ['op', ...operation.inputs, 'exp'])
    const machine = this.#machine
    if (machine === undefined)
      throw new UnusableLogError('log-operation', `operation "${op}" comes before any "setup"`, { field: 'op' })
    const expected = recordField(record, 'exp')
    checkFields(
      expected,
      [...operation.results, ...commonResults, ...(machine.isFileWritten ? fileResults : [])],
      operation.perhaps,
      'exp.',
    )
    machine.beginOperation(record)
    try {
      const results = operation.perform(machine, record)
      machine.endOperation()
      return compareFields(expected, { ...results, ...machine.results() }, 'exp')
    } catch (error) {
      // the reference performed it, so a panic is a difference
      if (!(error instanceof KernelStop)) throw error
      return [{ field: 'op', expected: op, got: error.message }]
    }
  }
}

/** Faults of one operation. */
interface Faults {
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
}

interface DeviceFault {
  block: number
  errno: number
  onRead: boolean
  onWrite: boolean
}

/** The fields of a page as a log writes it. */
type PageRow = [
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
const counterNames = ['fs_start', 'fs_done', 'wapbl_begin', 'wapbl_end', 'wl_add', 'wl_remove', 'page_wait', 'out_wait', 'preempt', 'wakeup', 'mem_wait', 'page_alloc', 'page_free', 'pdfreed', 'array_alloc'] as const
type CounterName = 'bmap' | (typeof counterNames)[number]

class LogMachine implements NetbsdVnodeHost {
  readonly #columns = new Columns()
  readonly #pages: VmPages
  readonly #pager: NetbsdVnodePager
  readonly #vnode: number
  readonly #object: number
  readonly #contents = new Uint8Array(FRAMES * PAGE_SIZE)
  /** By frame: the checksum, -1 where the contents changed since it was taken; the mappings' protection; what its other owner does. */
  readonly #checksums = new Float64Array(FRAMES).fill(-1)
  readonly #protection = new Uint8Array(FRAMES)
  readonly #wake: string[] = new Array<string>(FRAMES).fill('u')
  readonly #device = deviceTemplate().slice()
  readonly #deviceShift: number
  readonly #queue: { buffer: number; sequence: number }[] = []
  readonly #isDeferred: boolean
  readonly #deviceFaults: DeviceFault[]
  /** By file block: the device block, -1 a hole; null where all blocks are where they are. */
  readonly #map: number[] | null
  readonly #mapErrors: ReadonlyMap<number, number>
  readonly #maxRun: number
  readonly #mapStride: number
  readonly #mapBlockShift: number
  #nextBlock: number
  #allocationsLeft: number
  readonly #diskRound: number
  readonly #memoryRound: number
  readonly #hasDirtyBlocks: boolean
  readonly isFileWritten: boolean
  #file = new Uint8Array(0)
  readonly #user = new Uint8Array(USER_BYTES)
  #paging: number
  #sequence = 0

  // what the operation under way meets and does
  #faults: Faults = noFaults
  #allocations = 0
  #isPageDaemon = false
  #mustYield = false
  #holdsNodeLock = false
  #counters = new Map<CounterName, number>()
  #io: JsonValue[] = []
  #done: JsonValue[] = []
  #updates: JsonValue[] = []
  #allocated: JsonValue[] = []
  #mapped: JsonValue[] = []
  #fileTransfers: JsonValue[] = []

  constructor(setup: JsonRecord) {
    const blockShift = integerField(setup, 'fs_bshift', 9, 24)
    const deviceShift = integerField(setup, 'dev_bshift', 9, blockShift)
    const type = named(setup, 'vtype', vnodeTypes)
    const writeMethod = named(setup, 'gop_write', writeMethods)
    this.isFileWritten = writeMethod === WriteMethod.fileWrite
    this.#deviceShift = type === VnodeType.blockDevice ? 9 : deviceShift
    this.#mapBlockShift = blockShift
    this.#mapStride = 1 << (blockShift - deviceShift)
    this.#map = setup['bmap'] === null ? null : this.#readMap(listField(setup, 'bmap'))
    if (this.#map === null && type !== VnodeType.blockDevice)
      throw new UnusableLogError('log-field', 'field bmap is null, but the vnode is no block device', { field: 'bmap' })
    this.#mapErrors = readMapErrors(setup)
    this.#maxRun = integerField(setup, 'maxrun', 0)
    this.#nextBlock = integerField(setup, 'next_blk', 0)
    this.#allocationsLeft = integerField(setup, 'alloc_limit', 0)
    this.#deviceFaults = readDeviceFaults(setup)
    this.#isDeferred = flagField(setup, 'defer')
    this.#diskRound = integerField(setup, 'disk_round', 1)
    this.#memoryRound = integerField(setup, 'mem_round', 1)
    this.#hasDirtyBlocks = flagField(setup, 'dirtyblk')
    this.#paging = integerField(setup, 'paging', 0)
    integerField(setup, 'id')

    const pages = new VmPages(this.#columns, FRAMES)
    this.#pages = pages
    this.#pager = new NetbsdVnodePager(this.#columns, pages, this)
    const { vnodes } = this.#pager
    this.#object = pages.createObject(ObjectType.file, 0)
    const mount =
      (flagField(setup, 'noatime') ? MountFlag.noAccessTime : 0) |
      (flagField(setup, 'nodevmtime') ? MountFlag.noDeviceModifiedTime : 0) |
      (flagField(setup, 'wapbl') ? MountFlag.journal : 0)
    this.#vnode = vnodes.add({ type, object: this.#object, blockShift, deviceShift, mount, writeMethod })
    vnodes.size[this.#vnode] = integerField(setup, 'size', 0)
    vnodes.writeSize[this.#vnode] = integerField(setup, 'writesize', 0)
    vnodes.outputCount[this.#vnode] = integerField(setup, 'numoutput', 0)
    vnodes.dirtyGeneration[this.#vnode] = integerField(setup, 'dirtygen')
    vnodes.flags[this.#vnode] =
      (flagField(setup, 'onworklst') ? VnodeFlag.onWorklist : 0) |
      (flagField(setup, 'wrmap') ? VnodeFlag.writeMapped : 0) |
      (flagField(setup, 'wrmapdirty') ? VnodeFlag.writeMapDirty : 0) |
      (flagField(setup, 'vmapped') ? VnodeFlag.mapped : 0)
    for (const row of listField(setup, 'pages')) this.#addPage(pageRow(row))
    if (this.isFileWritten) {
      this.#file = new Uint8Array(vnodes.size[this.#vnode]!)
      fillPattern(this.#file, FILE_SEED)
    }
  }

  #readMap(runs: JsonValue[]): number[] {
    const map: number[] = []
    for (const run of runs) {
      const [first, count] = integers(run, 'bmap', 2)
      for (let i = 0; i < count!; i++) map.push(first! < 0 ? -1 : first! + i * this.#mapStride)
    }
    return map
  }

  #addPage([index, flags, modified, protection, wired, queue, seed, wake]: PageRow): void {
    const pages = this.#pages
    const frame = pages.allocate(this.#object, index)
    if (frame < 0) throw new UnusableLogError('log-field', `field pages: more than ${FRAMES} pages`, { field: 'pages' })
    pages.exclusiveBusy[frame] = flags.includes('B') ? 1 : 0
    pages.wanted[frame] = flags.includes('W') ? 1 : 0
    for (const [letter, bit] of stateLetters) if (flags.includes(letter)) pages.kernelFlags[frame]! |= bit
    pages.hardwareModified[frame] = modified
    pages.enqueue(frame, queue === 'A' ? Queue.active : Queue.inactive)
    if (queue === 'N') pages.removeFromQueue(frame)
    pages.wired[frame] = wired
    this.#protection[frame] = protection
    this.#wake[frame] = wake
    this.#fill(frame, seed)
  }

  // ---- operations ------------------------------------------------------------------------------------------

  beginOperation(record: JsonRecord): void {
    const inject = 'inject' in record ? recordField(record, 'inject') : {}
    checkFields(inject, [], injectFields, 'inject.')
    this.#faults = readFaults(inject)
    this.#allocations = 0
    this.#isPageDaemon = false
    this.#mustYield = 'yield' in inject && flagField(inject, 'yield')
    this.#counters.clear()
    this.#io = []
    this.#done = []
    this.#updates = []
    this.#allocated = []
    this.#mapped = []
    this.#fileTransfers = []
    // whoever truncates the file has its lock, as has whoever makes it busy for those who do not wait for it
    const waits = !('flags' in record && (readFlags(record) & RequestFlag.locked) !== 0)
    if (('glock_busy' in inject && flagField(inject, 'glock_busy')) || (waits && this.#faults.truncate !== undefined)) {
      this.#holdsNodeLock = true
      this.#run(this.#pager.lockNode(this.#vnode))
    }
  }

  endOperation(): void {
    if (this.#holdsNodeLock) this.#letGoOfNodeLock()
  }

  getPages(record: JsonRecord, isCompat: boolean): JsonRecord {
    const flags = readFlags(record)
    const count = integerField(record, 'count', 1, FRAMES)
    const frames = readFrames(record, count)
    const request = {
      offset: integerField(record, 'pgno', 0) * PAGE_SIZE,
      count,
      center: integerField(record, 'center', 0, count - 1),
      isWrite: named(record, 'access', accesses),
      flags,
      frames,
    }
    const errno = this.#run(
      isCompat ? this.#pager.compatGetPages(this.#vnode, request) : this.#pager.getPages(this.#vnode, request),
    )
    const isLocked = (flags & RequestFlag.locked) !== 0
    const isDefined =
      isLocked ||
      (isCompat ? errno === 0 && (flags & RequestFlag.syncIo) !== 0 : errno !== 0 || (flags & RequestFlag.syncIo) !== 0)
    return {
      err: errnoName(errno),
      // only a request that is to leave the object locked does so
      locked: isLocked ? 1 : 0,
      count: request.count,
      ...(frames !== null && isDefined ? { m: Array.from(frames, (frame) => this.#pageName(frame)) } : {}),
    }
  }

  #pageName(frame: number): JsonValue {
    if (frame === NO_PAGE) return null
    return frame === DO_NOT_CARE ? 'D' : this.#pages.pageIndex[frame]!
  }

  putPages(record: JsonRecord): JsonRecord {
    this.#isPageDaemon = flagField(record, 'pagedaemon')
    const busyPage: BusyPage = { frame: NO_PAGE }
    const wantsBusyPage = flagField(record, 'want_busypg')
    const errno = this.#run(
      this.#pager.putPages(
        this.#vnode,
        integerField(record, 'lo', 0),
        integerField(record, 'hi', 0),
        readFlags(record),
        wantsBusyPage ? busyPage : null,
      ),
    )
    return { err: errnoName(errno), busypg: this.#pageName(busyPage.frame) }
  }

  putNoPages(): JsonRecord {
    return { err: errnoName(this.#pager.putNoPages(this.#vnode)) }
  }

  directIo(record: JsonRecord): JsonRecord {
    fillPattern(this.#user, integerField(record, 'seed'))
    const vectors = listField(record, 'iov').map((entry) => {
      const [address, length] = integers(entry, 'iov', 2)
      if (address! < 0 || length! < 0 || address! + length! > USER_BYTES)
        throw new UnusableLogError('log-field', 'field iov: an entry lies outside the user memory', { field: 'iov' })
      return { address: address!, length: length! }
    })
    const request: UserRequest = {
      isWrite: named(record, 'rw', accesses),
      offset: integerField(record, 'off', 0),
      residualBytes: vectors.reduce((sum, { length }) => sum + length, 0),
      vectors,
      vectorIndex: 0,
      space: 0,
      isKernelMemory: flagField(record, 'kernel_space'),
      isJournalLocked: flagField(record, 'journal_locked'),
    }
    this.#pager.directIoBytes = integerField(record, 'maxdio', 0)
    this.#run(this.#pager.directIo(this.#vnode, request))
    return {
      off: request.offset,
      resid: request.residualBytes,
      iov: request.vectors.map(({ address, length }) => [address, length]),
      iov_index: request.vectorIndex,
      ucrc: hex(crc32(this.#user)),
    }
  }

  /** The owner of busy pages is done with them. */
  release(record: JsonRecord): JsonRecord {
    const pages = this.#pages
    const frames = listField(record, 'pages').map((entry) => {
      const [index, act, seed, protection] = list(entry, 'pages', 4)
      const frame = this.#residentPage(integer(index, 'pages'))
      if (act === 'w' || act === 'm') this.#fill(frame, integer(seed, 'pages'))
      if (act === 'w') pages.kernelFlags[frame]! &= ~(PageState.fake | PageState.clean)
      else if (act === 'm' || act === 'k') pages.kernelFlags[frame]! &= ~PageState.fake
      else if (act === 'f') {
        if ((pages.kernelFlags[frame]! & PageState.fake) !== 0) pages.kernelFlags[frame]! |= PageState.released
      } else throw new UnusableLogError('log-field', 'field pages: an act is w, m, k or f', { field: 'pages' })
      if (act === 'm') pages.hardwareModified[frame] = 1
      this.#protection[frame] = integer(protection, 'pages')
      return frame
    })
    for (const frame of frames)
      if ((pages.kernelFlags[frame]! & PageState.released) === 0 && pages.wired[frame] === 0) pages.activate(frame)
    this.#pager.unbusyPages(Int32Array.from(frames))
    return {}
  }

  /** Stores through mappings. */
  poke(record: JsonRecord): JsonRecord {
    const { vnodes } = this.#pager
    for (const entry of listField(record, 'pages')) {
      const [index, seed] = integers(entry, 'pages', 2)
      const frame = this.#residentPage(index!)
      this.#fill(frame, seed!)
      this.#pages.hardwareModified[frame] = 1
      this.#protection[frame] = 3
    }
    vnodes.dirtyGeneration[this.#vnode]! += 1
    vnodes.flags[this.#vnode]! |= VnodeFlag.onWorklist
    if (vnodes.hasFlag(this.#vnode, VnodeFlag.writeMapped)) vnodes.flags[this.#vnode]! |= VnodeFlag.writeMapDirty
    return {}
  }

  drain(): JsonRecord {
    while (this.#queue.length > 0) this.#completeOldest()
    return {}
  }

  results(): JsonRecord {
    const { vnodes } = this.#pager
    const vnode = this.#vnode
    const counters: JsonRecord = { bmap: this.#counters.get('bmap') ?? 0 }
    for (const name of counterNames) {
      const value = this.#counters.get(name) ?? 0
      if (value !== 0) counters[name] = value
    }
    return {
      io: this.#io,
      done: this.#done,
      ctr: counters,
      upd: this.#updates,
      alloc: this.#allocated,
      mapin: this.#mapped,
      ...(this.isFileWritten ? { frw: this.#fileTransfers, fcrc: hex(crc32(this.#fileContents())) } : {}),
      vn: {
        size: vnodes.size[vnode]!,
        writesize: vnodes.writeSize[vnode]!,
        onworklst: vnodes.hasFlag(vnode, VnodeFlag.onWorklist) ? 1 : 0,
        wrmapdirty: vnodes.hasFlag(vnode, VnodeFlag.writeMapDirty) ? 1 : 0,
        numoutput: vnodes.outputCount[vnode]!,
        dirtygen: vnodes.dirtyGeneration[vnode]!,
        paging: this.#paging,
        pending: this.#queue.length,
      },
      pages: this.#residentPages(),
    }
  }

  #residentPages(): JsonValue[] {
    const pages = this.#pages
    const rows: JsonValue[] = []
    for (let frame = pages.firstPage[this.#object]!; frame >= 0; frame = pages.listNext[frame]!) {
      let flags = (pages.exclusiveBusy[frame] !== 0 ? 'B' : '') + (pages.wanted[frame] !== 0 ? 'W' : '')
      for (const [letter, bit] of stateLetters) if ((pages.kernelFlags[frame]! & bit) !== 0) flags += letter
      if (this.#checksums[frame]! < 0) this.#checksums[frame] = crc32(this.#bytesOf(frame))
      rows.push([
        pages.pageIndex[frame]!,
        flags,
        pages.hardwareModified[frame]!,
        this.#protection[frame]!,
        pages.wired[frame]!,
        queueLetter(pages.queue[frame]!),
        hex(this.#checksums[frame]!),
      ])
    }
    return rows
  }

  #residentPage(index: number): number {
    const frame = this.#pages.lookup(this.#object, index)
    if (frame < 0) throw new KernelStop('kernel-panic', 'uvm_pagelookup', `page ${index} is not resident`)
    return frame
  }

  #bytesOf(frame: number): Uint8Array {
    return this.#contents.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)
  }

  #fill(frame: number, seed: number): void {
    fillPattern(this.#bytesOf(frame), seed)
    this.#checksums[frame] = -1
  }

  /** The compat file up to the size of the vnode. */
  #fileContents(): Uint8Array {
    const size = this.#pager.vnodes.size[this.#vnode]!
    if (this.#file.length < size) this.#growFile(size)
    return this.#file.subarray(0, size)
  }

  #growFile(lengthBytes: number): void {
    const grown = new Uint8Array(lengthBytes)
    grown.set(this.#file)
    this.#file = grown
  }

  #count(name: CounterName): void {
    this.#counters.set(name, (this.#counters.get(name) ?? 0) + 1)
  }

  // ---- waiting ---------------------------------------------------------------------------------------------

  #run<Result>(operation: Operation<Result>): Result {
    for (;;) {
      const step = operation.next()
      if (step.done === true) return step.value
      this.#wait(step.value)
    }
  }

  #wait(wait: VnodeWait): void {
    switch (wait.on) {
      case 'page':
        this.#count('page_wait')
        if (this.#queue.length > 0) this.#completeOldest()
        else this.#finishForOwner(wait.frame)
        return
      case 'output':
        this.#count('out_wait')
        if (this.#queue.length > 0) this.#completeOldest()
        else this.#pager.vnodes.outputCount[this.#vnode]! -= 1
        return
      case 'buffer':
        if (this.#queue.length === 0)
          throw new KernelStop('livelock', 'biowait', 'nothing is on its way that could end the wait')
        this.#completeOldest()
        return
      case 'memory':
        this.#count('mem_wait')
        return
      case 'processor':
        this.#mustYield = false
        this.#count('preempt')
        return
      case 'node-lock':
        if (!this.#holdsNodeLock)
          throw new KernelStop('livelock', 'rw_enter', 'nobody is there who would let go of the lock')
        if (this.#faults.truncate !== undefined) this.#pager.vnodes.size[this.#vnode] = this.#faults.truncate
        this.#letGoOfNodeLock()
        return
      case 'host':
        throw new Error('no operation of this host waits')
    }
  }

  /** Nothing is on its way: whoever else has the page busy is done with it now. */
  #finishForOwner(frame: number): void {
    const pages = this.#pages
    const flags = pages.kernelFlags[frame]!
    if ((flags & PageState.pageout) !== 0) this.#paging -= 1
    this.#count('wakeup')
    if (this.#wake[frame] === 'f' || (flags & (PageState.pageout | PageState.released | PageState.fake)) !== 0) {
      pages.wanted[frame] = 0
      pages.wired[frame] = 0
      this.freePage(frame)
      return
    }
    pages.exclusiveBusy[frame] = 0
    pages.wanted[frame] = 0
    if (this.#wake[frame] === 'u') return
    this.#pager.vnodes.dirtyGeneration[this.#vnode]! += 1
    if (this.#wake[frame] === 'd') pages.kernelFlags[frame]! &= ~PageState.clean
  }

  #letGoOfNodeLock(): void {
    this.#holdsNodeLock = false
    this.#pager.unlockNode(this.#vnode)
  }

  // ---- the device ------------------------------------------------------------------------------------------

  startRequest(buffer: number): void {
    const { buffers } = this.#pager
    const master = buffers.masterOf(buffer)
    const sequence = this.#sequence++
    this.#io.push([
      buffers.isRead[buffer] !== 0 ? 'r' : 'w',
      buffers.deviceBlock[buffer]!,
      buffers.length[buffer]!,
      buffers.isAsync[master] !== 0 ? 'async' : 'sync',
      master === buffer ? 0 : 1,
      priorityName(buffers.priority[buffer]!),
    ])
    this.#queue.push({ buffer, sequence })
    if (!this.#isDeferred) this.#completeOldest()
  }

  #completeOldest(): void {
    const { buffer, sequence } = this.#queue.shift()!
    const { buffers } = this.#pager
    const isRead = buffers.isRead[buffer] !== 0
    const length = buffers.length[buffer]!
    const first = buffers.deviceBlock[buffer]!
    const last = first + Math.ceil(length / (1 << this.#deviceShift)) - 1
    const fault = this.#deviceFaults.find(
      ({ block, onRead, onWrite }) => block >= first && block <= last && (isRead ? onRead : onWrite),
    )
    if (fault !== undefined) {
      this.#done.push([sequence, errnoName(fault.errno)])
      this.#pager.requestDone(buffer, fault.errno)
      return
    }
    const start = first << this.#deviceShift
    if (start < 0 || start + length > DEVICE_BYTES)
      throw new KernelStop('kernel-panic', 'strategy', `request for block ${first} beyond the device`)
    const bytes = this.#device.subarray(start, start + length)
    let at = 0
    for (const part of this.#memoryOf(buffer)) {
      const there = bytes.subarray(at, at + part.length)
      if (isRead) part.set(there)
      else there.set(part)
      at += part.length
    }
    this.#done.push([sequence, hex(crc32(bytes))])
    this.#pager.requestDone(buffer, 0)
  }

  /** The memory that a buffer is about, page by page. What is read into pages changes them. */
  *#memoryOf(buffer: number): Generator<Uint8Array> {
    const { buffers } = this.#pager
    const master = buffers.masterOf(buffer)
    const from = buffers.dataOffset[buffer]!
    const end = from + buffers.length[buffer]!
    if (buffers.frameCount[master] === 0) {
      const address = buffers.userAddress[master]!
      yield this.#user.subarray(address + from, address + end)
      return
    }
    const frames = buffers.framesOf(master)
    for (let at = from; at < end;) {
      const page = Math.floor(at / PAGE_SIZE)
      const stop = Math.min((page + 1) * PAGE_SIZE, end)
      const frame = frames[page]!
      if (buffers.isRead[buffer] !== 0) this.#checksums[frame] = -1
      yield this.#bytesOf(frame).subarray(at - page * PAGE_SIZE, stop - page * PAGE_SIZE)
      at = stop
    }
  }

  wakeBuffer(): void {}
  wakeOutput(): void {}
  wakeNodeLock(): void {}

  // ---- the file system -------------------------------------------------------------------------------------

  // eslint-disable-next-line require-yield -- nothing here ever waits
  *bmap(_vnode: number, block: number): Operation<BlockMapping> {
    this.#count('bmap')
    const errno = this.#mapErrors.get(block)
    if (errno !== undefined) return { errno, deviceBlock: -1, runAfter: 0 }
    const map = this.#map
    if (map === null) return { errno: 0, deviceBlock: block, runAfter: this.#maxRun }
    const deviceBlock = map[block]
    if (deviceBlock === undefined) return { errno: 0, deviceBlock: -1, runAfter: 0 }
    let run = 0
    while (
      run < this.#maxRun &&
      map[block + run + 1] === (deviceBlock < 0 ? -1 : deviceBlock + (run + 1) * this.#mapStride)
    )
      run += 1
    return { errno: 0, deviceBlock, runAfter: run }
  }

  extent(_vnode: number, sizeBytes: number, isMemory: boolean): number {
    const unit = isMemory ? this.#memoryRound : this.#diskRound
    return Math.ceil(sizeBytes / unit) * unit
  }

  // eslint-disable-next-line require-yield -- nothing here ever waits
  *allocateBlocks(_vnode: number, offset: number, lengthBytes: number): Operation<number> {
    const errno = this.#allocateRange(offset, lengthBytes)
    this.#allocated.push([offset, lengthBytes, errnoName(errno)])
    return errno
  }

  #allocateRange(offset: number, lengthBytes: number): number {
    const map = this.#map
    if (map === null) return 0
    const blockSize = 1 << this.#mapBlockShift
    const last = Math.floor((offset + lengthBytes - 1) / blockSize)
    for (let block = Math.floor(offset / blockSize); block <= last; block++) {
      while (map.length <= block) map.push(-1)
      if (map[block]! >= 0) continue
      if (this.#allocationsLeft === 0) return Errno.ENOSPC
      this.#allocationsLeft -= 1
      map[block] = this.#nextBlock
      this.#nextBlock += this.#mapStride
    }
    return 0
  }

  markUpdate(_vnode: number, how: number): void {
    this.#updates.push(((how & UpdateFlag.accessed) !== 0 ? 'A' : '') + ((how & UpdateFlag.modified) !== 0 ? 'M' : ''))
  }

  // eslint-disable-next-line require-yield -- nothing here ever waits
  *read(_vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult> {
    const errno = this.#faults.readErrors.includes(offset) ? Errno.EIO : 0
    this.#fileTransfers.push(['r', offset, lengthBytes, errnoName(errno)])
    if (errno !== 0) return { errno, doneBytes: 0 }
    const part = this.#fileContents().subarray(offset, offset + lengthBytes)
    this.#bytesOf(frame).set(part)
    this.#checksums[frame] = -1
    return { errno: 0, doneBytes: part.length }
  }

  // eslint-disable-next-line require-yield -- nothing here ever waits
  *write(vnode: number, offset: number, frames: Int32Array): Operation<number> {
    const { writeErrno } = this.#faults
    const end = offset + frames.length * PAGE_SIZE
    this.#fileTransfers.push(['w', offset, end - offset, errnoName(writeErrno)])
    if (writeErrno !== 0) return writeErrno
    if (this.#file.length < end) this.#growFile(end)
    frames.forEach((frame, i) => this.#file.set(this.#bytesOf(frame), offset + i * PAGE_SIZE))
    const { vnodes } = this.#pager
    if (end > vnodes.size[vnode]!) vnodes.size[vnode] = vnodes.writeSize[vnode] = end
    return 0
  }

  hasDirtyBlocks(): boolean {
    return this.#hasDirtyBlocks
  }
  worklistChanged(_vnode: number, isOn: boolean): void {
    this.#count(isOn ? 'wl_add' : 'wl_remove')
  }
  // eslint-disable-next-line require-yield -- nothing here ever waits
  *startTransaction(): Operation<void> {
    this.#count('fs_start')
  }
  tryStartTransaction(): number {
    if (this.#faults.transactionErrno === 0) this.#count('fs_start')
    return this.#faults.transactionErrno
  }
  finishTransaction(): void {
    this.#count('fs_done')
  }
  // eslint-disable-next-line require-yield -- nothing here ever waits
  *beginJournal(): Operation<number> {
    if (this.#faults.journalErrno === 0) this.#count('wapbl_begin')
    return this.#faults.journalErrno
  }
  endJournal(): void {
    this.#count('wapbl_end')
  }

  // ---- pages -----------------------------------------------------------------------------------------------

  allocatePage(object: number, pageIndex: number): number {
    this.#allocations += 1
    if (this.#allocations === this.#faults.failingAllocation) return NO_PAGE
    const frame = this.#pages.allocate(object, pageIndex)
    if (frame < 0) return NO_PAGE
    this.#count('page_alloc')
    // the bit is left over from what the frame was before
    this.#pages.hardwareModified[frame] = 1
    this.#protection[frame] = 0
    this.#wake[frame] = 'u'
    this.#bytesOf(frame).fill(STALE_BYTE)
    this.#checksums[frame] = -1
    return frame
  }
  freePage(frame: number): void {
    this.#count('page_free')
    this.#pages.free(frame)
  }
  wakePage(): void {
    this.#count('wakeup')
  }
  allocatePageArray(_pages: number, maySleep: boolean): boolean {
    this.#count('array_alloc')
    return maySleep || !this.#faults.noMemory
  }
  mapForTransfer(pages: number, isFilled: boolean): void {
    this.#mapped.push([isFilled ? 'R' : 'W', pages])
  }
  removeMappings(frame: number): void {
    this.#protection[frame] = 0
  }
  writeProtect(frame: number): void {
    this.#protection[frame] = Math.min(this.#protection[frame]!, 1)
  }
  zero(frame: number, offset: number, lengthBytes: number): void {
    this.#bytesOf(frame).fill(0, offset, offset + lengthBytes)
    this.#checksums[frame] = -1
  }
  pageoutStarted(pages: number): void {
    this.#paging += pages
  }
  pageoutDone(pages: number): void {
    this.#paging -= pages
  }
  pageFreedByDaemon(): void {
    this.#count('pdfreed')
  }
  isPageDaemon(): boolean {
    return this.#isPageDaemon
  }
  shouldYield(): boolean {
    return this.#mustYield
  }

  // ---- the process's memory --------------------------------------------------------------------------------

  // eslint-disable-next-line require-yield -- nothing here ever waits
  *wireUserMemory(): Operation<number> {
    return this.#faults.wireErrno
  }
  unwireUserMemory(): void {}
  zeroUserMemory(_space: number, address: number, lengthBytes: number): void {
    this.#user.fill(0, address, address + lengthBytes)
  }
}

/** In the order in which a log writes them, behind B and W. */
const stateLetters: readonly (readonly [string, number])[] = [
  ['C', PageState.clean],
  ['L', PageState.released],
  ['F', PageState.fake],
  ['R', PageState.readOnly],
  ['P', PageState.pageout],
]

function queueLetter(queue: number): string {
  if (queue === Queue.active) return 'A'
  return queue === Queue.inactive ? 'I' : 'N'
}

function priorityName(priority: number): string {
  if (priority === Priority.limited) return priorities[Priority.limited]
  return priority === Priority.nonCritical ? priorities[Priority.nonCritical] : priorities[Priority.critical]
}

let template: Uint8Array | undefined

/** The device as it is at each setup. */
function deviceTemplate(): Uint8Array {
  if (template === undefined) {
    template = new Uint8Array(DEVICE_BYTES)
    fillPattern(template, 0)
  }
  return template
}

/** The logs' pseudo-random bytes. */
function fillPattern(target: Uint8Array, seed: number): void {
  const offset = Math.imul(seed, 0x9e3779b9)
  for (let i = 0; i < target.length; i++) {
    let x = (i + offset) | 0
    x ^= x >>> 15
    x = Math.imul(x, 0x85ebca6b)
    target[i] = x ^ (x >>> 13)
  }
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0')
}

const namesByErrno = new Map(Object.entries(errnoNames).map(([name, errno]) => [errno, name]))

function errnoName(errno: number): string {
  return namesByErrno.get(errno) ?? `errno ${errno}`
}

function errnoOf(value: JsonValue | undefined, field: string): number {
  const errno = typeof value === 'string' && Object.hasOwn(errnoNames, value) ? errnoNames[value] : undefined
  if (errno === undefined)
    throw new UnusableLogError('log-field', `field ${field} must hold an error's name`, { field })
  return errno
}

/** What a name in a field stands for. */
function named<Value>(record: JsonRecord, field: string, names: { readonly [name: string]: Value }): Value {
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

function readFlags(record: JsonRecord): number {
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
function readFrames(record: JsonRecord, count: number): Int32Array | null {
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

const noFaults: Faults = {
  truncate: undefined,
  failingAllocation: 0,
  noMemory: false,
  journalErrno: 0,
  transactionErrno: 0,
  readErrors: [],
  writeErrno: 0,
  wireErrno: 0,
}

function readFaults(inject: JsonRecord): Faults {
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
  }
}

function readMapErrors(setup: JsonRecord): ReadonlyMap<number, number> {
  const errors = new Map<number, number>()
  for (const entry of listField(setup, 'bmap_err')) {
    const [block, error] = list(entry, 'bmap_err', 2)
    const number = integer(block, 'bmap_err')
    if (!errors.has(number)) errors.set(number, errnoOf(error, 'bmap_err'))
  }
  return errors
}

function readDeviceFaults(setup: JsonRecord): DeviceFault[] {
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

function pageRow(entry: JsonValue): PageRow {
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

function list(value: JsonValue, field: string, length: number): JsonValue[] {
  if (Array.isArray(value) && value.length === length) return value
  throw new UnusableLogError('log-field', `field ${field}: an entry is a list of ${length}`, { field })
}

function integers(value: JsonValue, field: string, length: number): number[] {
  return list(value, field, length).map((each) => integer(each, field))
}

function integer(value: JsonValue | undefined, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (value !== undefined && isRecord(value))
    throw new UnusableLogError('log-field', `field ${field} must hold integers, not objects`, { field })
  throw new UnusableLogError('log-field', `field ${field} must hold integers`, { field })
}
