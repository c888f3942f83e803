/**
 * What the three vnode pagers share with each other and with whoever runs them: operations that may sleep, what they wait for,
 * errors, and the bits of requests that all of the kernels have alike.
 *
 * Whatever may sleep is an `Operation`: a generator that yields what it waits for and is resumed when that may have happened. It looks
 * again after each wait, so being resumed too early does no harm. Waits pass through `yield*` to whoever runs the outermost one.
 */

/** What a stopped operation waits for. */
export type VnodeWait =
  /** A busy page; its `wanted` mark is set. */
  | { on: 'page'; frame: number }
  /** Paging on an object. */
  | { on: 'paging'; object: number }
  /** A dead object that is about to be taken away from its vnode. */
  | { on: 'dead-object'; object: number }
  /** The pointer from a vnode to its object, held by somebody else (DragonFly). */
  | { on: 'vnode'; vnode: number }
  /** A free frame. */
  | { on: 'memory' }
  /** The end of a buffer's I/O, or a locked buffer of the cache. */
  | { on: 'buffer'; buffer: number }
  /** One of a vnode's writes to end; of all vnodes' together where there is none (below 0). */
  | { on: 'output'; vnode: number }
  /** The lock that holds truncation off (NetBSD). */
  | { on: 'node-lock'; vnode: number }
  /** Calls on a file to end. */
  | { on: 'call'; isOver: () => boolean }
  /** Its turn on the processor: others are to run first. */
  | { on: 'processor' }
  /** Nothing but time. */
  | { on: 'pause'; durationNs: number }
  /** Something that the host began; the number is the host's. */
  | { on: 'host'; request: number }

export type Operation<Result> = Generator<VnodeWait, Result, void>

/** Waits for what calls on files change among themselves. */
export function* until(isOver: () => boolean): Operation<void> {
  while (!isOver()) yield { on: 'call', isOver }
}

/** Errors that the pagers tell apart or make themselves. */
export const Errno = {
  none: 0,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EDEADLK: 11,
  ENOMEM: 12,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EOPNOTSUPP: 45,
  ENOSYS: 78,
} as const

/** Bits of a request to write pages: VM_PAGER_PUT_SYNC (which is OBJPC_SYNC), VM_PAGER_PUT_INVAL, VM_PAGER_CLUSTER_OK. */
export const PutFlag = { sync: 1, invalidate: 2, clusterOk: 8 } as const

/** Bits of a read or write operation: IO_VMIO, IO_SYNC, IO_ASYNC, IO_INVAL, IO_DIRECT. */
export const IoFlag = { fromPages: 1, sync: 2, async: 4, invalidate: 8, direct: 16 } as const

/** IO_SEQMAX: the file system is to read ahead and to cluster as much as it ever does. */
export const SEQUENTIAL_MAX = 127

/** The end of a read or write: an error does not take back what was moved before it. */
export interface TransferResult {
  errno: number
  doneBytes: number
}

/** How the page of a fault was not got: what an adapter answers in place of a frame. */
export const PageOutcome = {
  /** The file does not have it: the next object of the chain is asked, or the page is zero. */
  none: -1,
  /** It cannot be read: the process is signalled. */
  failed: -2,
  /** Something changed meanwhile: the fault begins anew. */
  again: -3,
  /** There is no free frame. */
  memory: -4,
} as const
