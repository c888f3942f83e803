/**
 * What the DragonFly vnode pager asks of the rest of the kernel: the operations of the file system on a vnode, the pages' frames,
 * mappings and contents, and messages.
 *
 * Whatever may sleep is an `Operation` (operation.ts), the pager's own entry points too. A wait may end early: the pager looks again
 * and waits again.
 */
import type { Operation, TransferResult } from '../operation.ts'

/** The device offset that bmap answers for a hole, and the size of a file that is not known: NOOFFSET. */
export const NO_OFFSET = -1

/** Where a block of a file lies. On an error only `errno` means something. */
export interface BlockMapping {
  errno: number
  /** Byte offset on the device, NO_OFFSET: a hole. */
  deviceOffset: number
}

export interface DragonflyVnodeHost {
  // ---- the vnode's operations ------------------------------------------------------------------------------

  /** VOP_BMAP of a byte offset, a multiple of the block size. An offset that the file does not have is a hole. */
  bmap(vnode: number, offset: number): Operation<BlockMapping>
  /**
   * VOP_READ of `lengthBytes` from `offset` on, by way of the buffer cache, into the pages of `frames`, the first of which begins
   * there. The pages are soft-busy. A sector that is valid keeps its contents; one that is not is filled, with zeros beyond what
   * could be read, and is valid then. `sequential`: 0 or SEQUENTIAL_MAX.
   */
  read(
    vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult>
  /** VOP_WRITE of bytes that already lie in the pages of `frames`, the first of which begins at `offset`. `flags`: IoFlag. */
  write(
    vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult>
  /**
   * VOP_GETPAGES: a PagerResult, or EOPNOTSUPP where the file system has no such operation. A file system on a local disk
   * hands it to the pager's `genericGetPages`.
   */
  getPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    required: number,
    isSequential: boolean,
  ): Operation<number>
  /** VOP_PUTPAGES: as getPages; a file system on a local disk hands it to `genericPutPages`. */
  putPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    flags: number,
    results: Uint8Array,
  ): Operation<number>
  /** vget, shared: another reference and a lock, or an errno and neither. */
  lockVnode(vnode: number): Operation<number>
  /** vput: takes back what lockVnode gave. */
  unlockVnode(vnode: number): void
  /** Whoever waits on a vnode goes on. */
  wakeVnode(vnode: number): void

  // ---- objects and pages -----------------------------------------------------------------------------------

  /** Lets go of all swap space of an object; the swap cache may have given it some. */
  freeSwapSpace(object: number): void
  /** vm_page_free: takes the page from all mappings and out of its object; whoever waits for it goes on. */
  freePage(frame: number): void
  /** vm_page_wakeup: lets go of an exclusively busy page; whoever waits for it goes on. */
  releaseBusy(frame: number): void
  /** Takes a page from all mappings. If one of them has modified it, the whole page is dirty then. vm_page_protect(VM_PROT_NONE). */
  unmapPage(frame: number): void
  /** Fills bytes of a page with zeros, through the kernel's mapping. */
  zero(frame: number, offset: number, lengthBytes: number): void
  /** Free and cached pages are below what the page daemon keeps for itself (v_pageout_free_min). */
  isMemoryLow(): boolean

  // ---- the log ---------------------------------------------------------------------------------------------

  /** A message of messages.ts with its figures. */
  message(id: VnodeMessageId, a: number, b: number, c: number): void
  /** Virtual time, for the limits on messages. */
  nowNs(): number
}

export type VnodeMessageId =
  | 'vnode-object-size-mismatch'
  | 'vnode-file-size-mismatch'
  | 'vnode-page-not-read'
  | 'vnode-read-error'
  | 'vnode-put-stale'
  | 'vnode-put-metadata'
  | 'vnode-write-error'
  | 'vnode-write-residual'
  | 'vnode-lock-retry'
