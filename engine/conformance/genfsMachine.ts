/**
 * The abstract machine of NetBSD genfs logs around the engine's NetBSD vnode pager: one vnode, a device of 2 MiB, and a single
 * thread.
 *
 * Device requests are carried out at once or, where the setup says so, one at a time when something waits or a `drain` says so.
 * Whoever waits for a page with nothing on its way has its other owner finish with it.
 */
import { crc32 } from 'node:zlib'
import { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { ObjectType, PAGE_SIZE, Queue, VmPages } from '../vm/pages.ts'
import type { UserRequest } from '../vnode/netbsd/directIo.ts'
import { RequestFlag, UpdateFlag, type BlockMapping, type NetbsdVnodeHost } from '../vnode/netbsd/host.ts'
import { Errno, type Operation, type TransferResult, type VnodeWait } from '../vnode/operation.ts'
import { NetbsdVnodePager } from '../vnode/netbsd/pager.ts'
import { DO_NOT_CARE, NO_PAGE, PageState } from '../vnode/netbsd/pageStates.ts'
import type { BusyPage } from '../vnode/netbsd/putPages.ts'
import { MountFlag, VnodeFlag, VnodeType, WriteMethod } from '../vnode/netbsd/vnodes.ts'
import {
  accesses,
  counterNames,
  errnoName,
  fillPattern,
  hex,
  integer,
  integers,
  list,
  named,
  noFaults,
  pageRow,
  priorityName,
  queueLetter,
  readDeviceFaults,
  readFaults,
  readFlags,
  readFrames,
  readMapErrors,
  stateLetters,
  vnodeTypes,
  writeMethods,
  type CounterName,
  type DeviceFault,
  type Faults,
  type PageRow,
} from './genfsFormat.ts'
import { flagField, integerField, listField, UnusableLogError } from './log.ts'
import type { JsonRecord, JsonValue } from './log.ts'

const DEVICE_BYTES = 2 * 1024 * 1024
const USER_BYTES = 262144
/** More than any object of a log has pages. */
const FRAMES = 2048
/** Seed of what the compat file holds. */
const FILE_SEED = 0xc0ffee
/** What an allocated page holds. */
const STALE_BYTE = 0xdd

export class GenfsMachine implements NetbsdVnodeHost {
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
    const type = named(setup, 'vtype', vnodeTypes)
    const blockShift = integerField(setup, 'fs_bshift', 9, 24)
    // a block device is counted in sectors, whatever the mount says
    const deviceShift = integerField(setup, 'dev_bshift', 9, type === VnodeType.blockDevice ? 24 : blockShift)
    const writeMethod = named(setup, 'gop_write', writeMethods)
    this.isFileWritten = writeMethod === WriteMethod.fileWrite
    this.#deviceShift = type === VnodeType.blockDevice ? 9 : deviceShift
    this.#mapBlockShift = blockShift
    this.#mapStride = 1 << Math.max(0, blockShift - deviceShift)
    this.#map = type === VnodeType.blockDevice ? null : this.#readMap(listField(setup, 'bmap'))
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
    this.#faults = readFaults(record)
    this.#allocations = 0
    this.#isPageDaemon = false
    this.#mustYield = this.#faults.mustYield
    this.#counters.clear()
    this.#io = []
    this.#done = []
    this.#updates = []
    this.#allocated = []
    this.#mapped = []
    this.#fileTransfers = []
    // whoever truncates the file has its lock, as has whoever makes it busy for those who do not wait for it
    const waits = !('flags' in record && (readFlags(record) & RequestFlag.locked) !== 0)
    if (this.#faults.isNodeLocked || (waits && this.#faults.truncate !== undefined)) {
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
      center: integerField(record, 'center', 0),
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

  *read(_vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult> {
    const errno = this.#faults.readErrors.includes(offset) ? Errno.EIO : 0
    this.#fileTransfers.push(['r', offset, lengthBytes, errnoName(errno)])
    if (errno !== 0) return { errno, doneBytes: 0 }
    const part = this.#fileContents().subarray(offset, offset + lengthBytes)
    this.#bytesOf(frame).set(part)
    this.#checksums[frame] = -1
    return { errno: 0, doneBytes: part.length }
  }

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

  *wireUserMemory(): Operation<number> {
    return this.#faults.wireErrno
  }
  unwireUserMemory(): void {}
  zeroUserMemory(_space: number, address: number, lengthBytes: number): void {
    this.#user.fill(0, address, address + lengthBytes)
  }
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
