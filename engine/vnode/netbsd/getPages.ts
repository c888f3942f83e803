/**
 * Getting pages of a file: genfs_getpages.
 *
 * A request names a run of pages and the one in it that matters. With LOCKED it takes what is resident and never waits. Without
 * SYNCIO it starts a read and lets go of all pages when that is over. Else it answers with the pages filled and busy.
 *
 * Order of a request: bounds -> notes of use (times, dirty generation, syncer) -> resident pages -> whole blocks around the
 * request -> read, with holes zeroed -> blocks for holes that are to be written -> letting go of what was not asked for.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { Completion, Priority } from './buffers.ts'
import { countDone, waitForBuffer } from './completion.ts'
import { Find, findPagesFrom, findPagesNow, findPagesUntil } from './findPages.ts'
import { RequestFlag, UpdateFlag } from './host.ts'
import { Errno, type Operation } from '../operation.ts'
import { enterNodeLock, exitNodeLock, tryEnterNodeLock } from './nodeLock.ts'
import {
  activate,
  clearState,
  freePage,
  hasState,
  markFakeReleased,
  NO_PAGE,
  PageState,
  releasePages,
  setState,
  takeModified,
  unbusyPages,
} from './pageStates.ts'
import type { PagerState } from './state.ts'
import { addPiece, startPiece, zeroPages } from './transfer.ts'
import { MountFlag, VnodeFlag, VnodeType } from './vnodes.ts'

const routine = 'genfs_getpages'

export interface PageRequest {
  /** Of the first page, bytes; a multiple of the page size. */
  offset: number
  /** Pages asked for. It is the caller's and stays what it was, also where the file ends before. */
  count: number
  /** Place of the page that matters. */
  center: number
  isWrite: boolean
  /** Bits of RequestFlag. */
  flags: number
  /**
   * `count` places: NO_PAGE where a page is wanted, DO_NOT_CARE where none is. The pages found are put here; null if the caller
   * does not want them.
   */
  frames: Int32Array | null
}

/** What follows from a request, the vnode and its size. Offsets in bytes, counts in pages. */
interface Plan {
  /** Where the file ends on the device. */
  diskEnd: number
  /** The request cut off at the end of the file, and widened to whole blocks. */
  asked: number
  start: number
  total: number
  /** Pages of the widened range before the request. */
  before: number
  isAsync: boolean
  /** Holes are to be given blocks. */
  allocates: boolean
}

/**
 * Answers an errno. On success the busy pages are in `request.frames`, unless the request was asynchronous. With LOCKED, EBUSY
 * says that the page that matters is not there; others may have been found and are busy.
 */
export function* getPages(state: PagerState, vnode: number, request: PageRequest): Operation<number> {
  const { vnodes, host } = state
  const { flags, isWrite } = request
  const type = vnodes.type[vnode]!
  if (type === VnodeType.none || type === VnodeType.other)
    throw new KernelStop('kernel-panic', routine, 'not a vnode that has pages')
  if (request.offset % PAGE_SIZE !== 0 || request.offset < 0 || request.count <= 0)
    throw new KernelStop('kernel-panic', routine, 'the range is not one of pages')
  const isAsync = (flags & RequestFlag.syncIo) === 0
  const allocates = isWrite && (flags & RequestFlag.noBlockAllocation) === 0
  let inTransaction = false
  let hasFreedArray = false
  let errno: number
  for (;;) {
    const size = vnodes.size[vnode]!
    const memoryEnd = endInMemory(state, vnode, request, size)
    if (request.offset + request.center * PAGE_SIZE >= memoryEnd) {
      if (hasFreedArray) throw new KernelStop('kernel-panic', routine, 'the array of pages is freed a second time')
      errno = Errno.EINVAL
      break
    }
    noteUse(state, vnode, request)
    if ((flags & RequestFlag.locked) !== 0) return residentPages(state, vnode, request)

    const plan = widen(state, vnode, request, size, memoryEnd, isAsync, allocates)
    const needsArray = plan.total > state.options.stackPages
    if (needsArray && !host.allocatePageArray(plan.total, !isAsync)) {
      errno = Errno.ENOMEM
      break
    }
    if (!inTransaction) {
      yield* host.startTransaction(vnode)
      inTransaction = true
    }
    if (allocates || !tryEnterNodeLock(state, vnode)) yield* enterNodeLock(state, vnode, allocates)
    if (vnodes.size[vnode]! >= size) {
      errno = yield* getLockedPages(state, vnode, request, plan)
      break
    }
    // truncated meanwhile: everything is worked out again
    exitNodeLock(state, vnode)
    hasFreedArray = needsArray
  }
  if (inTransaction) host.finishTransaction(vnode)
  return errno
}

