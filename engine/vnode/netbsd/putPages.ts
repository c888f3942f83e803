/**
 * Putting pages of a file: genfs_putpages. It cleans, deactivates or frees the pages of a range, or several of these.
 *
 * It goes along the object's list of pages or, where the range is small for it, from offset to offset. A dirty page is written
 * together with its dirty neighbours, which may lie outside the range; those are written, but not freed. If a pass over all of the
 * object met nothing dirty and nothing was dirtied meanwhile, the vnode leaves the syncer's worklist.
 *
 * Places in the list outlive the pages that had them (`listOrder`), since waiting and writing let pages come and go.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { takeDirtyRun } from './findPages.ts'
import { keepsTimes } from './getPages.ts'
import { RequestFlag, UpdateFlag } from './host.ts'
import { Errno, type Operation } from '../operation.ts'
import { deactivate, freePage, hasState, PageState, setState, takeDirty } from './pageStates.ts'
import type { PagerState } from './state.ts'
import { writePages } from './transfer.ts'
import { MountFlag, VnodeFlag } from './vnodes.ts'

const routine = 'genfs_putpages'

/** The last page boundary of 64-bit offsets, which stands for the end of any object. */
const END_OF_OBJECT = 0x7fff_ffff_ffff_f000

/** Where a pass that met a busy page under BUSYFAIL says which one it was. */
export interface BusyPage {
  /** -1: none. */
  frame: number
}

/** One pass over the pages. */
interface Pass {
  readonly vnode: number
  readonly object: number
  readonly start: number
  readonly end: number
  readonly flags: number
  readonly isPageDaemon: boolean
  readonly byList: boolean
  /** Pages put into the list from now on are not looked at. */
  readonly listEnd: number
  readonly dirtyGeneration: number
  /** Nothing dirty or on its way out has been met. */
  wasClean: boolean
  /** There is still hope that the vnode is clean at the end. */
  cleansAll: boolean
  hasWritten: boolean
  /** Anything was written, freed or waited for. */
  hasActed: boolean
  errno: number
}

/**
 * `start` and `end` in bytes, multiples of the page size; `end` 0: to the end of the object. `flags`: bits of RequestFlag, one of
 * CLEANIT, FREE and DEACTIVATE at least. Answers an errno: that of a write with SYNCIO, EDEADLK for a busy page with BUSYFAIL.
 */
export function* putPages(
  state: PagerState,
  vnode: number,
  start: number,
  end: number,
  flags: number,
  busyPage: BusyPage | null,
): Operation<number> {
  const { vnodes, pages, host } = state
  if ((flags & (RequestFlag.cleanIt | RequestFlag.free | RequestFlag.deactivate)) === 0)
    throw new KernelStop('kernel-panic', routine, 'nothing is asked for')
  if (start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0 || (start >= end && end !== 0))
    throw new KernelStop('kernel-panic', routine, 'the range is not one of pages')
  const object = vnodes.object[vnode]!
  const isPageDaemon = host.isPageDaemon()
  const usesJournal =
    !isPageDaemon && vnodes.hasMountFlag(vnode, MountFlag.journal) && (flags & RequestFlag.journalLocked) === 0
  const passEnd = end === 0 || (flags & RequestFlag.allPages) !== 0 ? END_OF_OBJECT : end
  let inTransaction = false
  let errno: number
  for (;;) {
    if (!vnodes.hasFlag(vnode, VnodeFlag.onWorklist) && vnodes.hasFlag(vnode, VnodeFlag.writeMapDirty))
      throw new KernelStop('kernel-panic', routine, 'a vnode dirtied through mappings is not on the worklist')
    if (pages.residentPages[object] === 0) {
      if (vnodes.hasFlag(vnode, VnodeFlag.onWorklist)) markClean(state, vnode)
      errno = 0
      break
    }
    if (!inTransaction && (flags & RequestFlag.cleanIt) !== 0) {
      errno = yield* startTransaction(state, vnode, isPageDaemon, usesJournal)
      if (errno !== 0) return errno
      inTransaction = true
      // the object was not locked meanwhile
      continue
    }
    const pass = yield* onePass(state, vnode, start, passEnd, flags, isPageDaemon, busyPage)
    errno = pass.errno
    if (!pass.wasClean && (flags & RequestFlag.syncIo) !== 0) {
      while (vnodes.outputCount[vnode] !== 0) {
        pass.hasActed = true
        yield { on: 'output', vnode }
      }
    }
    if ((flags & RequestFlag.reclaim) === 0 || !vnodes.hasFlag(vnode, VnodeFlag.onWorklist)) break
    // a vnode that is to be reclaimed is gone over until it is clean, whatever its errors were
    if (!pass.hasActed) {
      if (vnodes.outputCount[vnode] === 0)
        throw new KernelStop('livelock', routine, 'a vnode to be reclaimed does not get clean')
      yield { on: 'output', vnode }
    }
  }
  if (inTransaction) {
    if (usesJournal) host.endJournal(vnode)
    host.finishTransaction(vnode)
  }
  return errno
}

