/**
 * Plain replacement policies in the page daemon's place: LRU, FIFO, CLOCK.
 *
 * All pages are on one queue, the active one. For FIFO its order is that of loading, for LRU that of the last reference (the machine's
 * reference loop moves a page to the tail). CLOCK goes round the frames in place, with one reference bit each that is 0 when a page is loaded.
 * With thresholds 0 a page is taken when one is needed and not before; otherwise pages are taken below `freeMin` until there
 * are `freeTarget`. A dirty page is written first and taken when the write has ended.
 */
import { EventKind } from '../sim/events.ts'
import type { Columns } from '../sim/columns.ts'
import type { Kernel } from '../sim/kernel.ts'
import { Counter } from '../sim/metrics.ts'
import { PagerResult, Wait } from '../swap/pager.ts'
import { ClusterGatherer } from './cluster.ts'
import type { PagerVariant, VictimView } from '../swap/variant.ts'
import type { PageDaemon } from './pageDaemon.ts'
import { ObjectType, Queue } from './pages.ts'

export type PolicyName = 'lru' | 'fifo' | 'clock'

export class PolicyDaemon implements PageDaemon {
  readonly #kernel: Kernel
  readonly #policy: PolicyName
  readonly #gatherer: ClusterGatherer
  readonly #chooseVictim: NonNullable<PagerVariant['chooseVictim']> | null
  /** What a variant that chooses victims is shown. */
  readonly #view: VictimView
  /** Pages that are taken as soon as their write has ended. */
  #isVictim: Uint8Array
  /** [0] victims being written, [1] the hand, [2] a pageout that stopped, -1 none. */
  #state: Float64Array

