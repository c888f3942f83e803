/**
 * NetBSD's vnode pager joined to the machine: the host around it, and what its callers do.
 *
 * A fault first takes what is resident of a window of pages, without waiting; only if its own page is not there it reads, one page, and
 * lets the pager widen that to blocks, while read-ahead goes on by itself. read(2) and write(2) go through windows of eight pages (UBC).
 * The page daemon lets the pager clean and free, which gathers its own clusters.
 *
 * Source of the callers' behaviour: NetBSD's uvm_fault.c, uvm_vnode.c (uvn_get), uvm_bio.c, ufs_readwrite.c, uvm_pdaemon.c.
 */
import { ALL_SECTORS, ObjectType, PAGE_SIZE } from '../../vm/pages.ts'
import { zeroBytes, type FileContext } from '../context.ts'
import type { FileFault, FilePager, OwnCounters, WriteManner } from '../filePager.ts'
import { Errno, PageOutcome, type Operation, type VnodeWait } from '../operation.ts'
import { RequestFlag } from './host.ts'
import { NetbsdHost } from './kernelHost.ts'
import { NetbsdVnodePager } from './pager.ts'
import { NO_PAGE, PageState } from './pageStates.ts'
import { ReadAhead } from './readAhead.ts'
import { VnodeFlag, VnodeType, WriteMethod } from './vnodes.ts'

/** Pages around a fault that are looked for in memory: uvmadvice of a normal mapping. */
const WINDOW_BEHIND = 3
const WINDOW_AHEAD = 4
/** UBC: a window, pages; what is written in order is sent out whenever it passes a boundary of this many bytes. */
const UBC_PAGES = 8
const FLUSH_BYTES = 65536

export class NetbsdFiles implements FilePager {
  readonly name = 'netbsd'
  readonly pager: NetbsdVnodePager
  readonly #context: FileContext
  readonly #host: NetbsdHost
  readonly #readAhead: ReadAhead

