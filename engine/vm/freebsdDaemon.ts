/**
 * FreeBSD's page daemon: the worker that scans the inactive and the active queue, and the laundry thread that writes dirty
 * pages.
 *
 * Source: FreeBSD vm_pageout.c (2020), vm_pageout_worker(), vm_pageout_scan_inactive(), vm_pageout_scan_active(), vm_pageout_laundry_worker(),
 * vm_pageout_launder(), vm_pageout_flush(); subr_pidctrl.c, pidctrl_daemon(). Both are state machines over columns, so that a keyframe
 * can be taken while the laundry waits for a write.
 *
 * What the model adds: a scan takes virtual time (NS_PER_SCANNED_PAGE a page, LEAST_PASS_NS at least), else a daemon that finds nothing to do would
 * go round for ever within one instant.
 */
import { EventKind } from '../sim/events.ts'
import type { Columns } from '../sim/columns.ts'
import { QueueEvent, type Kernel } from '../sim/kernel.ts'
import { Counter } from '../sim/metrics.ts'
import { PagerResult, Wait } from '../swap/pager.ts'
import type { PagerVariant } from '../swap/variant.ts'
import { ClusterGatherer } from './cluster.ts'
import type { PageDaemon } from './pageDaemon.ts'
import { ObjectFlag, ObjectType, PageFlag, Queue } from './pages.ts'

const NS_PER_TICK = 1_000_000 // hz = 1000
/** hz / VM_INACT_SCAN_RATE and hz / VM_LAUNDER_RATE */
const SCAN_INTERVAL_NS = 100 * NS_PER_TICK
const LAUNDER_INTERVAL_NS = 100 * NS_PER_TICK
/** VM_LAUNDER_RATE / VM_INACT_SCAN_RATE */
const SHORTFALL_CYCLES = 1
const LAUNDER_RATE = 10
const NS_PER_SCANNED_PAGE = 100
const LEAST_PASS_NS = 100_000
const ACT_ADVANCE = 3
const ACT_DECLINE = 1
const ACT_MAX = 64
const ACT_SCAN_LAUNDRY_WEIGHT = 3
/** vm.background_launder_rate and vm.background_launder_max, in pages (KB / 4) */
const BACKGROUND_RATE = 1024
const BACKGROUND_MAX = 5120
/** vm.pageout_oom_seq */
const OUT_OF_MEMORY_PASSES = 12
/** vm.pageout_update_period, seconds */
const UPDATE_PERIOD = 600
/** PIDCTRL_KPD, KID, KDD, BOUND */
const [GAIN_P, GAIN_I, GAIN_D, BOUND] = [3, 4, 8, 4]

const Request = { idle: 0, background: 1, shortfall: 2 } as const

/** Where the daemon's state is in its column. */
const D = {
  scheduled: 0, // the worker has a timer in the queue at this time, -1 none
  targetMet: 1,
  deficit: 2, // pages asked for in allocations that failed
  pidError: 3,
  pidOldError: 4,
  pidIntegral: 5,
  pidOutput: 6,
  pidTicks: 7,
  lastActiveScan: 8, // ticks
  outOfMemoryPasses: 9,
  request: 10,
  cleanFreed: 11, // pages freed since the laundry looked
  target: 12,
  lastTarget: 13,
  inShortfall: 14,
  shortfall: 15,
  shortfallCycle: 16,
  freed: 17,
  launderLeft: 18,
  launderStart: 19,
  launderQueue: 20, // the queue being laundered, 0: not laundering
  scanLeft: 21, // pages of that queue not yet looked at
  scanNext: 22, // the page to look at next, -1: none
  operation: 23, // the pageout that stopped, -1 none
  laundryScheduled: 24,
  swapEnabled: 25,
  passes: 26,
  activeHand: 27, // the page at which the next scan of the active queue begins, -1: its head
  lastPass: 28, // when the worker last ran
} as const

export class FreebsdDaemon implements PageDaemon {
  readonly #kernel: Kernel
  #state: Float64Array
  readonly #gatherer: ClusterGatherer

