/**
 * FreeBSD's vnode pager joined to the machine: the host around it, and what its callers do.
 *
 * The fault handler allocates the row of pages (vm_fault_additional_pages): as many as the map entry's read-ahead wants, as far as
 * haspage says that they lie next to each other, up to a page that is resident, and only the one page when memory is short. The page
 * that comes back is zeroed behind the end of the file. The pager cleans no page that it writes: the buffer cache does.
 *
 * Source of the callers' behaviour: FreeBSD 9's vm_fault.c, vm_pageout.c (vm_pageout_flush), ffs_vnops.c.
 */
import { rowsOf } from '../../sim/columns.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import { BufferedFiles } from '../bufferedFiles.ts'
import { zeroBytes, type FileContext } from '../context.ts'
import type { FileFault, FilePager, OwnCounters, WriteManner } from '../filePager.ts'
import { IoFlag, PageOutcome, SEQUENTIAL_MAX, type Operation } from '../operation.ts'
import type { SendRequest, VnodeLock } from '../sendFile.ts'
import { FreebsdHost } from './kernelHost.ts'
import { FreebsdVnodePager } from './pager.ts'
import { VnodeFlag, VnodeType } from './vnodes.ts'

/** VM_FAULT_READ_BEHIND, VM_FAULT_READ_AHEAD_MIN, _INIT and _MAX (atop(MAXPHYS) - 1), pages. */
const READ_BEHIND = 8
const READ_AHEAD_MIN = 7
const READ_AHEAD_INIT = 15
const READ_AHEAD_MAX = 31
/** VM_FAULT_CACHE_BEHIND, pages. */
const CACHE_BEHIND = 32

export class FreebsdFiles extends BufferedFiles implements FilePager {
  readonly name = 'freebsd'
  readonly pager: FreebsdVnodePager
  readonly #host: FreebsdHost
  /** By object: where a reader in order would go on, and how far it has been one. */
  readonly #readers = new Map<number, { next: number; sequential: number }>()

