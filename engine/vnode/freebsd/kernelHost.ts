/** The machine as FreeBSD's vnode pager sees it. */
import { ObjectFlag } from '../../vm/pages.ts'
import type { BufferCache } from '../bufferCache.ts'
import type { FileContext } from '../context.ts'
import { HostBase } from '../hostBase.ts'
import { Errno, type Operation, type TransferResult } from '../operation.ts'
import type { BlockMapping, FreebsdVnodeHost } from './host.ts'
import type { FreebsdVnodePager } from './pager.ts'

export class FreebsdHost extends HostBase implements FreebsdVnodeHost {
  declare pager: FreebsdVnodePager
  readonly #cache: BufferCache

  constructor(context: FileContext, cache: BufferCache) {
    super(context, 'freebsd')
    this.#cache = cache
  }

  *bmap(vnode: number, block: number): Operation<BlockMapping> {
    const { sector, runAfter, runBefore } = this.context.volume.bmap(this.files[vnode]!, block)
    return { errno: 0, sector, runAfter, runBefore }
  }

  readDevice(
    _vnode: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    pageOffset: number,
  ): Operation<number> {
    return this.context.device.transfer(false, sector, lengthBytes, frames, pageOffset)
  }

  /** Only file systems that cannot map blocks are read so, and none here is one. */
  *read(): Operation<TransferResult> {
    return { errno: Errno.EOPNOTSUPP, doneBytes: 0 }
  }

  write(
    vnode: number,
    offset: number,
    lengthBytes: number,
    _frames: Int32Array,
    flags: number,
  ): Operation<TransferResult> {
    return this.#cache.write(this.pager.vnodes.object[vnode]!, this.files[vnode]!, offset, lengthBytes, flags, null)
  }

  *fileSize(vnode: number): Operation<{ errno: number; sizeBytes: number }> {
    return { errno: 0, sizeBytes: this.context.volume.sizeBytes(this.files[vnode]!) }
  }

  startWrite(): Operation<void> {
    return this.waitForResume()
  }
  finishWrite(): void {}
  vnodeUnused(): void {}

  *terminateObject(object: number): Operation<void> {
    const { pages } = this.context.kernel
    pages.objectFlags[object]! |= ObjectFlag.dead
    this.removePages(object, 0, pages.objectSize[object]!)
    yield* this.pager.deallocate(object)
  }
  wakeObject(): void {}

  removePages(object: number, first: number, end: number): void {
    const { kernel } = this.context
    const { pages, mappings } = kernel
    for (let index = first; ;) {
      const frame = pages.lookupFrom(object, index, end - 1)
      if (frame < 0) return
      index = pages.pageIndex[frame]! + 1
      if (pages.wired[frame] === 0) kernel.freePage(frame)
      else {
        mappings.removeAll(frame)
        pages.valid[frame] = 0
        pages.dirty[frame] = 0
      }
    }
  }

  // the kernel of 2013 kept clean pages without a frame; this machine's has no such cache
  isCached(): boolean {
    return false
  }
  freeCached(): void {}
}
