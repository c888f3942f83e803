/**
 * Resolving page faults: an explicit state machine, one row per process.
 *
 * resolve() is called with the reference that could not be made. It answers `resolved` once the page is mapped (the
 * reference counts as made), `blocked` where the process must wait (the row says for what; resolve() is called again then and
 * goes on where it stopped), or `failed` where the process is to be signalled.
 *
 *   start -> the page is found along the chain of objects: map it
 *         -> nobody has it: zero fill
 *         -> a pager has it: read -> reading -> map it
 *   found in a backing object and to be written: copy, or move where nobody else could see it
 *
 * A region that needs a copy of its object gets it before the first write (VmObjects.shadow). A reference without a region, or without the right to it, fails.
 *
 * Source: FreeBSD vm_fault.c (2020), vm_fault(), vm_fault_readahead(), vm_fault_getpages(), vm_fault_dirty().
 */
import { EventKind, FaultKind } from '../sim/events.ts'
import { WaitFor, type Kernel } from '../sim/kernel.ts'
import { Counter } from '../sim/metrics.ts'
import { PagerResult } from '../swap/pager.ts'
import type { Columns } from '../sim/columns.ts'
import { PageOutcome } from '../vnode/operation.ts'
import type { FilePages } from './filePages.ts'
import type { PageDaemon } from './pageDaemon.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PAGE_SIZE, PageFlag } from './pages.ts'
import { ContentsError } from './contents.ts'
import type { VmObjects } from './objects.ts'
import { RegionAdvice, RegionFlag, type RegionTable } from './regions.ts'

export const FaultOutcome = { resolved: 0, blocked: 1, failed: 2 } as const

const Stage = { none: 0, start: 1, reading: 2, asking: 3 } as const

/** VM_FAULT_READ_AHEAD_MIN */
const READ_AHEAD_MIN = 7

export interface FaultOptions {
  /** VM_FAULT_READ_DEFAULT: pages of an aligned cluster read around a fault out of sequence. */
  readCluster: number
  /** VM_FAULT_READ_AHEAD_MAX */
  readAheadMax: number
  /** A faulting reference leaves the reference bit of the page it loads clear. */
  loadsUnreferenced: boolean
}

export class FaultHandler {
  /** Per process: what it waits for (WaitFor), and which frame or object. */
  declare waitFor: Uint8Array
  declare waitArgument: Int32Array
  #stage: Uint8Array
  #frame: Int32Array
  #kind: Uint8Array
  #started: Float64Array
  readonly #kernel: Kernel
  readonly #regions: RegionTable
  readonly #objects: VmObjects
  readonly #files: FilePages
  readonly #daemon: PageDaemon
  readonly #options: FaultOptions
  readonly #one = new Int32Array(1)

  constructor(
    columns: Columns,
    kernel: Kernel,
    regions: RegionTable,
    objects: VmObjects,
    files: FilePages,
    daemon: PageDaemon,
    processes: number,
    options: FaultOptions,
  ) {
    this.#kernel = kernel
    this.#regions = regions
    this.#objects = objects
    this.#files = files
    this.#daemon = daemon
    this.#options = options
    this.waitFor = columns.define('fault.waitFor', 'u8', processes)
    this.waitArgument = columns.define('fault.waitArgument', 'i32', processes)
    this.#stage = columns.define('fault.stage', 'u8', processes)
    this.#frame = columns.define('fault.frame', 'i32', processes)
    this.#kind = columns.define('fault.kind', 'u8', processes)
    this.#started = columns.define('fault.started', 'f64', processes)
    columns.onRebind(() => {
      this.waitFor = columns.get('fault.waitFor', 'u8')
      this.waitArgument = columns.get('fault.waitArgument', 'i32')
      this.#stage = columns.get('fault.stage', 'u8')
      this.#frame = columns.get('fault.frame', 'i32')
      this.#kind = columns.get('fault.kind', 'u8')
      this.#started = columns.get('fault.started', 'f64')
    })
  }