/** How far pages of the file may reach. With PASTEOF the request itself extends it, up to the size that is being written to. */
function endInMemory(state: PagerState, vnode: number, request: PageRequest, size: number): number {
  const { host, vnodes } = state
  if ((request.flags & RequestFlag.pastEof) === 0) return host.extent(vnode, size, true)
  const wanted = Math.max(size, request.offset + request.count * PAGE_SIZE)
  if (wanted > roundUp(host.extent(vnode, vnodes.writeSize[vnode]!, true), PAGE_SIZE))
    throw new KernelStop('kernel-panic', routine, 'past the end of the file')
  return host.extent(vnode, wanted, true)
}

/** Times, dirty generation and the syncer's worklist move before it is known whether a page will be found. */
function noteUse(state: PagerState, vnode: number, request: PageRequest): void {
  const { vnodes, host } = state
  if ((request.flags & RequestFlag.noTimestamp) === 0 && keepsTimes(state, vnode)) {
    const accessed = vnodes.hasMountFlag(vnode, MountFlag.noAccessTime) ? 0 : UpdateFlag.accessed
    const how = accessed | (request.isWrite ? UpdateFlag.modified : 0)
    if (how !== 0) host.markUpdate(vnode, how)
  }
  if (request.isWrite) noteDirtied(state, vnode)
}

/** A pass of the syncer that has begun before must not take the vnode for clean. */
export function noteDirtied(state: PagerState, vnode: number): void {
  const { vnodes } = state
  vnodes.dirtyGeneration[vnode]! += 1
  if (!vnodes.hasFlag(vnode, VnodeFlag.onWorklist)) addToWorklist(state, vnode)
  if (vnodes.hasFlag(vnode, VnodeFlag.writeMapped)) vnodes.flags[vnode]! |= VnodeFlag.writeMapDirty
}

/** A device's times are not kept where the mount says so. */
export function keepsTimes(state: PagerState, vnode: number): boolean {
  return (
    state.vnodes.type[vnode] !== VnodeType.blockDevice ||
    !state.vnodes.hasMountFlag(vnode, MountFlag.noDeviceModifiedTime)
  )
}

export function addToWorklist(state: PagerState, vnode: number): void {
  state.vnodes.flags[vnode]! |= VnodeFlag.onWorklist
  state.host.worklistChanged(vnode, true)
}

/** The LOCKED request. If truncation is going on, nothing is handed out, and the places that were not wanted are forgotten. */
function residentPages(state: PagerState, vnode: number, request: PageRequest): number {
  const { frames } = request
  if (frames === null) throw new KernelStop('kernel-panic', routine, 'no place for the pages')
  const object = state.vnodes.object[vnode]!
  const how = Find.residentOnly | (request.isWrite ? Find.writableOnly : 0)
  if (findPagesNow(state, object, request.offset / PAGE_SIZE, frames, how) === 0) return Errno.EBUSY
  if (tryEnterNodeLock(state, vnode)) exitNodeLock(state, vnode)
  else {
    releasePages(state, frames)
    frames.fill(NO_PAGE)
  }
  return frames[request.center] === NO_PAGE ? Errno.EBUSY : Errno.none
}

function widen(
  state: PagerState,
  vnode: number,
  request: PageRequest,
  size: number,
  memoryEnd: number,
  isAsync: boolean,
  allocates: boolean,
): Plan {
  const blockSize = 1 << state.vnodes.blockShift(vnode)
  const { offset } = request
  const asked = Math.min(request.count, roundUp(memoryEnd - offset, PAGE_SIZE) / PAGE_SIZE)
  const start = offset - (offset % blockSize)
  const end = Math.min(
    roundUp(roundUp(offset + asked * PAGE_SIZE, blockSize), PAGE_SIZE),
    roundUp(memoryEnd, PAGE_SIZE),
  )
  return {
    diskEnd: state.host.extent(vnode, size, false),
    asked,
    start,
    total: Math.floor((end - start) / PAGE_SIZE),
    before: Math.floor((offset - start) / PAGE_SIZE),
    isAsync,
    allocates,
  }
}

/** The node's lock is held and is let go here. */
function* getLockedPages(state: PagerState, vnode: number, request: PageRequest, plan: Plan): Operation<number> {
  const frames = state.rows.take(plan.total).fill(NO_PAGE)
  const errno = yield* getPagesInto(frames, state, vnode, request, plan)
  state.rows.give(frames)
  return errno
}

