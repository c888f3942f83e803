/** The machine as NetBSD's vnode pager sees it. */
import { PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import { Counter } from '../../sim/metrics.ts'
import type { FileContext } from '../context.ts'
import { HostBase } from '../hostBase.ts'
import { Errno, type Operation, type TransferResult } from '../operation.ts'
import { UpdateFlag, type BlockMapping, type NetbsdVnodeHost } from './host.ts'
import type { NetbsdVnodePager } from './pager.ts'

export class NetbsdHost extends HostBase implements NetbsdVnodeHost {
  declare pager: NetbsdVnodePager
  /** What runs now is the page daemon. */
  isDaemon = false
  /** How often a node's lock was let go of by all: between two looks it may have been taken and given back. */
  nodeLockWakes = 0
  /** [0] pages being paged out by the page daemon (uvmexp.paging), [1] pages that it freed (uvmexp.pdfreed) */
  totals: Float64Array

  constructor(context: FileContext) {
    super(context, 'netbsd')
    this.totals = context.columns.define('vnode.netbsd.totals', 'f64', 2)
    context.columns.onRebind(() => {
      this.totals = context.columns.get('vnode.netbsd.totals', 'f64')
    })
  }

  *bmap(vnode: number, block: number): Operation<BlockMapping> {
    const { volume } = this.context
    // a device counts in sectors, whatever its volume does
    const shift = this.pager.vnodes.blockShift(vnode)
    const perBlock = volume.blockSize >> shift
    const { sector, runAfter } = volume.bmap(this.files[vnode]!, Math.floor(block / perBlock))
    if (perBlock === 1) return { errno: 0, deviceBlock: sector, runAfter }
    const within = block % perBlock
    return {
      errno: 0,
      deviceBlock: sector < 0 ? -1 : sector + (within << shift) / SECTOR_SIZE,
      runAfter: (runAfter + 1) * perBlock - 1 - within,
    }
  }

  extent(_vnode: number, sizeBytes: number, isMemory: boolean): number {
    const unit = isMemory ? PAGE_SIZE : SECTOR_SIZE
    return Math.ceil(sizeBytes / unit) * unit
  }

  *allocateBlocks(vnode: number, offset: number, lengthBytes: number): Operation<number> {
    const { volume } = this.context
    const file = this.files[vnode]!
    const end = Math.min(offset + lengthBytes, Math.max(volume.sizeBytes(file), this.pager.vnodes.writeSize[vnode]!))
    return end > offset ? volume.allocate(file, offset, end - offset) : 0
  }

  markUpdate(vnode: number, how: number): void {
    this.context.volume.touch(this.files[vnode]!, (how & UpdateFlag.modified) !== 0, this.context.kernel.now)
  }

  /** Only file systems without blocks on a device are read and written so, and none here is one. */
  *read(): Operation<TransferResult> {
    return { errno: Errno.EOPNOTSUPP, doneBytes: 0 }
  }
  *write(): Operation<number> {
    return Errno.EOPNOTSUPP
  }

  hasDirtyBlocks(): boolean {
    return false
  }
  worklistChanged(): void {}
  startTransaction(): Operation<void> {
    return this.waitForResume()
  }
  tryStartTransaction(): number {
    return this.isSuspended ? Errno.EBUSY : 0
  }
  finishTransaction(): void {}
  *beginJournal(): Operation<number> {
    return 0
  }
  endJournal(): void {}

  startRequest(buffer: number): void {
    const { buffers, vnodes } = this.pager
    const { device } = this.context
    const master = buffers.masterOf(buffer)
    const frames = buffers.framesOf(master)
    const offset = buffers.dataOffset[buffer]!
    const length = buffers.length[buffer]!
    const isWrite = buffers.isRead[buffer] === 0
    const sector = buffers.deviceBlock[buffer]!
    if (frames.length === 0) {
      const place = buffers.userAddress[master]! + offset
      device.startDirect(isWrite, sector, length, vnodes.object[buffers.vnode[buffer]!]!, place, buffer)
      return
    }
    const own = frames.subarray(Math.floor(offset / PAGE_SIZE), Math.ceil((offset + length) / PAGE_SIZE))
    device.startBuffer(isWrite, sector, length, own, offset % PAGE_SIZE, buffer)
  }

  // nobody sleeps: who waits looks again after each event
  wakeBuffer(): void {}
  wakeOutput(): void {}
  wakeNodeLock(): void {
    this.nodeLockWakes += 1
  }

  override freePage(frame: number): void {
    super.freePage(frame)
    this.context.pageWritten(frame)
  }
  allocatePage(object: number, pageIndex: number): number {
    return this.context.kernel.allocatePage(object, pageIndex)
  }
  allocatePageArray(): boolean {
    return true
  }
  mapForTransfer(): void {}

  removeMappings(frame: number): void {
    this.context.kernel.mappings.removeAll(frame)
  }
  writeProtect(frame: number): void {
    this.context.kernel.mappings.removeWrite(frame)
  }

  pageoutStarted(pages: number): void {
    this.totals[0]! += pages
  }
  pageoutDone(pages: number): void {
    this.totals[0]! -= pages
  }
  pageFreedByDaemon(): void {
    this.totals[1]! += 1
    this.context.kernel.counters[Counter.evictions]! += 1
  }
  isPageDaemon(): boolean {
    return this.isDaemon
  }
  shouldYield(): boolean {
    return false
  }

  // The memory of a direct transfer is a buffer beside the frames, which nobody can take away. Its space is the file's object, its address
  // the place in the file, so that it begins as far behind a page boundary as the bytes of the file do.
  *wireUserMemory(): Operation<number> {
    return 0
  }
  unwireUserMemory(): void {}
  /** A hole is read: the file must have zeros there. */
  zeroUserMemory(object: number, offset: number, lengthBytes: number): void {
    const { kernel, truth } = this.context
    if (kernel.contents.isReal) truth.checkBytes(object, offset, new Uint8Array(lengthBytes), -1)
  }
}