  /** Resolves the fault of `process` at `mapping`; `access` is a ReferenceKind (1 writes). A FaultOutcome. */
  resolve(process: number, mapping: number, access: number): number {
    const { pages, mappings, pager, files } = this.#kernel
    const isWrite = access === 1
    if (this.#stage[process] === Stage.none) {
      this.#stage[process] = Stage.start
      this.#kind[process] = FaultKind.soft
      this.#started[process] = this.#kernel.now
    }
    const region = mappings.region[mapping]!
    if (region < 0 || !this.#mayAccess(region, isWrite)) return this.#fail(process, mapping, access)
    if (isWrite && (this.#regions.flags[region]! & RegionFlag.needsCopy) !== 0 && !this.#shadow(region))
      return this.#fail(process, mapping, access)
    const flags = this.#regions.flags[region]!
    const top = this.#regions.object[region]!
    const pageIndex = mappings.pageNumber[mapping]! - this.#regions.start[region]! + this.#regions.offset[region]!
    // beyond the end of a shared object that was cut
    if (pageIndex >= pages.objectSize[top]!) return this.#fail(process, mapping, access)
    let frame = -1
    let owner = top
    if (this.#stage[process] === Stage.reading) {
      frame = this.#frame[process]!
      if (pager.isInProgress(frame)) return this.#block(process, WaitFor.page, frame)
      owner = pages.object[frame]!
      this.#stage[process] = Stage.start
      if (!pager.cameIn(frame)) return this.#failRead(process, mapping, access, frame)
    } else if (this.#stage[process] === Stage.asking) {
      frame = files!.answer(process)
      this.#stage[process] = Stage.start
      if (frame === PageOutcome.memory)
        return this.#daemon.reclaim() ? this.resolve(process, mapping, access) : this.#waitForMemory(process)
      if (frame === PageOutcome.failed) return this.#fail(process, mapping, access)
      if (frame >= 0) {
        owner = pages.object[frame]!
        if (!files!.faultOf(process).wasResident) this.#kind[process] = FaultKind.filein
      }
    } else {
      // find who has the page
      let index = pageIndex
      while (owner >= 0) {
        const type = pages.objectType[owner]!
        const isPaged = files !== null && type === ObjectType.file
        frame = isPaged && !files.covers(owner, index) ? -1 : pages.lookup(owner, index)
        if (frame >= 0) {
          if (pages.exclusiveBusy[frame] !== 0 || (isWrite && pages.sharedBusy[frame] !== 0)) {
            pages.wanted[frame] = 1
            this.#kernel.counters[Counter.transitWaits]! += 1
            return this.#block(process, WaitFor.busy, frame)
          }
          if (isPaged && (files.pager.mustAsk(frame, isWrite) || files.isGoing(owner) || !files.pager.isFilled(frame)))
            return this.#ask(process, mapping, region, owner, index, access)
          if (pages.valid[frame] === ALL_SECTORS) {
            pages.exclusiveBusy[frame] = 1
            break
          }
          // an invalid page that a failed read left: begin anew
          this.#kernel.freePage(frame)
          frame = -1
        }
        if (isPaged) {
          if (files.covers(owner, index)) return this.#ask(process, mapping, region, owner, index, access)
        } else if (
          (type === ObjectType.swap && pager.metadata.lookup(owner, index) >= 0) ||
          (type === ObjectType.file && this.#files.hasPage(owner, index))
        ) {
          if (this.#read(process, mapping, region, owner, index) === FaultOutcome.blocked) return FaultOutcome.blocked
          frame = this.#frame[process]!
          if (!pager.cameIn(frame)) return this.#failRead(process, mapping, access, frame)
          break
        }
        index += pages.backingOffset[owner]!
        owner = pages.backing[owner]!
      }
    }
    if (frame < 0) {
      frame = this.#allocate(top, pageIndex)
      if (frame < 0) return this.#waitForMemory(process)
      owner = top
      this.#checkNew(top, pageIndex)
      pages.valid[frame] = ALL_SECTORS
      this.#kind[process] = FaultKind.zeroFill
      // what is in a hole of a file is looked at as it is
      if (files !== null && pages.objectType[top] === ObjectType.file) files.zero(frame)
    }
    // a page on its way out may be read meanwhile, not written
    let writable =
      owner === top && pages.sharedBusy[frame] === 0 && (flags & (RegionFlag.needsCopy | RegionFlag.noWrite)) === 0
    if (isWrite && owner !== top && this.#maySteal(top, owner, frame)) {
      this.#steal(frame, top, pageIndex)
      writable = true
      this.#kind[process] = FaultKind.copyOnWrite
    } else if (isWrite && owner !== top) {
      const copy = this.#allocate(top, pageIndex)
      if (copy >= 0) this.#copy(frame, copy, mapping)
      // fault_page_release: the page may go, but is likely to be asked for again
      pages.deactivate(frame)
      this.#kernel.releaseBusy(frame)
      if (copy < 0) return this.#waitForMemory(process)
      frame = copy
      writable = true
      this.#kind[process] = FaultKind.copyOnWrite
    }
    const isFile = pages.objectType[pages.object[frame]!] === ObjectType.file
    if (isFile && files !== null) {
      if (isWrite) files.pager.stored(frame)
      writable = writable && (flags & RegionFlag.shared) !== 0 && files.pager.mayMapWritable(frame, isWrite)
    } else if (isWrite && pages.dirty[frame] !== ALL_SECTORS) {
      pages.dirty[frame] = ALL_SECTORS
      pages.flags[frame]! &= ~PageFlag.mayVanish
      // the lock-free way: the block is freed later
      if (pages.objectType[pages.object[frame]!] === ObjectType.swap) pager.unswapped(frame, false)
    }
    mappings.enter(mapping, frame, writable && (!isFile || files !== null))
    this.#daemon.pageUsed(frame)
    if (!this.#options.loadsUnreferenced || this.#kind[process] === FaultKind.soft) pages.hardwareReferenced[frame] = 1
    this.#kernel.releaseBusy(frame)
    this.#finish(process, mapping, access, this.#kind[process]!)
    return FaultOutcome.resolved
  }

  /** The process will not come back to a fault that it began: the page it was reading is let go. Its read must be over. */
  abandon(process: number): void {
    if (this.#stage[process] === Stage.reading) {
      const frame = this.#frame[process]!
      const { pages } = this.#kernel
      if (pages.valid[frame] === ALL_SECTORS) {
        this.#daemon.pageUsed(frame)
        this.#kernel.releaseBusy(frame)
      } else this.#kernel.freePage(frame)
    }
    if (this.#stage[process] === Stage.asking) this.#kernel.files?.abandon(process)
    this.#stage[process] = Stage.none
    this.waitFor[process] = WaitFor.nothing
  }

  #mayAccess(region: number, isWrite: boolean): boolean {
    return (this.#regions.flags[region]! & (isWrite ? RegionFlag.noWrite : RegionFlag.noRead)) === 0
  }

  /** Gives a region its own object before a write; false if swap for it is refused. FreeBSD's vm_map_lookup. */
  #shadow(region: number): boolean {
    const regions = this.#regions
    const { pager } = this.#kernel
    if (regions.chargedUser[region]! < 0) {
      const user = this.#kernel.userOf(regions.process[region]!)
      if (!pager.reservation.reserve(regions.pages[region]! * PAGE_SIZE, user)) return false
      regions.chargedUser[region] = user
    }
    this.#objects.shadow(region)
    return true
  }

  /** A page that nobody has must never have been written: else it was lost. */
  #checkNew(top: number, pageIndex: number): void {
    const { pages, contents } = this.#kernel
    let index = pageIndex
    for (let object = top; object >= 0;) {
      const slot = pages.slotBase[object]! + index
      if (
        index < pages.objectSize[object]! &&
        contents.version[slot] !== 0 &&
        pages.objectType[object] !== ObjectType.file
      )
        throw new ContentsError(
          `page ${index} of object ${object} is lost: it was written ${contents.version[slot]!} times, and is neither resident nor in swap`,
        )
      index += pages.backingOffset[object]!
      object = pages.backing[object]!
    }
  }

  /** A private copy of a page: contents and identity. */
  #copy(from: number, to: number, mapping: number): void {
    const { pages, mappings, contents } = this.#kernel
    mappings.remove(mapping)
    pages.valid[to] = ALL_SECTORS
    const slot = pages.slot[to]!
    const source = pages.slot[from]!
    if (slot >= 0 && source >= 0) contents.copy(source, slot)
  }

  /** Whether a page can be moved up instead of copied: nobody but this chain can see it. FreeBSD's vm_fault_cow. */
  #maySteal(top: number, owner: number, frame: number): boolean {
    const { pages } = this.#kernel
    return (
      pages.backing[top] === owner &&
      pages.shadowCount[owner] === 1 &&
      pages.references[owner] === 1 &&
      pages.handle[owner]! < 0 &&
      (pages.objectFlags[owner]! & ObjectFlag.anonymous) !== 0 &&
      pages.sharedBusy[frame] === 0 &&
      pages.wired[frame] === 0
    )
  }

  #steal(frame: number, top: number, pageIndex: number): void {
    const { pages, mappings, contents, pager, counters } = this.#kernel
    const owner = pages.object[frame]!
    const index = pages.pageIndex[frame]!
    const slot = pages.slot[frame]!
    mappings.removeAll(frame)
    pages.rename(frame, top, pageIndex)
    pages.dirty[frame] = ALL_SECTORS
    contents.copy(slot, pages.slot[frame]!)
    // a block stays below, hidden by the page in front, until the object ends
    if (pages.objectType[owner] === ObjectType.swap && pager.metadata.lookup(owner, index) >= 0)
      contents.revertToStored(slot)
    else contents.version[slot] = 0
    counters[Counter.copyOnWriteMoves]! += 1
  }

  /** Reads a page that a pager has into `#frame`: FaultOutcome.resolved if that was over at once, blocked if it takes time or cannot begin. */
  #read(process: number, mapping: number, region: number, owner: number, index: number): number {
    const { pages, pager, counters } = this.#kernel
    if (pages.objectType[owner] === ObjectType.swap && pager.mustWaitToRead())
      return this.#block(process, WaitFor.readBuffer, 0)
    const frame = this.#allocate(owner, index)
    if (frame < 0) return this.#waitForMemory(process)
    const { behind, ahead } = this.#around(region, mapping, index)
    this.#one[0] = frame
    let gotAhead: number
    if (pages.objectType[owner] === ObjectType.swap) {
      if (pager.getPages(owner, this.#one, 1, behind, ahead) !== PagerResult.pend)
        throw new Error('the swap pager lost a page between two looks')
      gotAhead = pager.readAhead
      this.#kind[process] = FaultKind.swapin
    } else {
      gotAhead = this.#files.read(owner, frame, behind, ahead)
      this.#kind[process] = FaultKind.filein
    }
    this.#regions.nextRead[region] = this.#kernel.mappings.pageNumber[mapping]! + gotAhead + 1
    this.#frame[process] = frame
    // a request that was over at once wakes nobody: go on
    if (!pager.isInProgress(frame)) return FaultOutcome.resolved
    this.#stage[process] = Stage.reading
    pages.flags[frame]! |= PageFlag.swapSleep
    counters[Counter.transitWaits]! += 1
    return this.#block(process, WaitFor.page, frame)
  }

  /** A page could not be read, and goes. */
  #failRead(process: number, mapping: number, access: number, frame: number): number {
    this.#kernel.freePage(frame)
    return this.#fail(process, mapping, access)
  }

  /** Asks the vnode pager for a page of a file; goes on when it has answered. */
  #ask(process: number, mapping: number, region: number, owner: number, index: number, access: number): number {
    const files = this.#kernel.files!
    const regions = this.#regions
    const page = this.#kernel.mappings.pageNumber[mapping]!
    const fault = files.faultOf(process)
    fault.object = owner
    fault.pageIndex = index
    // a store to a private mapping only reads the file
    fault.isWrite = access === 1 && owner === regions.object[region]
    fault.region = region
    fault.pagesBefore = page - regions.start[region]!
    fault.pagesAfter = regions.start[region]! + regions.pages[region]! - page - 1
    this.#stage[process] = Stage.asking
    if (files.begin(process)) return this.resolve(process, mapping, access)
    return this.#block(process, WaitFor.file, 0)
  }

  readonly #window = { behind: 0, ahead: 0 }

  /** How many pages to read around a fault. FreeBSD's vm_fault_readahead and vm_fault_getpages. */
  #around(region: number, mapping: number, index: number): { behind: number; ahead: number } {
    const regions = this.#regions
    const { readCluster, readAheadMax } = this.#options
    const window = this.#window
    window.behind = 0
    window.ahead = 0
    if (readCluster <= 1) return window
    const page = this.#kernel.mappings.pageNumber[mapping]!
    const before = regions.readAhead[region]!
    const advice = regions.advice[region]!
    if (advice === RegionAdvice.random) return window
    if (advice === RegionAdvice.sequential) {
      window.ahead = readAheadMax
      regions.readAhead[region] = readAheadMax
    } else if (page === regions.nextRead[region]) {
      window.ahead = Math.min(before > 0 ? READ_AHEAD_MIN + before + 1 : READ_AHEAD_MIN, readAheadMax)
      regions.readAhead[region] = window.ahead
    } else {
      regions.readAhead[region] = 0
      const place = index % readCluster
      window.behind = Math.min(place, page - regions.start[region]!)
      window.ahead = readCluster - 1 - place
    }
    window.ahead = Math.min(window.ahead, regions.start[region]! + regions.pages[region]! - page - 1)
    return window
  }