  constructor(context: FileContext) {
    super(context)
    this.#host = new FreebsdHost(context, this.cache)
    this.pager = new FreebsdVnodePager(context.columns, context.kernel.pages, this.#host)
    this.#host.pager = this.pager
    context.columns.keep(
      'file.readers',
      () => [...this.#readers].flatMap(([object, { next, sequential }]) => [object, next, sequential]),
      (values) => {
        this.#readers.clear()
        for (const [object, next, sequential] of rowsOf(values, 3))
          this.#readers.set(object!, { next: next!, sequential: sequential! })
      },
    )
  }

  openFile(file: number): number {
    const { volume } = this.context
    const vnode = this.pager.vnodes.add({
      type: VnodeType.regular,
      blockSize: volume.blockSize,
      deviceSectorSize: SECTOR_SIZE,
      isNetwork: false,
    })
    this.#host.files[vnode] = file
    this.pager.vnodes.useCount[vnode] = 1
    const step = this.pager.createVnodeObject(vnode, volume.sizeBytes(file)).next()
    if (step.done !== true) throw new Error('a new vnode has an object already')
    return this.pager.vnodes.object[vnode]!
  }

  opened(object: number): void {
    this.pager.vnodes.useCount[this.#vnodeOf(object)]! += 1
  }
  closed(object: number): void {
    this.pager.vnodes.useCount[this.#vnodeOf(object)]! -= 1
  }
  /** vm_object_reference of a vnode's object takes the vnode along; vm_object_vndeallocate gives it back. */
  referenced(object: number): void {
    this.context.kernel.pages.references[object]! += 1
    this.opened(object)
  }
  released(object: number): void {
    this.context.kernel.pages.references[object]! -= 1
    this.closed(object)
  }

  mapped(object: number, storedBytes: number): void {
    if (storedBytes > 0) this.pager.updateWriteCount(object, storedBytes)
  }
  unmapped(object: number, storedBytes: number): void {
    if (storedBytes > 0) this.context.spawn(this.pager.releaseWriteCount(object, storedBytes))
  }

  isUsed(object: number): boolean {
    return this.pager.vnodes.useCount[this.#vnodeOf(object)]! > 0
  }

  #vnodeOf(object: number): number {
    return this.context.kernel.pages.handle[object]!
  }

  /** vgonel: the vnode is doomed first, so that no fault reads any more; then vinvalbuf, then ufs_reclaim. */
  *reclaim(object: number): Operation<number> {
    const { pages } = this.context.kernel
    const { vnodes } = this.pager
    const vnode = this.#vnodeOf(object)
    vnodes.useCount[vnode]! += 1
    vnodes.flags[vnode]! |= VnodeFlag.doomed
    const errno = yield* this.vacate(object)
    this.#host.removePages(object, 0, pages.objectSize[object]!)
    yield* this.pager.destroyVnodeObject(vnode)
    this.#readers.delete(object)
    vnodes.useCount[vnode]! -= 1
    return errno
  }

  /** vm_map_insert: the first fault continues a reader in order if it is at the beginning. */
  newRegion(region: number, firstPage: number): void {
    const { regions } = this.context
    regions.readAhead[region] = READ_AHEAD_INIT
    regions.nextRead[region] = firstPage
  }

  mustAsk(): boolean {
    return false
  }

  *getPage(fault: FileFault): Operation<number> {
    const { kernel, regions } = this.context
    const { pages } = kernel
    const { object, pageIndex, region } = fault
    if (pageIndex >= pages.objectSize[object]!) return PageOutcome.failed
    let frame = pages.lookup(object, pageIndex)
    if (frame >= 0) {
      pages.exclusiveBusy[frame] = 1
      // ffs_getpages: where part of a page is valid the buffer cache has it, and the file ends there
      if (pages.valid[frame] !== 0 && this.context.volume.blockSize >= PAGE_SIZE) {
        fault.wasResident = true
        this.#zeroInvalid(frame)
        return frame
      }
    } else {
      frame = kernel.allocatePage(object, pageIndex)
      if (frame < 0) return PageOutcome.memory
    }
    const { behind, ahead } = this.#window(fault)
    const presence = yield* this.pager.hasPage(object, pageIndex, true, true)
    if (!presence.has) {
      kernel.freePage(frame)
      return PageOutcome.none
    }
    const row = this.#additionalPages(
      frame,
      Math.min(behind, presence.before ?? 0),
      Math.min(ahead, presence.after ?? 0),
    )
    const requested = row.indexOf(frame)
    pages.pagingInProgress[object]! += 1
    const result = yield* this.pager.getPages(object, row, requested)
    pages.pagingInProgress[object]! -= 1
    if (result !== PagerResult.ok) {
      kernel.freePage(frame)
      return PageOutcome.failed
    }
    this.#zeroInvalid(frame)
    regions.nextRead[region] = pageIndex + row.length - requested
    return frame
  }

  /** How far to read behind and ahead: a fault that follows the last one makes the window longer, any other sets it back. */
  #window({ pageIndex, region, pagesBefore, pagesAfter, object }: FileFault): { behind: number; ahead: number } {
    const { regions } = this.context
    const behind = Math.min(pagesBefore, READ_BEHIND)
    const before = regions.readAhead[region]!
    if (pageIndex !== regions.nextRead[region]) {
      const ahead = Math.min(pagesAfter, READ_AHEAD_MIN)
      regions.readAhead[region] = ahead
      return { behind, ahead }
    }
    const ahead = Math.min(pagesAfter, before + behind, READ_AHEAD_MAX)
    if (before === READ_AHEAD_MAX) this.#leaveBehind(object, pageIndex)
    regions.readAhead[region] = ahead
    return { behind: 0, ahead }
  }

  /** Pages that a reader in order has left behind are the next to be taken. The kernel of 2013 had its page cache for them. */
  #leaveBehind(object: number, pageIndex: number): void {
    const { pages, mappings } = this.context.kernel
    for (let index = pageIndex - 1; index >= Math.max(0, pageIndex - CACHE_BEHIND); index--) {
      const frame = pages.lookup(object, index)
      if (frame < 0 || pages.valid[frame] !== ALL_SECTORS) return
      if (pages.isBusy(frame) || pages.wired[frame] !== 0) continue
      mappings.removeAll(frame)
      pages.hardwareReferenced[frame] = 0
      if (pages.dirty[frame] !== 0) pages.deactivate(frame)
      else pages.deactivateNoReuse(frame)
    }
  }

  /** The row of pages around a busy one. */
  #additionalPages(frame: number, behind: number, ahead: number): Int32Array {
    const { kernel } = this.context
    const { pages, thresholds } = kernel
    if (behind + ahead === 0 || behind + ahead > pages.freeCount - thresholds.freeReserved) return Int32Array.of(frame)
    const object = pages.object[frame]!
    const pageIndex = pages.pageIndex[frame]!
    const row = new Int32Array(behind + 1 + ahead)
    let first = behind
    for (let index = pageIndex - 1; index >= 0 && first > 0 && pages.lookup(object, index) < 0; index--) {
      const extra = kernel.allocatePage(object, index)
      if (extra < 0) break
      row[--first] = extra
    }
    row[behind] = frame
    let end = behind + 1
    const size = pages.objectSize[object]!
    for (let index = pageIndex + 1; index < size && end < row.length && pages.lookup(object, index) < 0; index++) {
      const extra = kernel.allocatePage(object, index)
      if (extra < 0) break
      row[end++] = extra
    }
    return row.subarray(first, end)
  }

