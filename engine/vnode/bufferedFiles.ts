/**
 * What FreeBSD's and DragonFly's callers of their vnode pagers do alike: both have a buffer cache over the pages of files, and the
 * same page daemon's and syncer's way of putting pages out.
 *
 * Source of the behaviour: vm_pageout.c (vm_pageout_flush), vm_object.c (vm_object_page_clean), and both kernels' buffer cache.
 */
import { ALL_SECTORS } from '../vm/pages.ts'
import { BufferCache } from './bufferCache.ts'
import type { FileContext } from './context.ts'
import { PutFlag, type Operation, type VnodeWait } from './operation.ts'
import { SentPages } from './sendFile.ts'

/** vm_object_page_clean puts out so many pages at a time. */
const CLEAN_PAGES = 32

export abstract class BufferedFiles {
  readonly cache: BufferCache
  protected readonly context: FileContext
  protected readonly sent: SentPages

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