  constructor(context: FileContext) {
    this.#context = context
    this.#host = new NetbsdHost(context)
    this.pager = new NetbsdVnodePager(context.columns, context.kernel.pages, this.#host)
    this.pager.directIoBytes = context.tunables.maxdio
    this.#host.pager = this.pager
    this.#readAhead = new ReadAhead(context.columns)
  }

  openFile(file: number, isDevice: boolean): number {
    const { kernel, volume } = this.#context
    const { vnodes } = this.pager
    const size = volume.sizeBytes(file)
    const object = kernel.pages.createObject(ObjectType.file, Math.ceil(size / PAGE_SIZE))
    const vnode = vnodes.add({
      type: isDevice ? VnodeType.blockDevice : VnodeType.regular,
      object,
      blockShift: 31 - Math.clz32(volume.blockSize),
      deviceShift: 9,
      mount: 0,
      writeMethod: WriteMethod.blocks,
    })
    kernel.pages.handle[object] = vnode
    vnodes.size[vnode] = size
    vnodes.writeSize[vnode] = size
    this.#host.files[vnode] = file
    this.#readAhead.begin(vnode)
    return object
  }

  /** A vnode is its own object: one count for all of its users (v_usecount, which is uo_refs). */
  opened(object: number): void {
    this.#context.kernel.pages.references[object]! += 1
  }
  /** vrelel: a vnode that nobody uses any more is not mapped either. */
  closed(object: number): void {
    const { pages } = this.#context.kernel
    pages.references[object]! -= 1
    if (pages.references[object] === 0)
      this.pager.vnodes.flags[pages.handle[object]!]! &= ~(VnodeFlag.mapped | VnodeFlag.writeMapped)
  }
  referenced(object: number): void {
    this.opened(object)
  }
  released(object: number): void {
    this.closed(object)
  }

  mapped(object: number, storedBytes: number): void {
    const { vnodes } = this.pager
    const vnode = this.#context.kernel.pages.handle[object]!
    vnodes.flags[vnode]! |= VnodeFlag.mapped | (storedBytes > 0 ? VnodeFlag.writeMapped : 0)
  }
  // the marks stay until nobody uses the vnode
  unmapped(): void {}

  isUsed(object: number): boolean {
    return this.#context.kernel.pages.references[object]! > 0
  }

  /** vclean: all pages are written and freed, whatever stands in the way; then the operations on the vnode are the dead ones. */
  *reclaim(object: number): Operation<number> {
    const vnode = this.#context.kernel.pages.handle[object]!
    const { allPages, cleanIt, free, reclaim, syncIo } = RequestFlag
    this.pager.vnodes.flags[vnode]! |= VnodeFlag.dead
    return yield* this.pager.putPages(vnode, 0, 0, allPages | cleanIt | free | syncIo | reclaim)
  }

  newRegion(): void {}

  /** The pager keeps no valid bits; each fault asks it. */
  mustAsk(): boolean {
    return true
  }

  isFilled(frame: number): boolean {
    return (this.#context.kernel.pages.kernelFlags[frame]! & PageState.fake) === 0
  }

  /** Not where the page lies over a hole, nor in a file that is known to be clean: the first store must be noticed. */
  mayMapWritable(frame: number, isWrite: boolean): boolean {
    const { pages } = this.#context.kernel
    if ((pages.kernelFlags[frame]! & PageState.readOnly) !== 0) return false
    return isWrite || this.pager.vnodes.hasFlag(pages.handle[pages.object[frame]!]!, VnodeFlag.onWorklist)
  }

  /**
   * The source notes a write before it waits for memory or for the page: a round of the syncer that comes and goes meanwhile takes the
   * vnode for clean, and the store would be lost with the page. So it is noted again when it is made.
   */
  stored(frame: number): void {
    const { pages } = this.#context.kernel
    pages.kernelFlags[frame]! &= ~PageState.clean
    this.pager.noteDirtied(pages.handle[pages.object[frame]!]!)
  }

  isDirty(frame: number): boolean {
    const { pages } = this.#context.kernel
    const isClean = (pages.kernelFlags[frame]! & PageState.clean) !== 0
    return !isClean || pages.dirty[frame] !== 0 || pages.hardwareModified[frame] !== 0
  }

  *getPage(fault: FileFault): Operation<number> {
    const { kernel } = this.#context
    const { pages } = kernel
    const { object, pageIndex, isWrite } = fault
    const vnode = pages.handle[object]!
    // dead_getpages
    if (this.pager.vnodes.hasFlag(vnode, VnodeFlag.dead)) return PageOutcome.failed
    if (pageIndex * PAGE_SIZE >= this.pager.vnodes.size[vnode]!) return PageOutcome.failed
    const behind = Math.min(WINDOW_BEHIND, fault.pagesBefore)
    const frames = new Int32Array(behind + 1 + Math.min(WINDOW_AHEAD, fault.pagesAfter)).fill(NO_PAGE)
    const window = {
      offset: (pageIndex - behind) * PAGE_SIZE,
      count: frames.length,
      center: behind,
      isWrite,
      flags: RequestFlag.locked,
      frames,
    }
    let errno = yield* this.pager.getPages(vnode, window)
    const frame = frames[behind]!
    frames[behind] = NO_PAGE
    // the others could be mapped along; here each page has a fault of its own
    this.pager.unbusyPages(frames)
    if (errno === 0) {
      fault.wasResident = true
      return this.#filled(frame)
    }
    if (errno !== Errno.EBUSY) return PageOutcome.failed
    if (!isWrite) yield* this.#readAheadOf(vnode, pageIndex * PAGE_SIZE, PAGE_SIZE)
    const one = Int32Array.of(NO_PAGE)
    errno = yield* this.pager.getPages(vnode, {
      offset: pageIndex * PAGE_SIZE,
      count: 1,
      center: 0,
      isWrite,
      flags: RequestFlag.syncIo,
      frames: one,
    })
    if (errno === Errno.ENOMEM) return PageOutcome.memory
    return errno === 0 ? this.#filled(one[0]!) : PageOutcome.failed
  }

  /** The machine's other parts go by the valid bits. */
  #filled(frame: number): number {
    this.#context.kernel.pages.valid[frame] = ALL_SECTORS
    return frame
  }

  /** ubc_fault: a page of a window is active from then on. */
  #mapped(frame: number): void {
    const { pages } = this.#context.kernel
    this.#filled(frame)
    if (pages.wired[frame] === 0) pages.activate(frame)
  }