/** genfs_null_putpages: for vnodes that never have pages. */
export function putNoPages(state: PagerState, vnode: number): number {
  if (state.pages.residentPages[state.vnodes.object[vnode]!] !== 0)
    throw new KernelStop('kernel-panic', 'genfs_null_putpages', 'the vnode has pages')
  return Errno.none
}

/** The page daemon does not wait for a suspended file system. A failure leaves no transaction behind. */
function* startTransaction(
  state: PagerState,
  vnode: number,
  isPageDaemon: boolean,
  usesJournal: boolean,
): Operation<number> {
  const { host } = state
  if (isPageDaemon) {
    const errno = host.tryStartTransaction(vnode)
    if (errno !== 0) return errno
  } else yield* host.startTransaction(vnode)
  if (!usesJournal) return 0
  const errno = yield* host.beginJournal(vnode)
  if (errno !== 0) host.finishTransaction(vnode)
  return errno
}

/** Nothing of the vnode is dirty any more. Blocks of metadata that are keep it on the worklist. */
function markClean(state: PagerState, vnode: number): void {
  const { vnodes, host } = state
  vnodes.flags[vnode]! &= ~VnodeFlag.writeMapDirty
  if (host.hasDirtyBlocks(vnode)) return
  vnodes.flags[vnode]! &= ~VnodeFlag.onWorklist
  host.worklistChanged(vnode, false)
}

function* onePass(
  state: PagerState,
  vnode: number,
  start: number,
  end: number,
  flags: number,
  isPageDaemon: boolean,
  busyPage: BusyPage | null,
): Operation<Pass> {
  const { vnodes, pages, host } = state
  const object = vnodes.object[vnode]!
  const isOnWorklist = vnodes.hasFlag(vnode, VnodeFlag.onWorklist)
  const wasClean = vnodes.outputCount[vnode] === 0
  const pass: Pass = {
    vnode,
    object,
    start,
    end,
    // a vnode off the worklist is known to have no dirty pages, so it is not cleaned: dirty ones all the same are dropped by FREE
    flags: isOnWorklist ? flags : flags & ~RequestFlag.cleanIt,
    isPageDaemon,
    byList: pages.residentPages[object]! <= ((end - start) / PAGE_SIZE) * state.options.lookupPenalty,
    listEnd: pages.nextListOrder,
    dirtyGeneration: vnodes.dirtyGeneration[vnode]!,
    wasClean,
    cleansAll: isOnWorklist && (flags & RequestFlag.cleanIt) !== 0 && wasClean && start === 0 && end === END_OF_OBJECT,
    hasWritten: false,
    hasActed: false,
    errno: 0,
  }
  if (!isOnWorklist && (flags & (RequestFlag.free | RequestFlag.deactivate)) === 0) return pass
  yield* pass.byList ? scanList(state, pass, busyPage) : scanRange(state, pass, busyPage)
  if (pass.hasWritten && vnodes.hasFlag(vnode, VnodeFlag.writeMapDirty) && keepsTimes(state, vnode))
    host.markUpdate(vnode, UpdateFlag.modified)
  if (mayBeClean(state, pass) && vnodes.hasFlag(vnode, VnodeFlag.onWorklist)) markClean(state, vnode)
  return pass
}

