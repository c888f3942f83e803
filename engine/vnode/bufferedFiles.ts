/**
 * What FreeBSD's and DragonFly's callers of their vnode pagers do alike: both have a buffer cache over the pages of files, and the
 * same page daemon's and syncer's way of putting pages out.
 *
 * Source of the behaviour: vm_pageout.c (vm_pageout_flush), vm_object.c (vm_object_page_clean), and both kernels' buffer cache.
 */
import { ALL_SECTORS, PAGE_SIZE } from '../vm/pages.ts'
import { BufferCache } from './bufferCache.ts'
import type { FileContext } from './context.ts'
import { PutFlag, type Operation, type VnodeWait } from './operation.ts'
import { SentPages } from './sendFile.ts'

/** vm_object_page_clean puts out so many pages at a time. */
const CLEAN_PAGES = 32
/** So often a file that is taken away is written: a device that fails would be tried for ever. */
const SYNC_ROUNDS = 8

export abstract class BufferedFiles {
  readonly cache: BufferCache
  protected readonly context: FileContext
  protected readonly sent: SentPages
  /** vm_pageout_clean, vm_pageout_page, vfs_msync: vget with LK_EXCLUSIVE. */
  readonly pageoutsLock = true

  constructor(context: FileContext) {
    this.context = context
    this.cache = new BufferCache(context)
    this.sent = new SentPages(context, this.cache)
  }

  /** The pager's own: pages next to each other, shared busy; a PagerResult for each. */
  protected abstract putPages(
    object: number,
    frames: Int32Array,
    flags: number,
    results: Uint8Array,
  ): Operation<unknown>
  abstract sync(object: number, waits: boolean): Operation<number>
  /** What becomes of a page that the pager answered so for; `isDaemon`: it was to be written to free its frame. */
  protected abstract settle(frame: number, result: number, isDaemon: boolean): void

  isFilled(frame: number): boolean {
    return this.context.kernel.pages.valid[frame] === ALL_SECTORS
  }

  mayMapWritable(): boolean {
    return true
  }

  stored(frame: number): void {
    this.context.kernel.pages.dirty[frame] = ALL_SECTORS
  }

  isDirty(frame: number): boolean {
    const { pages, mappings } = this.context.kernel
    mappings.testDirty(frame)
    return pages.dirty[frame] !== 0
  }

  /** vm_pageout_flush */
  protected *flushPages(object: number, frames: Int32Array, flags: number): Operation<void> {
    const { kernel } = this.context
    const { pages, mappings } = kernel
    for (const frame of frames) {
      pages.sharedBusy[frame]! += 1
      mappings.removeWrite(frame)
    }
    pages.pagingInProgress[object]! += frames.length
    const results = new Uint8Array(frames.length)
    yield* this.putPages(object, frames, flags, results)
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!
      this.settle(frame, results[i]!, flags === 0)
      pages.pagingInProgress[object]! -= 1
      pages.sharedBusy[frame]! -= 1
      if (pages.sharedBusy[frame] === 0 && pages.wanted[frame] !== 0) kernel.wakeBusy(frame)
    }
  }

  /** vm_object_page_clean, then the delayed buffers: pages that mappings have dirtied go out in rows. Answers an errno. */
  protected *clean(object: number, waits: boolean): Operation<number> {
    const { kernel, volume } = this.context
    const { pages } = kernel
    const isToClean = (frame: number) => frame >= 0 && !pages.isBusy(frame) && this.isDirty(frame)
    for (let frame = pages.lookupFrom(object, 0); frame >= 0;) {
      const index = pages.pageIndex[frame]!
      const row: number[] = []
      for (let next = frame; row.length < CLEAN_PAGES && isToClean(next);) {
        row.push(next)
        next = pages.lookup(object, index + row.length)
      }
      if (row.length > 0) yield* this.flushPages(object, Int32Array.from(row), waits ? PutFlag.sync : PutFlag.clusterOk)
      frame = pages.lookupFrom(object, index + Math.max(1, row.length))
    }
    const errno = yield* this.cache.flush(object, waits)
    volume.flush()
    return errno
  }

  /** Waits until no page from an index on is busy, all of them at a time. */
  protected *waitForPages(object: number, first: number): Operation<void> {
    const { pages } = this.context.kernel
    for (let index = first; ;) {
      const frame = pages.lookupFrom(object, index)
      if (frame < 0) return
      index = pages.pageIndex[frame]! + 1
      if (!pages.isBusy(frame)) continue
      pages.wanted[frame] = 1
      yield { on: 'page', frame }
      // others may have become busy meanwhile
      index = first
    }
  }

  /**
   * For a file that is about to be shorter, once its buffers were cut: at its end nothing beyond is in a buffer or on its way. Pageouts, which
   * the vnode's lock would keep away, may have come in between.
   */
  protected *quieten(object: number, sizeBytes: number): Operation<void> {
    const firstBlock = Math.ceil(sizeBytes / this.context.volume.blockSize)
    for (;;) {
      yield* this.waitForPages(object, Math.floor(sizeBytes / PAGE_SIZE))
      if (!this.cache.hasBlocks(object, firstBlock)) return
      yield* this.cache.invalidate(object, firstBlock)
    }
  }

  /**
   * vinvalbuf: all that is dirty of a file is written, and its buffers go; what is stored meanwhile, too. At its end the pages may be
   * freed at once. Answers an errno.
   */
  protected *vacate(object: number): Operation<number> {
    let errno = 0
    for (let round = 0; round < SYNC_ROUNDS; round++) {
      errno = yield* this.sync(object, true)
      yield* this.cache.invalidate(object, 0)
      yield* this.waitForPages(object, 0)
      if (errno !== 0 || !this.#hasDirtyPage(object)) break
    }
    this.sent.cutOff(object)
    return errno
  }

  #hasDirtyPage(object: number): boolean {
    const { pages } = this.context.kernel
    for (let frame = pages.firstPage[object]!; frame >= 0; frame = pages.listNext[frame]!)
      if (this.isDirty(frame)) return true
    return false
  }

  /** VOP_WRITE of new bytes into a file that is long enough. Answers an errno. */
  protected *store(
    object: number,
    file: number,
    offset: number,
    lengthBytes: number,
    flags: number,
  ): Operation<number> {
    const { truth } = this.context
    const result = yield* this.cache.write(object, file, offset, lengthBytes, flags, (frame, from, to) =>
      truth.write(frame, from, to),
    )
    return result.errno
  }

  // buffers of their own are NetBSD's
  bufferDone(): void {}

  isRequestOver(request: number): boolean {
    return this.context.device.isOver(request)
  }
  isBufferDone(buffer: number): boolean {
    return this.cache.isUnlocked(buffer)
  }
  witness(wait: VnodeWait): number {
    if (wait.on !== 'output') return 0
    return wait.vnode === -1 ? this.cache.runningBytes : this.cache.room
  }
}