function* getPagesInto(
  frames: Int32Array,
  state: PagerState,
  vnode: number,
  request: PageRequest,
  plan: Plan,
): Operation<number> {
  const object = state.vnodes.object[vnode]!
  const { asked, total, before, isAsync } = plan
  const wanted = asked === total ? frames : frames.subarray(before, before + asked)
  if (!(yield* findAll(state, object, request.offset / PAGE_SIZE, wanted, isAsync))) return busy(state, vnode, wanted)

  if (!mustBeFilled(state, wanted, plan.allocates)) {
    exitNodeLock(state, vnode)
    return succeed(state, request, plan, frames, before + asked)
  }
  if ((request.flags & RequestFlag.overwrite) !== 0) {
    // the caller is going to fill the pages itself, so they are handed to it as they are
    exitNodeLock(state, vnode)
    for (const frame of wanted) clearState(state, frame, PageState.readOnly | PageState.clean)
    return succeed(state, request, plan, frames, before + asked)
  }

  if (plan.start !== request.offset || total !== asked) {
    // pages are made busy in the order of the file, or two requests could wait for each other: so all over again
    releasePages(state, wanted)
    frames.fill(NO_PAGE)
    if (!(yield* findAll(state, object, plan.start / PAGE_SIZE, frames, isAsync))) return busy(state, vnode, frames)
  }
  return yield* readPages(state, vnode, request, plan, frames)
}

function* findAll(
  state: PagerState,
  object: number,
  firstPage: number,
  frames: Int32Array,
  isAsync: boolean,
): Operation<boolean> {
  if (isAsync) return findPagesNow(state, object, firstPage, frames, 0) === frames.length
  const first = findPagesUntil(state, object, firstPage, frames)
  if (first < frames.length) yield* findPagesFrom(state, object, firstPage, frames, first)
  return true
}

/** An asynchronous request does not wait for a page or for memory. */
function busy(state: PagerState, vnode: number, frames: Int32Array): number {
  exitNodeLock(state, vnode)
  releasePages(state, frames)
  return Errno.EBUSY
}

/** Whether any page is to be read, or, where blocks are allocated, to be given a place. */
function mustBeFilled(state: PagerState, frames: Int32Array, allocates: boolean): boolean {
  const bits = PageState.fake | (allocates ? PageState.readOnly : 0)
  for (const frame of frames) if (hasState(state, frame, bits)) return true
  return false
}

/** Reads what is missing of busy pages. The node's lock is let go when the blocks can no longer go away. */
function* readPages(
  state: PagerState,
  vnode: number,
  request: PageRequest,
  plan: Plan,
  frames: Int32Array,
): Operation<number> {
  const { buffers, host } = state
  const { isAsync } = plan
  const totalBytes = frames.length * PAGE_SIZE
  const bytes = Math.min(totalBytes, Math.max(plan.diskEnd - plan.start, 0))
  host.mapForTransfer(frames.length, true)
  const master = buffers.addMaster(
    {
      vnode,
      isRead: true,
      isAsync,
      isAging: false,
      completion: isAsync ? Completion.releasePages : Completion.none,
      priority: isAsync ? Priority.limited : Priority.critical,
      lengthBytes: bytes,
    },
    frames,
  )
  zeroTail(state, frames, bytes)
  const pieces = yield* startReading(state, vnode, request, plan, frames, master, bytes)
  countDone(state, master, pieces.skippedBytes, pieces.errno)
  if (isAsync) {
    exitNodeLock(state, vnode)
    return Errno.none
  }
  let { errno } = pieces
  if (pieces.isStarted)
    errno = buffers.isDone[master] === 0 ? yield* waitForBuffer(state, master) : buffers.errno[master]!
  if (errno === 0 && pieces.sawHole && plan.allocates) errno = yield* fillHoles(state, vnode, plan.start, frames)
  exitNodeLock(state, vnode)
  buffers.free(master)
  if (errno !== 0) {
    markFakeReleased(state, frames)
    unbusyPages(state, frames)
    return errno
  }
  return succeed(state, request, plan, frames, frames.length)
}

/** Behind the end of the file a page that is being filled is zero; others hold data that are to be kept. */
function zeroTail(state: PagerState, frames: Int32Array, from: number): void {
  for (let at = from; at < frames.length * PAGE_SIZE;) {
    const page = Math.floor(at / PAGE_SIZE)
    const within = at - page * PAGE_SIZE
    if (hasState(state, frames[page]!, PageState.fake)) state.host.zero(frames[page]!, within, PAGE_SIZE - within)
    at += PAGE_SIZE - within
  }
}

interface Pieces {
  errno: number
  skippedBytes: number
  isStarted: boolean
  sawHole: boolean
}