function mayBeClean(state: PagerState, pass: Pass): boolean {
  return pass.cleansAll && pass.wasClean && state.vnodes.dirtyGeneration[pass.vnode] === pass.dirtyGeneration
}

/** From page to page in the order of the object's list, up to the last that was there at the start. */
function* scanList(state: PagerState, pass: Pass, busyPage: BusyPage | null): Operation<void> {
  const { pages } = state
  const { object } = pass
  let frame = pages.firstPage[object]!
  while (frame >= 0 && pages.listOrder[frame]! < pass.listEnd) {
    const offset = pages.pageIndex[frame]! * PAGE_SIZE
    const isLeaving = isOnItsWayOut(state, pass, frame)
    if (isLeaving || offset < pass.start || offset >= pass.end) {
      frame = pages.listNext[frame]!
      continue
    }
    const order = pages.listOrder[frame]!
    const stop = stopAt(state, pass, frame, busyPage)
    if (stop === 'end') return
    if (stop !== 'no') {
      yield* waitAt(state, pass, frame, stop)
      frame = pageFrom(state, object, frame, order)
      continue
    }
    const cluster = takeCluster(state, pass, frame)
    // neighbours in the list that are in the cluster are passed over with it
    let last = frame
    if (cluster !== null) for (const member of cluster.frames) if (member === pages.listNext[last]) last = member
    const next = pages.listNext[last]!
    const nextOrder = next < 0 ? 0 : pages.listOrder[next]!
    if (cluster === null) {
      applyToClean(state, pass, frame)
      frame = next
      continue
    }
    yield* writeCluster(state, pass, cluster)
    if (pass.errno !== 0) return
    frame = pageFrom(state, object, next, nextOrder)
  }
}

/** From offset to offset. After a write it goes on behind the last page that was written. */
function* scanRange(state: PagerState, pass: Pass, busyPage: BusyPage | null): Operation<void> {
  const { pages } = state
  let offset = pass.start
  while (offset < pass.end) {
    const frame = pages.lookup(pass.object, offset / PAGE_SIZE)
    if (frame < 0 || isOnItsWayOut(state, pass, frame)) {
      offset += PAGE_SIZE
      continue
    }
    const stop = stopAt(state, pass, frame, busyPage)
    if (stop === 'end') return
    if (stop !== 'no') {
      yield* waitAt(state, pass, frame, stop)
      continue
    }
    const cluster = takeCluster(state, pass, frame)
    if (cluster === null) {
      applyToClean(state, pass, frame)
      offset += PAGE_SIZE
      continue
    }
    yield* writeCluster(state, pass, cluster)
    if (pass.errno !== 0) return
    offset += (cluster.frames.length - cluster.before) * PAGE_SIZE
  }
}

/** A page that is going to be freed when its I/O is over is left alone, but shows that the object was not clean. */
function isOnItsWayOut(state: PagerState, pass: Pass, frame: number): boolean {
  if (!hasState(state, frame, PageState.released | PageState.pageout)) return false
  if (state.pages.exclusiveBusy[frame] === 0)
    throw new KernelStop('kernel-panic', routine, 'a page that is to be freed is not busy')
  pass.wasClean = false
  return true
}

/** Why a pass does not go on with a page at once: it ends there, or the page is busy, or others are to run first. */
type Stop = 'no' | 'end' | 'page' | 'processor'

/** The page daemon never waits; it ends without an error. */
function stopAt(state: PagerState, pass: Pass, frame: number, busyPage: BusyPage | null): Stop {
  const isBusy = state.pages.exclusiveBusy[frame] !== 0
  if (isBusy && (pass.flags & RequestFlag.busyFail) !== 0) {
    pass.errno = Errno.EDEADLK
    if (busyPage !== null) busyPage.frame = frame
    return 'end'
  }
  if (pass.isPageDaemon) return isBusy ? 'end' : 'no'
  if (state.host.shouldYield()) return 'processor'
  return isBusy ? 'page' : 'no'
}