  constructor(columns: Columns, kernel: Kernel, policy: PolicyName, variant?: PagerVariant) {
    this.#kernel = kernel
    this.#policy = policy
    this.#gatherer = new ClusterGatherer(kernel, () => true, variant?.joinCluster)
    this.#chooseVictim = variant?.chooseVictim ?? null
    this.#isVictim = columns.define('policy.isVictim', 'u8', kernel.pages.frames)
    this.#state = columns.define('policy.state', 'f64', 3)
    this.#state[2] = -1
    kernel.pages.isOneQueue = true
    const { pages } = kernel
    this.#view = {
      frames: pages.frames,
      first: () => this.#oldest(),
      after: (frame) => this.#mayTakeFrom(pages.next[frame]!),
      mayTake: (frame) => this.#mayTake(frame),
      isDirty: (frame) => pages.dirty[frame] !== 0 || pages.hardwareModified[frame] !== 0,
      isReferenced: (frame) => pages.hardwareReferenced[frame] !== 0,
      object: (frame) => pages.object[frame]!,
      pageIndex: (frame) => pages.pageIndex[frame]!,
    }
    columns.onRebind(() => {
      this.#isVictim = columns.get('policy.isVictim', 'u8')
      this.#state = columns.get('policy.state', 'f64')
    })
  }

  get isBusy(): boolean {
    return this.#state[0]! > 0
  }

  event(): void {}
  devicesChanged(): void {}

  needed(): void {
    const { pages, thresholds } = this.#kernel
    while (pages.freeCount + this.#state[0]! < thresholds.freeTarget && this.#state[2]! < 0) if (!this.#take()) return
  }

  reclaim(): boolean {
    if (this.#state[2]! >= 0) return false
    const { pages } = this.#kernel
    const before = pages.freeCount
    // a write that failed at once leaves its page where it is: another is tried
    for (let tries = 0; tries < pages.frames && this.#take(); tries++) {
      if (pages.freeCount > before) return true
      if (this.#state[0]! > 0) return false
    }
    return false
  }

  pageUsed(frame: number): void {
    const { pages } = this.#kernel
    if (this.#isVictim[frame] !== 0 && this.#isOfFile(frame)) {
      this.#isVictim[frame] = 0
      this.#state[0]! -= 1
    }
    if (this.#policy === 'lru' || pages.queue[frame] === Queue.none) pages.enqueue(frame, Queue.active)
  }

  pageWritten(frame: number): void {
    if (this.#isVictim[frame] === 0) return
    const { pages } = this.#kernel
    // somebody else is writing a page of a file too: its end will be told as well
    if (pages.object[frame]! >= 0 && this.#isOfFile(frame) && pages.isBusy(frame)) return
    this.#isVictim[frame] = 0
    this.#state[0]! -= 1
    // a vnode pager may have freed it itself
    if (pages.object[frame]! < 0) return
    if (pages.isBusy(frame) || pages.wired[frame] !== 0) return
    this.#kernel.mappings.removeAll(frame)
    if (pages.dirty[frame] === 0) return this.#evict(frame)
    // the write failed: it goes to the end of the line, and who waits for memory tries another
    pages.enqueue(frame, Queue.active)
    this.#kernel.retryAllocations()
  }

  continueLaundry(): void {
    const operation = this.#state[2]!
    if (operation < 0) return
    this.#kernel.setPageDaemon(true)
    const wait = this.#kernel.pager.continuePutPages(operation)
    this.#kernel.setPageDaemon(false)
    if (wait !== Wait.none) return
    this.#state[2] = -1
    this.#endFlush(operation)
  }

  /** The page that is to go, -1: none. */
  #victim(): number {
    const { pages } = this.#kernel
    for (let tries = 0; tries < pages.frames; tries++) {
      let frame = this.#policy === 'clock' ? this.#underHand() : this.#oldest()
      if (this.#chooseVictim) frame = this.#chooseVictim(this.#view, frame)
      if (frame < 0 || !this.#mustStay(frame)) return frame
      pages.enqueue(frame, Queue.active)
    }
    return -1
  }

  /** A dirty page that cannot be written now: of a file that was cut off, that is being cut, or on a file system that is suspended. */
  #mustStay(frame: number): boolean {
    const { pages, mappings, files } = this.#kernel
    const type = pages.objectType[pages.object[frame]!]
    if (type === ObjectType.dead) {
      mappings.testDirty(frame)
      return pages.dirty[frame] !== 0
    }
    return type === ObjectType.file && files?.isHeld(frame) === true && files.pager.isDirty(frame)
  }

  /** Takes one page: frees it if it is clean, begins to write it if it is dirty. False if there is none to take. */
  #take(): boolean {
    const { pages, mappings, pager, files } = this.#kernel
    const frame = this.#victim()
    if (frame < 0) return false
    // a vnode pager may know of stores otherwise
    const wasDirty = this.#isOfFile(frame) && files!.pager.isDirty(frame)
    mappings.removeAll(frame)
    if (pages.dirty[frame] === 0 && !wasDirty) {
      this.#evict(frame)
      return true
    }
    const count = this.#gatherer.gather(frame)
    const { frames, first } = this.#gatherer
    const object = pages.object[frame]!
    if (this.#isOfFile(frame)) return this.#putFile(frame, frames.slice(first, first + count))
    for (let i = first; i < first + count; i++) pages.sharedBusy[frames[i]!]! += 1
    pages.pagingInProgress[object]! += count
    this.#isVictim[frame] = 1
    this.#state[0]! += 1
    this.#kernel.setPageDaemon(true)
    const operation = pager.beginPutPages(object, frames, first, count, false)
    const wait = pager.continuePutPages(operation)
    this.#kernel.setPageDaemon(false)
    if (wait === Wait.none) return this.#endFlush(operation)
    this.#state[2] = operation
    return true
  }

  #isOfFile(frame: number): boolean {
    const { pages, files } = this.#kernel
    return files !== null && pages.objectType[pages.object[frame]!] === ObjectType.file
  }

  /** Has the vnode pager put a victim and its neighbours out. One that stays dirty goes to the end of the line. */
  #putFile(victim: number, frames: Int32Array): boolean {
    const { pages, files } = this.#kernel
    const object = pages.object[victim]!
    this.#isVictim[victim] = 1
    this.#state[0]! += 1
    const settle = () => {
      if (this.#isVictim[victim] === 0 || pages.isBusy(victim)) return
      this.pageWritten(victim)
      if (pages.object[victim]! >= 0) pages.enqueue(victim, Queue.active)
    }
    if (files!.pageOut(object, frames, settle)) settle()
    return true
  }

  /** Settles the pages that were not sent; false if none was. */
  #endFlush(operation: number): boolean {
    const { pages, pager } = this.#kernel
    const object = pager.operationObject[operation]!
    const count = pager.operationCount[operation]!
    let sent = 0
    for (let i = 0; i < count; i++) {
      if (pager.putResult(operation, i) === PagerResult.pend) {
        sent += 1
        continue
      }
      const frame = pager.operationFrame(operation, i)
      if (this.#isVictim[frame] !== 0) {
        this.#isVictim[frame] = 0
        this.#state[0]! -= 1
        // there is no space for it: it goes to the end of the line, so that another is tried next
        pages.enqueue(frame, Queue.active)
      }
      pages.pagingInProgress[object]! -= 1
      pages.sharedBusy[frame]! -= 1
      if (pages.sharedBusy[frame] === 0) this.#kernel.releaseBusy(frame)
    }
    pager.endPutPages(operation)
    return sent > 0
  }

  #mayTake(frame: number): boolean {
    const { pages } = this.#kernel
    return (
      pages.queue[frame] === Queue.active &&
      !pages.isBusy(frame) &&
      pages.wired[frame] === 0 &&
      pages.objectType[pages.object[frame]!] !== ObjectType.kernel
    )
  }

  #oldest(): number {
    return this.#mayTakeFrom(this.#kernel.pages.queueHead[Queue.active]!)
  }

  /** The first page that may be taken from a place of the queue on, or -1. */
  #mayTakeFrom(frame: number): number {
    const { pages } = this.#kernel
    while (frame >= 0 && !this.#mayTake(frame)) frame = pages.next[frame]!
    return frame
  }

  #underHand(): number {
    const { pages } = this.#kernel
    let hand = this.#state[1]!
    for (let looked = 0; looked < 2 * pages.frames + 1; looked++) {
      const frame = hand
      hand = hand + 1 === pages.frames ? 0 : hand + 1
      if (!this.#mayTake(frame)) continue
      if (pages.hardwareReferenced[frame] !== 0) {
        pages.hardwareReferenced[frame] = 0
        continue
      }
      this.#state[1] = hand
      return frame
    }
    return -1
  }

  #evict(frame: number): void {
    const { pages, counters } = this.#kernel
    this.#kernel.emit(EventKind.evict, -1, pages.object[frame]!, pages.pageIndex[frame]!, 1, -1, frame, 0, 0)
    counters[Counter.evictions]! += 1
    this.#kernel.freePage(frame)
  }
}
