/**
 * What the fault handler, the page daemon and the verbs of a workload ask of a kernel's vnode pager, whichever it is.
 *
 * Each kernel's adapter (freebsd/adapter.ts and so on) says who allocates the pages of a read, frees those that are not needed,
 * lets go of them, and clips a request to the file; and what lies around the pager in that kernel: read-ahead, buffer cache or UBC.
 */
import type { Operation } from './operation.ts'
import type { SendRequest, VnodeLock } from './sendFile.ts'
import type { WaitJudge } from './tasks.ts'

export type FilePagerName = 'freebsd' | 'dragonfly' | 'netbsd'
export const filePagerNames: readonly FilePagerName[] = ['freebsd', 'dragonfly', 'netbsd']

/** A fault on a page of a file. */
export interface FileFault {
  object: number
  pageIndex: number
  isWrite: boolean
  /** Map entry (RegionTable), whose read-ahead state the kernel keeps there, and the pages of it before and after the faulting one. */
  region: number
  pagesBefore: number
  pagesAfter: number
  /** Set where the page turned out to be in memory. */
  wasResident: boolean
}

/** What the kernel itself counts, under its own names. */
export type OwnCounters = Readonly<Record<string, number>>

/** How a file is written: O_SYNC, O_DIRECT. */
export interface WriteManner {
  isSync: boolean
  isDirect: boolean
}

export interface FilePager extends WaitJudge {
  readonly name: FilePagerName
  /** A vnode for a file of the volume, and its object. One descriptor holds the vnode; nobody refers to the object yet. Answers the object. */
  openFile(file: number, isDevice: boolean): number
  /** Another descriptor holds the vnode, or one less: open(2), close(2). */
  opened(object: number): void
  closed(object: number): void
  /** The VM has another reference to the object, or one less. */
  referenced(object: number): void
  released(object: number): void
  /** A mapping, which has its reference, begins or is about to go; `storedBytes` of it, if any, are shared and may be stored into. */
  mapped(object: number, storedBytes: number): void
  unmapped(object: number, storedBytes: number): void
  /** A descriptor or a mapping holds the file. */
  isUsed(object: number): boolean
  /**
   * Takes the vnode from its file, whoever uses it: what is dirty is written, then the pages go, and mappings are cut off. vgone, vclean.
   * Answers the errno of the writes.
   */
  reclaim(object: number): Operation<number>
  /** A new map entry backed by a file, which begins at a page of it. */
  newRegion(region: number, firstPage: number): void
  /** A resident page cannot simply be mapped: the pager wants to be asked. */
  mustAsk(frame: number, isWrite: boolean): boolean
  /** A resident page has its contents. */
  isFilled(frame: number): boolean
  /** The page of a fault: its frame, exclusively busy and filled, or a PageOutcome below 0. */
  getPage(fault: FileFault): Operation<number>
  /** Whether a page of a shared mapping may be stored into without another fault. */
  mayMapWritable(frame: number, isWrite: boolean): boolean
  /** A fault that stores has been resolved with this page: it is dirty. */
  stored(frame: number): void
  /** Whether a page must be written before its frame can be taken. Looks at the mappings' modified bits. */
  isDirty(frame: number): boolean
  /**
   * The page daemon puts pages next to each other out; they are neither busy nor mapped writable. When it is over they are clean, or
   * on their way, or still dirty and active.
   */
  pageOut(object: number, frames: Int32Array): Operation<void>
  /** read(2): brings the bytes into memory; `isDirect` (O_DIRECT): where the kernel can, not into the file's pages. Answers an errno. */
  read(object: number, offset: number, lengthBytes: number, isDirect: boolean): Operation<number>
  /** write(2). Answers an errno. */
  write(object: number, offset: number, lengthBytes: number, how: WriteManner): Operation<number>
  /** sendfile(2): returns when the last page is on the socket. Answers an errno. */
  send(request: SendRequest, lock: VnodeLock): Operation<number>
  /** ftruncate(2). Answers an errno. */
  truncate(object: number, sizeBytes: number): Operation<number>
  /** Puts what is dirty of a file out: fsync(2), which waits, or the syncer, which does not. */
  sync(object: number, waits: boolean): Operation<number>
  /** Nothing of the file system changes for some virtual time. Answers an errno. */
  suspend(durationNs: number): number
  /** That is so now: the page daemon is to pass dirty pages by. */
  readonly isSuspended: boolean
  /** The page daemon and the syncer take a vnode's lock. */
  readonly pageoutsLock: boolean
  /** A NetBSD buffer's request is over. */
  bufferDone(buffer: number, errno: number): void
  ownCounters(): OwnCounters
}