  /** A page, or -1; a plain policy may have to take one first. */
  #allocate(object: number, pageIndex: number): number {
    const frame = this.#kernel.allocatePage(object, pageIndex)
    return frame < 0 && this.#daemon.reclaim() ? this.#kernel.allocatePage(object, pageIndex) : frame
  }

  #waitForMemory(process: number): number {
    this.#kernel.counters[Counter.memoryWaits]! += 1
    return this.#block(process, WaitFor.memory, 0)
  }

  #block(process: number, what: number, argument: number): number {
    this.waitFor[process] = what
    this.waitArgument[process] = argument
    return FaultOutcome.blocked
  }

  #fail(process: number, mapping: number, access: number): number {
    this.abandon(process)
    this.#finish(process, mapping, access, FaultKind.failed)
    return FaultOutcome.failed
  }

  #finish(process: number, mapping: number, access: number, kind: number): void {
    const { mappings, counters, now } = this.#kernel
    this.#stage[process] = Stage.none
    this.waitFor[process] = WaitFor.nothing
    if (kind === FaultKind.soft) counters[Counter.softFaults]! += 1
    else counters[Counter.faults]! += 1
    if (kind === FaultKind.zeroFill) counters[Counter.zeroFills]! += 1
    if (kind === FaultKind.copyOnWrite) counters[Counter.copyOnWriteFaults]! += 1
    const duration = now - this.#started[process]!
    counters[Counter.stallNs]! += duration
    const detail = kind + (access === 1 ? 16 : access === 2 ? 32 : 0)
    const regions = this.#regions
    const region = mappings.region[mapping]!
    this.#kernel.emit(
      EventKind.fault,
      process,
      region < 0 ? -1 : regions.object[region]!,
      region < 0 ? 0 : mappings.pageNumber[mapping]! - regions.start[region]! + regions.offset[region]!,
      1,
      -1,
      mappings.entry[mapping]! >> 1,
      duration,
      detail,
    )
  }
}