/** Afterwards the page may be gone. */
function* waitAt(state: PagerState, pass: Pass, frame: number, stop: 'page' | 'processor'): Operation<void> {
  pass.hasActed = true
  if (stop === 'page') {
    state.pages.wanted[frame] = 1
    yield { on: 'page', frame }
  } else yield { on: 'processor' }
}

/** The first page of an object's list at a place or behind it: `frame`, if it still is the page that was inserted there. -1: none. */
function pageFrom(state: PagerState, object: number, frame: number, order: number): number {
  const { pages } = state
  if (frame < 0) return -1
  if (pages.object[frame] === object && pages.listOrder[frame] === order) return frame
  let other = pages.firstPage[object]!
  while (other >= 0 && pages.listOrder[other]! < order) other = pages.listNext[other]!
  return other
}

interface Cluster {
  frames: Int32Array
  /** Pages of it before the one that was met. */
  before: number
}

/**
 * Cleans a page as far as the flags say: takes its mappings away or the right to write through them, and its dirty marks. If it
 * was dirty it becomes busy, together with its dirty neighbours: half of the largest transfer at most before it, the rest behind.
 */
function takeCluster(state: PagerState, pass: Pass, frame: number): Cluster | null {
  const { pages, host } = state
  const cleans = (pass.flags & RequestFlag.cleanIt) !== 0
  if ((pass.flags & RequestFlag.free) !== 0) host.removeMappings(frame)
  else if (cleans && mayBeClean(state, pass)) {
    // a store from now on faults, so it is noticed; that cannot be asked of a wired page
    if (pages.wired[frame] === 0) host.writeProtect(frame)
    else pass.cleansAll = false
  }
  if (!cleans || !takeDirty(state, frame)) return null

  pass.wasClean = false
  pages.exclusiveBusy[frame] = 1
  const most = Math.floor(state.options.largestTransferBytes / PAGE_SIZE)
  const index = pages.pageIndex[frame]!
  const frames = new Int32Array(most)
  const before = takeDirtyRun(state, pass.object, index - 1, -1, Math.min(most >> 1, index), frames, 0)
  frames.subarray(0, before).reverse()
  frames[before] = frame
  const after = takeDirtyRun(state, pass.object, index + 1, 1, most - before - 1, frames, before + 1)
  return { frames: frames.subarray(0, before + 1 + after), before }
}

function applyToClean(state: PagerState, pass: Pass, frame: number): void {
  if ((pass.flags & RequestFlag.deactivate) !== 0 && state.pages.wired[frame] === 0) deactivate(state, frame)
  else if ((pass.flags & RequestFlag.free) !== 0) {
    pass.hasActed = true
    state.host.removeMappings(frame)
    freePage(state, frame)
    if (pass.isPageDaemon) state.host.pageFreedByDaemon()
  }
}

/** Deactivates the pages of a cluster or marks them to be freed, those inside the range, and writes all of it. */
function* writeCluster(state: PagerState, pass: Pass, cluster: Cluster): Operation<void> {
  const { pages, host } = state
  for (const frame of cluster.frames) {
    const offset = pages.pageIndex[frame]! * PAGE_SIZE
    if (offset < pass.start || offset >= pass.end) continue
    if ((pass.flags & RequestFlag.deactivate) !== 0 && pages.wired[frame] === 0) deactivate(state, frame)
    else if ((pass.flags & RequestFlag.free) !== 0) {
      host.removeMappings(frame)
      setState(state, frame, pass.isPageDaemon ? PageState.pageout : PageState.released)
      if (!pass.isPageDaemon) continue
      host.pageoutStarted(1)
      pages.removeFromQueue(frame)
    }
  }
  pass.hasWritten = true
  pass.hasActed = true
  pass.errno = yield* writePages(state, pass.vnode, cluster.frames, pass.flags, pass.isPageDaemon)
}