  /** uvm_ra_request and ra_startio */
  *#readAheadOf(vnode: number, offset: number, lengthBytes: number): Operation<void> {
    for (const chunk of this.#readAhead.request(vnode, offset, lengthBytes)) {
      const errno = yield* this.pager.getPages(vnode, {
        offset: chunk.offset,
        count: chunk.lengthBytes / PAGE_SIZE,
        center: 0,
        isWrite: false,
        flags: 0,
        frames: null,
      })
      if (errno !== 0 && errno !== Errno.EBUSY) {
        this.#readAhead.started(vnode, chunk.offset)
        return
      }
      this.#readAhead.started(vnode, chunk.offset + chunk.lengthBytes)
    }
  }

  /** uvmpd_scan_queue hands each page to its pager, which cleans and frees it with its dirty neighbours. */
  *pageOut(object: number, frames: Int32Array): Operation<void> {
    const { pages } = this.#context.kernel
    const vnode = pages.handle[object]!
    for (const frame of frames) {
      if (pages.object[frame] !== object || pages.exclusiveBusy[frame] !== 0 || pages.wired[frame] !== 0) continue
      const offset = pages.pageIndex[frame]! * PAGE_SIZE
      const run = this.pager.putPages(vnode, offset, offset + PAGE_SIZE, RequestFlag.cleanIt | RequestFlag.free)
      // who runs is asked once, at the beginning
      this.#host.isDaemon = true
      const first = run.next()
      this.#host.isDaemon = false
      if (first.done === true) {
        // a suspended file system takes nothing: the page is to be met again later
        if (first.value !== 0 && pages.object[frame] === object) pages.activate(frame)
        continue
      }
      yield first.value
      yield* run
    }
  }

  /** ffs_read: what direct I/O leaves goes through windows. */
  *read(object: number, offset: number, lengthBytes: number, isDirect: boolean): Operation<number> {
    const { kernel } = this.#context
    const vnode = kernel.pages.handle[object]!
    yield* this.#host.startTransaction()
    const from = isDirect ? yield* this.#direct(object, offset, lengthBytes, false) : offset
    const end = Math.min(offset + lengthBytes, this.pager.vnodes.size[vnode]!)
    for (let at = from; at < end;) {
      const window = Math.floor(at / (UBC_PAGES * PAGE_SIZE)) * UBC_PAGES * PAGE_SIZE
      const until = Math.min(end, window + UBC_PAGES * PAGE_SIZE)
      const first = Math.floor(at / PAGE_SIZE)
      const frames = new Int32Array(Math.ceil(until / PAGE_SIZE) - first).fill(NO_PAGE)
      yield* this.#readAheadOf(vnode, first * PAGE_SIZE, frames.length * PAGE_SIZE)
      const errno = yield* this.pager.getPages(vnode, {
        offset: first * PAGE_SIZE,
        count: frames.length,
        center: 0,
        isWrite: false,
        flags: RequestFlag.syncIo,
        frames,
      })
      if (errno !== 0) return errno
      for (const frame of frames) if (frame >= 0) this.#mapped(frame)
      this.pager.unbusyPages(frames)
      at = until
    }
    return 0
  }

  /** Direct I/O as far as it goes; answers the place in the file that it came to. */
  *#direct(object: number, offset: number, lengthBytes: number, isWrite: boolean): Operation<number> {
    const { kernel, volume } = this.#context
    const vnode = kernel.pages.handle[object]!
    const request = {
      isWrite,
      offset,
      residualBytes: lengthBytes,
      vectors: [{ address: offset, length: lengthBytes }],
      vectorIndex: 0,
      space: object,
      isKernelMemory: false,
      isJournalLocked: isWrite,
    }
    yield* this.pager.directIo(vnode, request)
    if (request.offset > offset) volume.touch(this.#host.files[vnode]!, isWrite, kernel.now)
    return request.offset
  }

  /**
   * ffs_write: block by block; whole new pages are handed over unread, then what has passed a boundary is sent out. Direct I/O is
   * tried again before each block.
   */
  *write(object: number, offset: number, lengthBytes: number, { isSync, isDirect }: WriteManner): Operation<number> {
    const { kernel, volume, truth } = this.#context
    const { vnodes } = this.pager
    const vnode = kernel.pages.handle[object]!
    const file = this.#host.files[vnode]!
    const end = offset + lengthBytes
    const { blockSize } = volume
    yield* this.#host.startTransaction()
    for (let at = offset; at < end;) {
      if (isDirect) {
        at = yield* this.#direct(object, at, end - at, true)
        if (at >= end) break
      }
      const to = Math.min(
        end,
        (Math.floor(at / blockSize) + 1) * blockSize,
        at - (at % (UBC_PAGES * PAGE_SIZE)) + UBC_PAGES * PAGE_SIZE,
      )
      if (to > vnodes.size[vnode]!) {
        vnodes.writeSize[vnode] = to
        const errno = volume.setSize(file, to)
        if (errno !== 0) return errno
        truth.resize(object, to)
        kernel.pages.objectSize[object] = Math.ceil(to / PAGE_SIZE)
      }
      const errno = yield* this.#writePiece(vnode, file, at, to)
      if (errno !== 0) return errno
      if (to > vnodes.size[vnode]!) vnodes.size[vnode] = to
      const passed = Math.floor(to / FLUSH_BYTES) * FLUSH_BYTES
      if (!isSync && passed > at)
        yield* this.pager.putPages(vnode, Math.floor(at / FLUSH_BYTES) * FLUSH_BYTES, passed, RequestFlag.cleanIt)
      at = to
    }
    if (!isSync) return 0
    return yield* this.pager.putPages(
      vnode,
      Math.floor(offset / PAGE_SIZE) * PAGE_SIZE,
      Math.ceil(end / PAGE_SIZE) * PAGE_SIZE,
      RequestFlag.cleanIt | RequestFlag.syncIo,
    )
  }

  *#writePiece(vnode: number, file: number, from: number, to: number): Operation<number> {
    const { kernel, volume, truth } = this.#context
    const { pages } = kernel
    const first = Math.floor(from / PAGE_SIZE)
    const frames = new Int32Array(Math.ceil(to / PAGE_SIZE) - first).fill(NO_PAGE)
    const isWhole = from % PAGE_SIZE === 0 && (to % PAGE_SIZE === 0 || to >= this.pager.vnodes.size[vnode]!)
    // ufs_balloc_range: the pager would look for holes before the old end of the file only
    const failed = volume.allocate(file, from, to - from)
    if (failed !== 0) return failed
    const errno = yield* this.pager.getPages(vnode, {
      offset: first * PAGE_SIZE,
      count: frames.length,
      center: 0,
      isWrite: true,
      flags:
        RequestFlag.syncIo |
        RequestFlag.pastEof |
        (isWhole ? RequestFlag.overwrite | RequestFlag.noBlockAllocation | RequestFlag.noTimestamp : 0),
      frames,
    })
    if (errno !== 0) return errno
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!
      const start = (first + i) * PAGE_SIZE
      const within = Math.max(0, from - start)
      const until = Math.min(PAGE_SIZE, to - start)
      if ((pages.kernelFlags[frame]! & PageState.fake) !== 0) zeroBytes(this.#context, frame, until, PAGE_SIZE - until)
      truth.write(frame, within, until)
      pages.kernelFlags[frame]! &= ~(PageState.fake | PageState.clean)
      this.#mapped(frame)
    }
    this.pager.noteDirtied(vnode)
    this.pager.unbusyPages(frames)
    return 0
  }

  /** There is no such system call. */
  *send(): Operation<number> {
    return Errno.ENOSYS
  }

  /** The tail of the last page is zeroed in memory, then the pages beyond the end are freed, written or not. */
  *truncate(object: number, sizeBytes: number): Operation<number> {
    const { kernel, volume, truth } = this.#context
    const { vnodes } = this.pager
    const vnode = kernel.pages.handle[object]!
    const file = this.#host.files[vnode]!
    yield* this.#host.startTransaction()
    const old = vnodes.size[vnode]!
    const within = sizeBytes % PAGE_SIZE
    if (sizeBytes < old && within !== 0) {
      const frames = Int32Array.of(NO_PAGE)
      const errno = yield* this.pager.getPages(vnode, {
        offset: sizeBytes - within,
        count: 1,
        center: 0,
        isWrite: true,
        flags: RequestFlag.syncIo,
        frames,
      })
      if (errno !== 0) return errno
      truth.materialise(frames[0]!)
      zeroBytes(this.#context, frames[0]!, within, PAGE_SIZE - within)
      kernel.pages.kernelFlags[frames[0]!]! &= ~PageState.clean
      this.pager.noteDirtied(vnode)
      this.#mapped(frames[0]!)
      this.pager.unbusyPages(frames)
    }
    yield* this.pager.lockNode(vnode)
    if (sizeBytes < old)
      yield* this.pager.putPages(
        vnode,
        Math.ceil(sizeBytes / PAGE_SIZE) * PAGE_SIZE,
        0,
        RequestFlag.free | RequestFlag.syncIo,
      )
    const errno = volume.setSize(file, sizeBytes)
    if (errno === 0) {
      truth.resize(object, sizeBytes)
      vnodes.size[vnode] = sizeBytes
      vnodes.writeSize[vnode] = sizeBytes
      kernel.pages.objectSize[object] = Math.ceil(sizeBytes / PAGE_SIZE)
    }
    this.pager.unlockNode(vnode)
    return errno
  }

  *sync(object: number, waits: boolean): Operation<number> {
    const { kernel, volume } = this.#context
    const { pages } = kernel
    const flags = RequestFlag.allPages | RequestFlag.cleanIt | (waits ? RequestFlag.syncIo : 0)
    const errno = yield* this.pager.putPages(pages.handle[object]!, 0, 0, flags)
    volume.flush()
    return errno
  }

  /** vfs_suspend */
  suspend(durationNs: number): number {
    this.#host.suspend(durationNs)
    return 0
  }
  readonly pageoutsLock = false

  get isSuspended(): boolean {
    return this.#host.isSuspended
  }

  bufferDone(buffer: number, errno: number): void {
    this.pager.requestDone(buffer, errno)
  }

  /** genfs counts nothing by itself; these are the page daemon's. */
  ownCounters(): OwnCounters {
    return { 'uvmexp.paging': this.#host.totals[0]!, 'uvmexp.pdfreed': this.#host.totals[1]! }
  }

  isRequestOver(request: number): boolean {
    return this.#context.device.isOver(request)
  }
  isBufferDone(buffer: number): boolean {
    return this.pager.buffers.isDone[buffer] !== 0
  }
  witness(wait: VnodeWait): number {
    const { vnodes } = this.pager
    if (wait.on === 'output') return vnodes.outputCount[wait.vnode]!
    return wait.on === 'node-lock' ? this.#host.nodeLockWakes : 0
  }
}
