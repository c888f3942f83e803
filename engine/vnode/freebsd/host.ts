/**
 * What the FreeBSD vnode pager asks of the rest of the kernel: the operations of the file system on a vnode, the pages'
 * allocator and contents, and messages.
 *
 * Whatever may sleep is an `Operation` (operation.ts), the pager's own entry points too.
 */
import type { Operation, TransferResult } from '../operation.ts'

/** Where a file block lies. On an error only `errno` means something. */
export interface BlockMapping {
  errno: number
  /** First device sector, -1: a hole. */
  sector: number
  /** Blocks that follow, and that precede, without a gap on the device; 0 where runs were not asked for. */
  runAfter: number
  runBefore: number
}

export type VnodeMessageId = 'vnode-read-error' | 'vnode-put-metadata' | 'vnode-write-error' | 'vnode-write-residual'

export interface FreebsdVnodeHost {
  // ---- the vnode's operations ------------------------------------------------------------------------------

  /** VOP_BMAP. A negative or a far block is a hole like any other that the file does not have. */
  bmap(vnode: number, block: number, wantsRuns: boolean): Operation<BlockMapping>
  /**
   * A read of `lengthBytes` from a device sector on into the pages of `frames`, one after another, `pageOffset` bytes into the
   * first. Answers 0 or EIO; a failing read moves nothing.
   */
  readDevice(
    vnode: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    pageOffset: number,
  ): Operation<number>
  /** VOP_READ to the start of a page. */
  read(vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult>
  /** VOP_WRITE of bytes that already lie in the object's pages `frames`, the first of which begins at `offset`. `flags`: IoFlag. */
  write(
    vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult>
  /** VOP_GETATTR: the size in bytes, or an errno. */
  fileSize(vnode: number): Operation<{ errno: number; sizeBytes: number }>
  /** Waits until the mount lets writes begin, and locks the vnode: vn_start_write, vn_lock. */
  startWrite(vnode: number): Operation<void>
  finishWrite(vnode: number): void
  /** The last use of a vnode has gone. */
  vnodeUnused(vnode: number): void

  // ---- objects and pages -----------------------------------------------------------------------------------

  /** vm_object_terminate: marks the object dead, frees its pages and calls the pager's `deallocate`. */
  terminateObject(object: number): Operation<void>
  /** Somebody who waits for a dead object to be disconnected goes on. */
  wakeObject(object: number): void
  /** vm_page_free: the page leaves its object, whoever waits for it goes on. */
  freePage(frame: number): void
  /** Lets go of an exclusively busy page. */
  releaseBusy(frame: number): void
  /** vm_object_page_remove of [first, end): frees resident pages, keeps wired ones invalid and clean, and drops cached ones. */
  removePages(object: number, first: number, end: number): void
  /** Fills bytes of a page with zeros, through the kernel's mapping. */
  zero(frame: number, offset: number, lengthBytes: number): void
  isWriteMapped(frame: number): boolean
  /** Free pages are below what the page daemon keeps for itself (v_pageout_free_min). */
  isMemoryLow(): boolean

  // ---- the page cache of 2013, which kept clean pages without a frame: a later VM has none and answers false ---

  isCached(object: number, pageIndex: number): boolean
  /** Drops the cached pages of [first, end). */
  freeCached(object: number, first: number, end: number): void

  // ---- the log ---------------------------------------------------------------------------------------------

  /** `a` is the vnode; `b` the byte offset, the page index, the errno or the bytes left, by kind of message. */
  message(id: VnodeMessageId, a: number, b: number): void
  /** Virtual time, for the limit on messages. */
  nowNs(): number
}
