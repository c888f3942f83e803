/**
 * DragonFly's vnode pager joined to the machine: the host around it, and what its callers do.
 *
 * The fault handler allocates one page and asks for it, as a reader in order unless told otherwise; what is read around it is the buffer
 * cache's business. The first page of a block at which more is to be read ahead is marked: a fault on it asks the pager though the page is
 * there. The pager cleans the pages that it writes, unless the write failed.
 *
 * Source of the callers' behaviour: DragonFly's vm_fault.c (vm_fault_object), vm_pageout.c, vfs_vm.c (nvtruncbuf, nvextendbuf).
 */
import { PagerResult } from '../../swap/pager.ts'
import { PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import { BufferedFiles } from '../bufferedFiles.ts'
import type { FileContext } from '../context.ts'
import type { FileFault, FilePager, OwnCounters, WriteManner } from '../filePager.ts'
import { Errno, IoFlag, PageOutcome, SEQUENTIAL_MAX, type Operation, type VnodeWait } from '../operation.ts'
import type { SendRequest, VnodeLock } from '../sendFile.ts'
import { DragonflyHost } from './kernelHost.ts'
import { DragonflyPageFlag } from './pageOperations.ts'
import { DragonflyVnodePager } from './pager.ts'
import { VnodeType } from './vnodes.ts'

export class DragonflyFiles extends BufferedFiles implements FilePager {
  readonly name = 'dragonfly'
  readonly pager: DragonflyVnodePager
  readonly #host: DragonflyHost

  constructor(context: FileContext) {
    super(context)
    this.#host = new DragonflyHost(context, this.cache)
    this.pager = new DragonflyVnodePager(context.columns, context.kernel.pages, this.#host)
    this.#host.pager = this.pager
    this.cache.onReadAheadMark = (frame) => {
      context.kernel.pages.kernelFlags[frame]! |= DragonflyPageFlag.readAheadMark
    }
  }

  openFile(file: number, isDevice: boolean): number {
    const { volume } = this.context
    const { vnodes } = this.pager
    const vnode = vnodes.add({
      type: isDevice ? VnodeType.blockDevice : VnodeType.regular,
      blockSize: volume.blockSize,
      sectorSize: SECTOR_SIZE,
      isNoMsync: false,
    })
    this.#host.files[vnode] = file
    vnodes.references[vnode] = 1
    const step = this.pager.allocate(vnode, volume.sizeBytes(file), volume.blockSize, -1).next()
    if (step.done !== true) throw new Error('a new vnode has an object already')
    // vinitvmio: the object is there, and nobody refers to it yet
    this.released(step.value)
    return step.value
  }

  opened(object: number): void {
    this.pager.vnodes.references[this.#vnodeOf(object)]! += 1
  }
  closed(object: number): void {
    this.pager.vnodes.references[this.#vnodeOf(object)]! -= 1
  }
  /** vm_object_reference of a vnode's object takes the vnode along (vnode_pager_reference); the last one gives it back. */
  referenced(object: number): void {
    const step = this.pager.reference(this.#vnodeOf(object)).next()
    if (step.done !== true) throw new Error('the object of a file in use is being ended')
  }
  released(object: number): void {
    this.context.kernel.pages.references[object]! -= 1
    this.closed(object)
  }

  // the kernel counts no writable mappings
  mapped(): void {}
  unmapped(): void {}

  isUsed(object: number): boolean {
    return this.pager.vnodes.references[this.#vnodeOf(object)]! > 0
  }

  #vnodeOf(object: number): number {
    return this.context.kernel.pages.handle[object]!
  }

  /** vclean_vxlocked: vinvalbuf, then the object is cut off, which takes the vnode's references of its mappings along. */
  *reclaim(object: number): Operation<number> {
    const { pages } = this.context.kernel
    const errno = yield* this.vacate(object)
    for (let frame = pages.firstPage[object]!; frame >= 0; frame = pages.firstPage[object]!) {
      // locked in memory or not
      pages.wired[frame] = 0
      this.#host.freePage(frame)
    }
    yield* this.pager.deallocate(object)
    return errno
  }

  newRegion(): void {}

  mustAsk(frame: number): boolean {
    return (this.context.kernel.pages.kernelFlags[frame]! & DragonflyPageFlag.readAheadMark) !== 0
  }

  *getPage(fault: FileFault): Operation<number> {
    const { kernel } = this.context
    const { pages } = kernel
    const { object, pageIndex } = fault
    if (pageIndex >= pages.objectSize[object]!) return PageOutcome.failed
    let frame = pages.lookup(object, pageIndex)
    if (frame >= 0) {
      pages.exclusiveBusy[frame] = 1
      fault.wasResident = this.isFilled(frame)
      pages.kernelFlags[frame]! &= ~DragonflyPageFlag.readAheadMark
    } else {
      frame = kernel.allocatePage(object, pageIndex)
      if (frame < 0) return PageOutcome.memory
      if (!(yield* this.pager.hasPage(object, pageIndex))) {
        kernel.freePage(frame)
        return PageOutcome.none
      }
    }
    pages.pagingInProgress[object]! += 1
    const result = yield* this.pager.getPage(object, frame, true)
    pages.pagingInProgress[object]! -= 1
    if (result === PagerResult.ok && this.isFilled(frame)) return frame
    this.pager.releasePage(frame)
    return PageOutcome.failed
  }

  *pageOut(object: number, frames: Int32Array): Operation<void> {
    yield* this.flushPages(object, frames, 0)
  }

  /** A page goes out whole, whatever of it is dirty. */
  protected putPages(object: number, frames: Int32Array, flags: number, results: Uint8Array): Operation<void> {
    for (const frame of frames) this.stored(frame)
    return this.pager.putPages(object, frames, flags, results)
  }

  protected settle(frame: number, result: number, isDaemon: boolean): void {
    const { pages } = this.context.kernel
    if (result === PagerResult.bad) pages.dirty[frame] = 0
    if (result === PagerResult.ok || result === PagerResult.bad) {
      if (isDaemon && pages.wired[frame] === 0) pages.deactivate(frame)
    } else pages.activate(frame)
  }

  *read(object: number, offset: number, lengthBytes: number, isDirect: boolean): Operation<number> {
    const file = this.#fileOf(object)
    const flags = isDirect ? IoFlag.direct : 0
    const { errno } = yield* this.cache.read(object, file, offset, lengthBytes, SEQUENTIAL_MAX, flags)
    this.context.volume.touch(file, false, this.context.kernel.now)
    return errno
  }

  #fileOf(object: number): number {
    return this.#host.files[this.context.kernel.pages.handle[object]!]!
  }

  *write(object: number, offset: number, lengthBytes: number, { isSync, isDirect }: WriteManner): Operation<number> {
    const { kernel, volume, truth } = this.context
    const file = this.#fileOf(object)
    const end = offset + lengthBytes
    if (end > volume.sizeBytes(file)) {
      const errno = yield* this.cache.grow(object, file, end)
      if (errno !== 0) return errno
      truth.resize(object, end)
      yield* this.pager.setSize(kernel.pages.handle[object]!, end)
    }
    const flags = (isSync ? IoFlag.sync : 0) | (isDirect ? IoFlag.direct : 0)
    return yield* this.store(object, file, offset, lengthBytes, flags)
  }

  send(request: SendRequest, lock: VnodeLock): Operation<number> {
    return this.sent.sendPages(request, lock)
  }

  /** Buffers go first, then the pager is told. */
  *truncate(object: number, sizeBytes: number): Operation<number> {
    const { kernel, volume, truth } = this.context
    const { pages } = kernel
    const file = this.#fileOf(object)
    const isShorter = sizeBytes < volume.sizeBytes(file)
    if (isShorter) {
      yield* this.cache.cut(object, file, sizeBytes)
      const cut = pages.lookup(object, Math.floor(sizeBytes / PAGE_SIZE))
      if (cut >= 0) truth.materialise(cut)
    } else {
      const errno = yield* this.cache.grow(object, file, sizeBytes)
      if (errno !== 0) return errno
    }
    yield* this.pager.setSize(pages.handle[object]!, sizeBytes)
    if (isShorter) yield* this.quieten(object, sizeBytes)
    const errno = volume.setSize(file, sizeBytes)
    if (errno === 0) truth.resize(object, sizeBytes)
    return errno
  }

  sync(object: number, waits: boolean): Operation<number> {
    return this.clean(object, waits)
  }

  /** This kernel knows no suspended mounts. */
  readonly isSuspended = false
  suspend(): number {
    return Errno.EOPNOTSUPP
  }

  ownCounters(): OwnCounters {
    const { pager } = this
    return {
      'vm.v_vnodein': pager.vnodeIns,
      'vm.v_vnodepgsin': pager.vnodePagesIn,
      'vm.v_vnodeout': pager.vnodeOuts,
      'vm.v_vnodepgsout': pager.vnodePagesOut,
    }
  }

  override witness(wait: VnodeWait): number {
    return wait.on === 'vnode' ? this.pager.vnodes.flags[wait.vnode]! : super.witness(wait)
  }
}