/** Sends the reads of those pages that are not filled yet, and zeros their holes. An error of bmap ends it. */
function* startReading(
  state: PagerState,
  vnode: number,
  request: PageRequest,
  plan: Plan,
  frames: Int32Array,
  master: number,
  bytes: number,
): Operation<Pieces> {
  const { host, vnodes } = state
  const blockSize = 1 << vnodes.blockShift(vnode)
  const { start } = plan
  const pieces: Pieces = { errno: 0, skippedBytes: 0, isStarted: false, sawHole: false }
  let at = start
  let left = bytes
  while (left > 0) {
    let page = Math.floor((at - start) / PAGE_SIZE)
    while (!hasState(state, frames[page]!, PageState.fake)) {
      if (at % PAGE_SIZE !== 0) throw new KernelStop('kernel-panic', routine, 'a page was filled in part')
      if (hasState(state, frames[page]!, PageState.readOnly)) pieces.sawHole = true
      const part = Math.min(PAGE_SIZE, left)
      at += part
      left -= part
      pieces.skippedBytes += part
      page += 1
      if (left === 0) return pieces
    }

    const block = Math.floor(at / blockSize)
    const mapping = yield* host.bmap(vnode, block)
    if (mapping.errno !== 0) {
      pieces.errno = mapping.errno
      pieces.skippedBytes += left
      return pieces
    }
    const length = unfilledLength(
      state,
      frames,
      page,
      at % PAGE_SIZE,
      Math.min((block + 1 + mapping.runAfter) * blockSize - at, left),
    )
    if (mapping.deviceBlock < 0) {
      pieces.sawHole = true
      zeroPages(state, frames, at - start, length)
      pieces.skippedBytes += length
      markHole(state, request, plan, frames, page, Math.ceil(((at % PAGE_SIZE) + length) / PAGE_SIZE))
    } else {
      const isWhole = at === start && length === left
      pieces.isStarted = true
      startPiece(
        state,
        vnode,
        isWhole ? master : addPiece(state, master, at - start, length),
        mapping.deviceBlock,
        at - block * blockSize,
      )
    }
    at += length
    left -= length
  }
  return pieces
}

/** How much of a piece that begins `within` bytes into a page can be moved before it meets a page that is already filled. */
function unfilledLength(state: PagerState, frames: Int32Array, page: number, within: number, length: number): number {
  if (within + length <= PAGE_SIZE) return length
  let next = page + 1
  while (next < frames.length && hasState(state, frames[next]!, PageState.fake)) next += 1
  return Math.min(length, (next - page) * PAGE_SIZE - within)
}

/** A hole anywhere in a page makes all of it read-only, unless blocks are about to be allocated. */
function markHole(
  state: PagerState,
  request: PageRequest,
  plan: Plan,
  frames: Int32Array,
  first: number,
  count: number,
): void {
  for (let page = first; page < first + count; page++) {
    if (request.isWrite) clearState(state, frames[page]!, PageState.clean)
    if (!plan.allocates) setState(state, frames[page]!, PageState.readOnly)
  }
}

/** Gives the whole range places on the device; then all of its pages are dirty, whether or not they had a hole. */
function* fillHoles(state: PagerState, vnode: number, start: number, frames: Int32Array): Operation<number> {
  const { host, vnodes } = state
  const hasJournal = vnodes.hasMountFlag(vnode, MountFlag.journal)
  let errno = hasJournal ? yield* host.beginJournal(vnode) : 0
  if (errno === 0) {
    errno = yield* host.allocateBlocks(vnode, start, frames.length * PAGE_SIZE)
    if (hasJournal) host.endJournal(vnode)
  }
  if (errno === 0) for (const frame of frames) clearState(state, frame, PageState.clean | PageState.readOnly)
  return errno
}

/** The first `count` of these pages are filled now; those that nobody asked for are let go, the others handed out. */
function succeed(state: PagerState, request: PageRequest, plan: Plan, frames: Int32Array, count: number): number {
  const isOverwrite = (request.flags & RequestFlag.overwrite) !== 0
  const { before, asked } = plan
  for (let i = 0; i < count; i++) {
    const frame = frames[i]!
    if (frame === NO_PAGE) continue
    if (!isOverwrite && hasState(state, frame, PageState.fake)) {
      clearState(state, frame, PageState.fake)
      takeModified(state, frame)
    }
    if (plan.allocates && hasState(state, frame, PageState.readOnly))
      throw new KernelStop('kernel-panic', routine, 'a page to be written has no place on the device')
    if (i < before || i >= before + asked || plan.isAsync) letGo(state, frame)
  }
  request.frames?.set(asked === frames.length ? frames : frames.subarray(before, before + asked))
  return Errno.none
}

function letGo(state: PagerState, frame: number): void {
  const { pages, host } = state
  if (pages.wanted[frame] !== 0) host.wakePage(frame)
  if (hasState(state, frame, PageState.fake)) {
    clearState(state, frame, PageState.clean)
    host.zero(frame, 0, PAGE_SIZE)
  }
  if (hasState(state, frame, PageState.released)) {
    freePage(state, frame)
    return
  }
  activate(state, frame)
  pages.wanted[frame] = 0
  pages.exclusiveBusy[frame] = 0
  clearState(state, frame, PageState.fake)
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
