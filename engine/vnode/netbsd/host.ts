/**
 * What the NetBSD vnode pager asks of the rest of the kernel: the operations of the file system on a vnode, devices, the
 * syncer, the pages' allocator, mappings and contents, and the memory of a process for direct I/O.
 *
 * Whatever may sleep is an `Operation` (operation.ts), the pager's own entry points too.
 */
import type { Operation, TransferResult } from '../operation.ts'

/** Bits of a request to get or put pages: PGO_CLEANIT and so on. */
export const RequestFlag = {
  cleanIt: 0x001,
  syncIo: 0x002,
  deactivate: 0x004,
  free: 0x008,
  locked: 0x010,
  allPages: 0x020,
  overwrite: 0x040,
  pastEof: 0x080,
  noBlockAllocation: 0x100,
  noTimestamp: 0x200,
  busyFail: 0x400,
  journalLocked: 0x800,
  reclaim: 0x1000,
} as const

/** Bits of a note that a file was used: GOP_UPDATE_ACCESSED, GOP_UPDATE_MODIFIED. */
export const UpdateFlag = { accessed: 1, modified: 2 } as const

/** Where a file block lies. On an error only `errno` means something. */
export interface BlockMapping {
  errno: number
  /** Number of the first device block, -1: a hole. */
  deviceBlock: number
  /** File blocks that follow without a gap on the device, or within the same hole. */
  runAfter: number
}

export interface NetbsdVnodeHost {
  // ---- the vnode's operations and the mount ----------------------------------------------------------------

  /** VOP_BMAP. */
  bmap(vnode: number, block: number): Operation<BlockMapping>
  /** GOP_SIZE: how far a file of `sizeBytes` reaches on the device, or in memory. */
  extent(vnode: number, sizeBytes: number, isMemory: boolean): number
  /** GOP_ALLOC: gives every block that the bytes touch a place on the device. Answers an errno. */
  allocateBlocks(vnode: number, offset: number, lengthBytes: number): Operation<number>
  /** GOP_MARKUPDATE. `how`: UpdateFlag. */
  markUpdate(vnode: number, how: number): void
  /** VOP_READ of at most `lengthBytes` to the start of a page. */
  read(vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult>
  /** VOP_WRITE of whole pages. Answers an errno. */
  write(vnode: number, offset: number, frames: Int32Array): Operation<number>
  /** The vnode has dirty blocks of metadata (v_dirtyblkhd). */
  hasDirtyBlocks(vnode: number): boolean
  /** The vnode came onto the syncer's worklist, or left it: vn_syncer_add_to_worklist, vn_syncer_remove_from_worklist. */
  worklistChanged(vnode: number, isOn: boolean): void
  /** fstrans_start: waits until the file system is not suspended. */
  startTransaction(vnode: number): Operation<void>
  /** fstrans_start_nowait, for the page daemon. Answers an errno. */
  tryStartTransaction(vnode: number): number
  finishTransaction(vnode: number): void
  /** WAPBL_BEGIN, on mounts with a journal. Answers an errno. */
  beginJournal(vnode: number): Operation<number>
  endJournal(vnode: number): void

  // ---- devices ---------------------------------------------------------------------------------------------

  /** VOP_STRATEGY: starts a buffer's I/O. The host calls `requestDone` when it is over, from within this call if it likes. */
  startRequest(buffer: number): void
  /** Somebody who waits for a buffer, or for a vnode's output, may go on. */
  wakeBuffer(buffer: number): void
  wakeOutput(vnode: number): void

  // ---- pages -----------------------------------------------------------------------------------------------

  /** uvm_pagealloc: a page at the end of the object's list, exclusively busy, on no queue; -1: no frame is free. */
  allocatePage(object: number, pageIndex: number): number
  /** uvm_pagefree: unmaps a page and gives its frame back. */
  freePage(frame: number): void
  /** Who sleeps on this page goes on. */
  wakePage(frame: number): void
  /** Who waits for the node's lock goes on. */
  wakeNodeLock(vnode: number): void
  /** Memory for an array of that many pages (kmem_zalloc). Answers whether there is any; with `maySleep` there always is. */
  allocatePageArray(pages: number, maySleep: boolean): boolean
  /** Pages enter the kernel's own mapping for I/O, to be filled or to be written out: uvm_pagermapin. */
  mapForTransfer(pages: number, isFilled: boolean): void
  /** pmap_page_protect: takes all mappings of a page away, or only the right to write. */
  removeMappings(frame: number): void
  writeProtect(frame: number): void
  /** Fills bytes of a page with zeros. */
  zero(frame: number, offset: number, lengthBytes: number): void
  /** Pages begin, or end, being paged out by the page daemon: uvm_pageout_start, uvm_pageout_done. */
  pageoutStarted(pages: number): void
  pageoutDone(pages: number): void
  /** The page daemon got a page free (uvmexp.pdfreed). */
  pageFreedByDaemon(): void

  // ---- who runs --------------------------------------------------------------------------------------------

  /** Whether what runs now is the page daemon. */
  isPageDaemon(): boolean
  /** Others wait for the processor (SPCF_SHOULDYIELD). */
  shouldYield(): boolean

  // ---- memory of a process ---------------------------------------------------------------------------------

  /** uvm_vslock: wires user memory; `isWritten`: the device will fill it. Answers an errno. */
  wireUserMemory(space: number, address: number, lengthBytes: number, isWritten: boolean): Operation<number>
  unwireUserMemory(space: number, address: number, lengthBytes: number): void
  zeroUserMemory(space: number, address: number, lengthBytes: number): void
}
