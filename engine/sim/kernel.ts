/**
 * What the parts of a machine share: its state, its clock, and the few things that any of them may have to ask for.
 */
import type { ObjectOriginKind } from './objectOrigin.ts'
import type { SwapPager } from '../swap/pager.ts'
import type { Contents } from '../vm/contents.ts'
import type { Mappings } from '../vm/mappings.ts'
import type { VmPages } from '../vm/pages.ts'
import type { Thresholds } from '../vm/thresholds.ts'
import type { Files } from '../vnode/files.ts'
import type { EventQueue } from './eventQueue.ts'

/** Types of events in the queue; the argument is a buffer, a file request or nothing. */
export const QueueEvent = {
  swapRequest: 1,
  fileRequest: 2,
  daemon: 3,
  laundry: 4,
  retry: 5,
  fileTransfer: 6,
  syncer: 7,
} as const

/** What a process, or the laundry, waits for. */
export const WaitFor = { nothing: 0, page: 1, busy: 2, memory: 3, process: 4, file: 5, readBuffer: 6 } as const

/** Why somebody is killed: VM_OOM_MEM, VM_OOM_SWAPZ, VM_OOM_MEM_PF; or, in this machine, nothing that could wake anybody is left. */
export const outOfMemoryReasons = ['memory', 'swap-metadata', 'stuck-fault', 'nothing-left'] as const
export type OutOfMemoryReason = (typeof outOfMemoryReasons)[number]

export interface Kernel {
  readonly pages: VmPages
  readonly mappings: Mappings
  readonly contents: Contents
  readonly pager: SwapPager
  readonly queue: EventQueue
  /** The files, where a kernel's vnode pager moves them. */
  readonly files: Files | null
  readonly thresholds: Thresholds
  /** Counters by Counter of metrics.ts. */
  readonly counters: Float64Array
  /** Virtual time, ns. */
  readonly now: number

  /** Records an event. Its columns are those of events.ts; `time` is now. */
  emit(
    kind: number,
    process: number,
    object: number,
    page: number,
    pages: number,
    device: number,
    block: number,
    duration: number,
    detail: number,
  ): void

  /** An object was made: to be mapped from page `startPage` of a process on, or one with a name. Tells what objects are; changes nothing. */
  objectMade(object: number, kind: ObjectOriginKind, process: number, startPage: number, name?: string): void

  /** Takes a page for ordinary use: -1 where only the reserve is left. Wakes the page daemon when it is needed. */
  allocatePage(object: number, pageIndex: number): number
  /** Takes a page for the kernel's own needs (VM_ALLOC_SYSTEM), from the reserve too; -1 where only the interrupts' is left. */
  allocateSystemPage(object: number, pageIndex: number): number
  /** Somebody waits for memory: the page daemon is to see to it. */
  memoryWanted(): void
  /** Unmaps a page and gives its frame back. */
  freePage(frame: number): void
  /** A page that was to give its frame did not: who waits for memory tries again. */
  retryAllocations(): void
  /** Lets go of a page's exclusive busy state and wakes who waits for it. */
  releaseBusy(frame: number): void
  /** Whoever waits for a page that is no longer busy goes on. */
  wakeBusy(frame: number): void
  /** Whether the machine is laundering: what the pager takes for the current process. */
  setPageDaemon(running: boolean): void
  /** Somebody must be killed. */
  outOfMemory(reason: OutOfMemoryReason): void
  /** The user whose swap a process's memory is charged to. */
  userOf(process: number): number
}