  /** vm_page_zero_invalid: behind the end of the file. */
  #zeroInvalid(frame: number): void {
    const { pages } = this.context.kernel
    const valid = pages.valid[frame]!
    if (valid === ALL_SECTORS) return
    for (let sector = 0; sector * SECTOR_SIZE < PAGE_SIZE; sector++)
      if ((valid & (1 << sector)) === 0) zeroBytes(this.context, frame, sector * SECTOR_SIZE, SECTOR_SIZE)
    pages.valid[frame] = ALL_SECTORS
  }

  /** Under a suspended mount nothing is written: the pages are to be met again later. */
  *pageOut(object: number, frames: Int32Array): Operation<void> {
    const { pages } = this.context.kernel
    if (this.isSuspended) {
      for (const frame of frames) pages.activate(frame)
      return
    }
    yield* this.flushPages(object, frames, 0)
  }

  protected putPages(object: number, frames: Int32Array, flags: number, results: Uint8Array): Operation<number> {
    return this.pager.putPages(object, frames, flags, results)
  }

  protected settle(frame: number, result: number, isDaemon: boolean): void {
    const { pages } = this.context.kernel
    if (result === PagerResult.bad) pages.dirty[frame] = 0
    if (result === PagerResult.ok || result === PagerResult.bad) {
      if (isDaemon && pages.wired[frame] === 0) pages.deactivateNoReuse(frame)
    } else if (result !== PagerResult.again) pages.activate(frame)
  }

  *read(object: number, offset: number, lengthBytes: number, isDirect: boolean): Operation<number> {
    const vnode = this.context.kernel.pages.handle[object]!
    const sequential = this.#heuristic(object, offset, lengthBytes)
    const flags = isDirect ? IoFlag.direct : 0
    const { errno } = yield* this.cache.read(object, this.#host.files[vnode]!, offset, lengthBytes, sequential, flags)
    this.context.volume.touch(this.#host.files[vnode]!, false, this.context.kernel.now)
    return errno
  }

  /** sequential_heuristic: the longer a file is read in order, the further ahead. */
  #heuristic(object: number, offset: number, lengthBytes: number): number {
    const reader = this.#readers.get(object)
    const inOrder = offset === 0 || offset === reader?.next
    const before = reader?.sequential ?? 1
    const count = inOrder ? Math.min(SEQUENTIAL_MAX, before + Math.ceil(lengthBytes / 16384)) : before > 1 ? 1 : 0
    this.#readers.set(object, { next: offset + lengthBytes, sequential: count })
    return count > 1 ? count : 0
  }

  *write(object: number, offset: number, lengthBytes: number, { isSync, isDirect }: WriteManner): Operation<number> {
    const { kernel, volume, truth } = this.context
    const vnode = kernel.pages.handle[object]!
    const file = this.#host.files[vnode]!
    const end = offset + lengthBytes
    yield* this.#host.startWrite()
    if (end > volume.sizeBytes(file)) {
      const errno = yield* this.cache.grow(object, file, end)
      if (errno !== 0) return errno
      truth.resize(object, end)
      this.pager.setSize(vnode, end)
    }
    const flags = (isSync ? IoFlag.sync : 0) | (isDirect ? IoFlag.direct : 0)
    return yield* this.store(object, file, offset, lengthBytes, flags)
  }

  send(request: SendRequest, lock: VnodeLock): Operation<number> {
    return this.sent.sendChains(request, lock)
  }

  *truncate(object: number, sizeBytes: number): Operation<number> {
    const { kernel, volume, truth } = this.context
    const { pages } = kernel
    const vnode = pages.handle[object]!
    const file = this.#host.files[vnode]!
    yield* this.#host.startWrite()
    const old = volume.sizeBytes(file)
    if (sizeBytes < old) {
      yield* this.cache.cut(object, file, sizeBytes)
      yield* this.quieten(object, sizeBytes)
      const cut = pages.lookup(object, Math.floor(sizeBytes / PAGE_SIZE))
      if (cut >= 0) truth.materialise(cut)
    } else {
      const errno = yield* this.cache.grow(object, file, sizeBytes)
      if (errno !== 0) return errno
    }
    this.pager.setSize(vnode, sizeBytes)
    const errno = volume.setSize(file, sizeBytes)
    if (errno === 0) truth.resize(object, sizeBytes)
    return errno
  }

  /** The syncer passes a suspended mount by. */
  *sync(object: number, waits: boolean): Operation<number> {
    if (this.isSuspended && !waits) return 0
    yield* this.#host.startWrite()
    return yield* this.clean(object, waits)
  }

  /** vfs_write_suspend */
  suspend(durationNs: number): number {
    this.#host.suspend(durationNs)
    return 0
  }
  get isSuspended(): boolean {
    return this.#host.isSuspended
  }

  ownCounters(): OwnCounters {
    const { pager } = this
    return {
      'vm.stats.vm.v_vnodein': pager.vnodeIns,
      'vm.stats.vm.v_vnodepgsin': pager.vnodePagesIn,
      'vm.stats.vm.v_vnodeout': pager.vnodeOuts,
      'vm.stats.vm.v_vnodepgsout': pager.vnodePagesOut,
      'mbstat.sf_iocnt': this.sent.reads,
    }
  }
}