  constructor(columns: Columns, kernel: Kernel, variant?: PagerVariant) {
    this.#kernel = kernel
    this.#gatherer = new ClusterGatherer(
      kernel,
      (frame) => kernel.pages.queue[frame] === Queue.laundry,
      variant?.joinCluster,
    )
    this.#state = columns.define('daemon.state', 'f64', 29)
    this.#state[D.scheduled] = -1
    this.#state[D.laundryScheduled] = -1
    this.#state[D.operation] = -1
    this.#state[D.scanNext] = -1
    this.#state[D.activeHand] = -1
    this.#state[D.targetMet] = 1
    this.#state[D.pidTicks] = -1000
    columns.onRebind(() => {
      this.#state = columns.get('daemon.state', 'f64')
    })
  }

  get isBusy(): boolean {
    return this.#state[D.operation]! >= 0 || this.#state[D.scheduled]! >= 0 || this.#state[D.laundryScheduled]! >= 0
  }

  needed(): void {
    const { now, counters } = this.#kernel
    // asleep until its next round: an earlier wakeup leaves the timer in the queue, which then finds nothing to do
    const scheduled = this.#state[D.scheduled]!
    const soonest = Math.max(now, this.#state[D.lastPass]! + LEAST_PASS_NS)
    if (scheduled >= 0 && (scheduled <= soonest || this.#state[D.targetMet] === 0)) return
    counters[Counter.daemonWakeups]! += 1
    this.#schedule(soonest)
  }

  #schedule(time: number): void {
    this.#state[D.scheduled] = time
    this.#kernel.queue.push(time, QueueEvent.daemon, 0)
  }

  reclaim(): boolean {
    this.#state[D.deficit]! += 1
    this.needed()
    return false
  }

  pageUsed(frame: number): void {
    this.#kernel.pages.activate(frame)
  }

  pageWritten(): void {}

  devicesChanged(count: number): void {
    this.#state[D.swapEnabled] = count > 0 ? 1 : 0
  }

  event(type: number, time: number): void {
    if (type === QueueEvent.daemon) {
      // a timer that an earlier wakeup made stale
      if (this.#state[D.scheduled] !== time) return
      this.#state[D.scheduled] = -1
      this.#pass()
    } else {
      this.#state[D.laundryScheduled] = -1
      this.#laundryRound()
    }
  }

  // ---- the worker ------------------------------------------------------------------------------------------

  /** One round of the worker: scan as much as the controller says, then sleep. */
  #pass(): void {
    const { pages, counters, thresholds, now } = this.#kernel
    const state = this.#state
    const shortage = this.#controller(pages.freeCount)
    let additional = 0
    let scanned = 0
    let freed = 0
    if (shortage > 0) {
      const deficit = state[D.deficit]!
      state[D.deficit] = 0
      const start = shortage + deficit
      const before = counters[Counter.daemonScans]!
      additional = this.#scanInactive(start)
      freed = this.#freedByScan
      const left = start - freed
      if (pages.queueLength[Queue.laundry]! > 0 || state[D.swapEnabled] !== 0) {
        if (state[D.request] === Request.idle) {
          state[D.request] = left > 0 ? Request.shortfall : Request.background
          this.#wakeLaundry()
        }
        state[D.cleanFreed]! += freed
      }
      if (start <= 0 || left !== start) state[D.outOfMemoryPasses] = 0
      else state[D.outOfMemoryPasses]! += 1
      if (state[D.outOfMemoryPasses]! >= OUT_OF_MEMORY_PASSES) {
        state[D.outOfMemoryPasses] = 0
        this.#kernel.outOfMemory('memory')
      }
      state[D.targetMet] = left <= 0 ? 1 : 0
      additional += deficit
      scanned = counters[Counter.daemonScans]! - before
    }
    const before = counters[Counter.daemonScans]!
    this.#scanActive(this.#activeTarget() + additional)
    scanned += counters[Counter.daemonScans]! - before
    state[D.passes]! += 1
    if (freed > 0 || scanned > 0) this.#kernel.emit(EventKind.daemon, -1, -1, 0, freed, -1, scanned, 0, shortage)
    state[D.lastPass] = now
    const busyNs = Math.max(LEAST_PASS_NS, scanned * NS_PER_SCANNED_PAGE)
    const isNeeded = pages.freeCount < thresholds.pageoutWakeup
    this.#schedule(now + (isNeeded && state[D.targetMet] !== 0 ? busyNs : Math.max(busyNs, SCAN_INTERVAL_NS)))
  }

  /** pidctrl_daemon(): how many pages to free now, from how many are free. All divisions drop the remainder. */
  #controller(free: number): number {
    const state = this.#state
    const setpoint = this.#kernel.thresholds.freeTarget
    const ticks = Math.floor(this.#kernel.now / NS_PER_TICK)
    let error = setpoint - free
    if (ticks - state[D.pidTicks]! >= SCAN_INTERVAL_NS / NS_PER_TICK) {
      state[D.pidTicks] = ticks
      state[D.pidOldError] = state[D.pidError]!
      state[D.pidOutput] = 0
      state[D.pidError] = 0
    } else error -= state[D.pidError]! - state[D.pidOutput]!
    state[D.pidError]! += error
    state[D.pidIntegral] = Math.max(Math.min(state[D.pidIntegral]! + error, BOUND * setpoint * GAIN_I), 0)
    const derivative = state[D.pidError]! - state[D.pidOldError]!
    const output =
      Math.trunc(state[D.pidError]! / GAIN_P) +
      Math.trunc(state[D.pidIntegral]! / GAIN_I) +
      Math.trunc(derivative / GAIN_D)
    const more = Math.max(output - state[D.pidOutput]!, 0)
    state[D.pidOutput]! += more
    return more
  }

  #freedByScan = 0

  /** Frees clean unreferenced pages of the inactive queue until `shortage` is met; answers how many busy ones it met. */
  #scanInactive(shortage: number): number {
    const { pages, mappings, counters } = this.#kernel
    let stuck = 0
    this.#freedByScan = 0
    let left = pages.queueLength[Queue.inactive]!
    for (let frame = pages.queueHead[Queue.inactive]!; frame >= 0 && left > 0 && this.#freedByScan < shortage; left--) {
      const next = pages.next[frame]!
      counters[Counter.daemonScans]! += 1
      if (pages.isBusy(frame)) stuck += 1
      else {
        const object = pages.object[frame]!
        if ((pages.flags[frame]! & PageFlag.swapFree) !== 0 && pages.objectType[object] === ObjectType.swap)
          this.#kernel.pager.unswapped(frame, true)
        if (pages.valid[frame] === 0) this.#evict(frame)
        else if (this.#takeReferences(frame) > 0) this.#reactivate(frame)
        else {
          let isDirty = this.#isDirty(frame)
          if (!isDirty) {
            mappings.removeAll(frame)
            isDirty = pages.dirty[frame] !== 0
          }
          if (!isDirty) this.#evict(frame)
          else if ((pages.objectFlags[object]! & ObjectFlag.dead) === 0) pages.launder(frame)
        }
      }
      frame = next
    }
    return stuck
  }

  #evict(frame: number): void {
    const { pages, counters } = this.#kernel
    this.#kernel.emit(EventKind.evict, -1, pages.object[frame]!, pages.pageIndex[frame]!, 1, -1, frame, 0, 0)
    counters[Counter.evictions]! += 1
    this.#freedByScan += 1
    this.#kernel.freePage(frame)
  }

  /** References since they were last asked for: pmap_ts_referenced plus PGA_REFERENCED. */
  #takeReferences(frame: number): number {
    const { pages } = this.#kernel
    const references = pages.hardwareReferenced[frame]! + ((pages.flags[frame]! & PageFlag.referenced) !== 0 ? 1 : 0)
    pages.hardwareReferenced[frame] = 0
    pages.flags[frame]! &= ~PageFlag.referenced
    return references
  }

  #reactivate(frame: number): void {
    const { pages, counters } = this.#kernel
    pages.activity[frame] = Math.min(ACT_MAX, pages.activity[frame]! + ACT_ADVANCE + 1)
    pages.enqueue(frame, Queue.active)
    counters[Counter.reactivations]! += 1
  }

  #activeTarget(): number {
    const { pages, thresholds } = this.#kernel
    const shortage =
      thresholds.inactiveTarget +
      (thresholds.freeTarget - pages.freeCount) -
      (pages.queueLength[Queue.inactive]! + Math.floor(pages.queueLength[Queue.laundry]! / ACT_SCAN_LAUNDRY_WEIGHT))
    return shortage * ACT_SCAN_LAUNDRY_WEIGHT
  }

  /** Ages the active pages from the hand on, and moves those out of use off the queue. */
  #scanActive(shortage: number): void {
    const { pages, counters, now } = this.#kernel
    const state = this.#state
    const length = pages.queueLength[Queue.active]!
    const ticks = Math.floor(now / NS_PER_TICK)
    const least = Math.floor((length * (ticks - state[D.lastActiveScan]!)) / (1000 * UPDATE_PERIOD))
    if (least > 0 || (shortage > 0 && length > 0)) state[D.lastActiveScan] = ticks
    let left = shortage > 0 ? length : Math.min(least, length)
    let frame = state[D.activeHand]!
    if (frame < 0 || pages.queue[frame] !== Queue.active) frame = pages.queueHead[Queue.active]!
    const wasShort = shortage > 0
    for (; frame >= 0 && left > 0 && (!wasShort || shortage > 0); left--) {
      let next = pages.next[frame]!
      if (next < 0 && pages.queueHead[Queue.active] !== frame) next = pages.queueHead[Queue.active]!
      counters[Counter.daemonScans]! += 1
      const object = pages.object[frame]!
      if ((pages.flags[frame]! & PageFlag.swapFree) !== 0 && pages.objectType[object] === ObjectType.swap)
        this.#kernel.pager.unswapped(frame, true)
      const references = this.#takeReferences(frame)
      const activity =
        references > 0
          ? Math.min(ACT_MAX, pages.activity[frame]! + ACT_ADVANCE + references)
          : Math.max(0, pages.activity[frame]! - ACT_DECLINE)
      pages.activity[frame] = activity
      if (activity === 0) {
        if (shortage <= 0) pages.enqueue(frame, Queue.inactive)
        else if (pages.dirty[frame] === 0) {
          pages.enqueue(frame, Queue.inactive)
          shortage -= ACT_SCAN_LAUNDRY_WEIGHT
        } else {
          pages.enqueue(frame, Queue.laundry)
          shortage -= 1
        }
      }
      frame = next
    }
    state[D.activeHand] = frame
  }

  // ---- the laundry -----------------------------------------------------------------------------------------

  #wakeLaundry(): void {
    const state = this.#state
    if (state[D.laundryScheduled]! >= 0 || state[D.launderQueue] !== 0 || state[D.operation]! >= 0) return
    state[D.laundryScheduled] = this.#kernel.now
    this.#kernel.queue.push(this.#kernel.now, QueueEvent.laundry, 0)
  }

  /** From where the laundry thread wakes to where it launders or sleeps again. vm_pageout_laundry_worker. */
  #laundryRound(): void {
    const { pages, thresholds } = this.#kernel
    const state = this.#state
    // what the worker asked for
    if (state[D.request] === Request.shortfall && (state[D.inShortfall] === 0 || state[D.shortfallCycle] === 0)) {
      state[D.shortfall] = thresholds.freeTarget - pages.freeCount + state[D.deficit]!
      state[D.target] = 0
    } else state[D.shortfall] = 0
    if (state[D.target] === 0) state[D.request] = Request.idle
    state[D.freed]! += state[D.cleanFreed]!
    state[D.cleanFreed] = 0

    let launder = 0
    if (state[D.shortfall]! > 0) {
      state[D.inShortfall] = 1
      state[D.shortfallCycle] = SHORTFALL_CYCLES
      state[D.target] = state[D.shortfall]!
    }
    if (state[D.inShortfall] !== 0 && (state[D.shortfallCycle] === 0 || thresholds.freeTarget - pages.freeCount <= 0)) {
      state[D.inShortfall] = 0
      state[D.target] = 0
    }
    if (state[D.inShortfall] !== 0) {
      launder = Math.floor(state[D.target]! / state[D.shortfallCycle]!)
      state[D.shortfallCycle]! -= 1
    } else {
      const clean = pages.freeCount + pages.queueLength[Queue.inactive]!
      const dirty = pages.queueLength[Queue.laundry]!
      const span = Math.max(1, thresholds.freeTarget - thresholds.freeMin)
      if (state[D.target] === 0 && dirty * Math.floor(Math.sqrt(Math.ceil((state[D.freed]! + 1) / span))) >= clean)
        state[D.target] = thresholds.backgroundLaunderTarget
      if (state[D.target]! > 0) {
        if (state[D.freed]! > 0) {
          state[D.freed] = 0
          state[D.lastTarget] = state[D.target]!
        } else if (state[D.lastTarget]! - state[D.target]! >= BACKGROUND_MAX) state[D.target] = 0
        launder = Math.min(Math.floor(BACKGROUND_RATE / LAUNDER_RATE), state[D.target]!)
      }
    }
    if (launder > 0) this.#beginLaunder(launder)
    else this.#laundrySleep()
  }

  #laundrySleep(): void {
    const state = this.#state
    if (state[D.target] === 0 && state[D.request] === Request.idle) return
    this.#laundryTimer()
  }

  #laundryTimer(): void {
    const time = this.#kernel.now + LAUNDER_INTERVAL_NS
    this.#state[D.laundryScheduled] = time
    this.#kernel.queue.push(time, QueueEvent.laundry, 0)
  }

  #beginLaunder(pages: number): void {
    const state = this.#state
    state[D.launderLeft] = pages
    state[D.launderStart] = pages
    this.#beginScan(state[D.swapEnabled] !== 0 ? Queue.unswappable : Queue.laundry)
    this.#launder()
  }

  #beginScan(queue: number): void {
    const { pages } = this.#kernel
    this.#state[D.launderQueue] = queue
    this.#state[D.scanLeft] = pages.queueLength[queue]!
    this.#state[D.scanNext] = pages.queueHead[queue]!
  }

  continueLaundry(): void {
    const state = this.#state
    const operation = state[D.operation]!
    if (operation < 0) return
    this.#kernel.setPageDaemon(true)
    const wait = this.#kernel.pager.continuePutPages(operation)
    this.#kernel.setPageDaemon(false)
    if (wait !== Wait.none) return
    state[D.operation] = -1
    this.#endFlush(operation)
    this.#launder()
  }

  /** Scans the queue and pages dirty clusters out until enough is laundered; stops where a pageout stops. vm_pageout_launder. */
  #launder(): void {
    const { pages, mappings } = this.#kernel
    const state = this.#state
    for (;;) {
      const queue = state[D.launderQueue]!
      let frame = state[D.scanNext]!
      // the page may have left the queue while a pageout was stopped
      if (frame >= 0 && pages.queue[frame] !== queue) frame = pages.queueHead[queue]!
      if (state[D.launderLeft]! <= 0 || frame < 0 || state[D.scanLeft]! <= 0) {
        if (state[D.launderLeft]! > 0 && queue === Queue.unswappable) {
          this.#beginScan(Queue.laundry)
          continue
        }
        break
      }
      state[D.scanNext] = pages.next[frame]!
      state[D.scanLeft]! -= 1
      if (pages.isBusy(frame)) continue
      const object = pages.object[frame]!
      if (pages.valid[frame] === 0) {
        this.#evict(frame)
        continue
      }
      if (this.#takeReferences(frame) > 0) {
        this.#reactivate(frame)
        if (state[D.inShortfall] === 0) state[D.launderLeft]! -= 1
        continue
      }
      if (!this.#isDirty(frame)) {
        mappings.removeAll(frame)
        if (pages.dirty[frame] === 0) {
          this.#evict(frame)
          continue
        }
      }
      if ((pages.objectFlags[object]! & ObjectFlag.dead) !== 0) continue
      if (pages.objectType[object] === ObjectType.dead) {
        // dead_pager_putpages: a file that was cut off takes no page
        pages.activate(frame)
        continue
      }
      if (pages.objectType[object] === ObjectType.file) {
        if (!this.#launderFile(frame)) return
        continue
      }
      mappings.removeWrite(frame)
      const count = this.#gatherer.gather(frame)
      // the cluster takes pages out of the scan's way
      const first = this.#gatherer.first
      for (let i = 0; i < count; i++)
        if (this.#gatherer.frames[first + i] === state[D.scanNext])
          state[D.scanNext] = this.#nextOutside(queue, first, count)
      if (!this.#flush(count)) return
    }
    const laundered = state[D.launderStart]! - state[D.launderLeft]!
    state[D.target] = Math.max(0, state[D.target]! - laundered)
    state[D.launderQueue] = 0
    this.#laundryTimer()
  }

  #isDirty(frame: number): boolean {
    const { pages, mappings, files } = this.#kernel
    if (files !== null && pages.objectType[pages.object[frame]!] === ObjectType.file) return files.pager.isDirty(frame)
    mappings.testDirty(frame)
    return pages.dirty[frame] !== 0
  }

  /** Has the vnode pager put a page and its neighbours out; false if that is not over yet: the laundry goes on when it is. */
  #launderFile(frame: number): boolean {
    const { pages, files } = this.#kernel
    const state = this.#state
    if (files === null) {
      pages.activate(frame)
      return true
    }
    const count = this.#gatherer.gather(frame)
    const first = this.#gatherer.first
    const frames = this.#gatherer.frames.slice(first, first + count)
    for (const member of frames)
      if (member === state[D.scanNext]) state[D.scanNext] = this.#nextOutside(pages.queue[frame]!, first, count)
    state[D.launderLeft]! -= count
    state[D.scanLeft]! -= count
    return files.pageOut(pages.object[frame]!, frames, () => this.#launder())
  }

  /** The first page after the scan's place that is not in the cluster. */
  #nextOutside(queue: number, first: number, count: number): number {
    const { pages } = this.#kernel
    let frame = this.#state[D.scanNext]!
    while (
      frame >= 0 &&
      pages.queue[frame] === queue &&
      this.#gatherer.frames.subarray(first, first + count).includes(frame)
    )
      frame = pages.next[frame]!
    return frame
  }

  /** Sends a cluster to the pager; false if it stopped. vm_pageout_flush. */
  #flush(count: number): boolean {
    const { pages, pager } = this.#kernel
    const { frames, first } = this.#gatherer
    const object = pages.object[frames[first]!]!
    for (let i = first; i < first + count; i++) pages.sharedBusy[frames[i]!]! += 1
    pages.pagingInProgress[object]! += count
    this.#kernel.setPageDaemon(true)
    const operation = pager.beginPutPages(object, frames, first, count, false)
    const wait = pager.continuePutPages(operation)
    this.#kernel.setPageDaemon(false)
    if (wait !== Wait.none) {
      this.#state[D.operation] = operation
      return false
    }
    this.#endFlush(operation)
    return true
  }

  #endFlush(operation: number): void {
    const { pages, pager } = this.#kernel
    const object = pager.operationObject[operation]!
    let pagedOut = 0
    for (let i = 0; i < pager.operationCount[operation]!; i++) {
      const frame = pager.operationFrame(operation, i)
      const result = pager.putResult(operation, i)
      if (result === PagerResult.pend) {
        pagedOut += 1
        continue
      }
      if (result === PagerResult.ok || result === PagerResult.bad) {
        if (result === PagerResult.bad) pages.dirty[frame] = 0
        else pagedOut += 1
        if (pages.queue[frame] === Queue.laundry) pages.deactivateNoReuse(frame)
      } else if (result === PagerResult.fail && pages.objectType[object] === ObjectType.swap) {
        pages.unswappable(frame)
        pagedOut += 1
      } else if (result !== PagerResult.again) pages.activate(frame)
      pages.pagingInProgress[object]! -= 1
      pages.sharedBusy[frame]! -= 1
      if (pages.sharedBusy[frame] === 0) this.#kernel.releaseBusy(frame)
    }
    pager.endPutPages(operation)
    this.#state[D.launderLeft]! -= pagedOut
    this.#state[D.scanLeft]! -= pagedOut
  }
}
