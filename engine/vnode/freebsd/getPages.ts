/**
 * Reading pages of a file.
 *
 * The caller hands over a row of neighbouring pages, all exclusively busy, and names the one it needs. That one comes back busy;
 * of the others, those that lie with it in one run of device blocks are read too and let go, and the rest is freed.
 *
 * Three ways lead to the bytes: one transfer from the device straight into the run's pages; block by block where the file system's
 * blocks are smaller than a page (smallBlocks.ts); and the file system's read operation where it cannot map blocks (fileRead.ts).
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, PAGE_SIZE } from '../../vm/pages.ts'
import { fileAddress } from './fileBlocks.ts'
import { readByFileSystem } from './fileRead.ts'
import { Errno, type Operation } from '../operation.ts'
import { sectorMask, setValidRange } from './partialPages.ts'
import { readSmallBlocks } from './smallBlocks.ts'
import { pageOffset, Total, type PagerState } from './state.ts'

const routine = 'vnode_pager_generic_getpages'

/** The pager's entry: vnode_pager_getpages, for file systems without an operation of their own. Answers a PagerResult. */
export function getPages(state: PagerState, object: number, frames: Int32Array, requested: number): Operation<number> {
  const vnode = state.pages.handle[object]!
  if (vnode < 0) throw new KernelStop('kernel-panic', 'vnode_pager_getpages', 'the object has lost its vnode')
  return genericGetPages(state, vnode, frames, requested)
}

/** vnode_pager_generic_getpages */
export function* genericGetPages(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  requested: number,
): Operation<number> {
  const { pages, vnodes, host } = state
  const object = vnodes.object[vnode]!
  if (vnodes.isDevice(vnode)) throw new KernelStop('kernel-panic', routine, 'devices are not paged through their vnode')
  if (vnodes.isDoomed(vnode)) return PagerResult.bad

  const blockSize = vnodes.blockSize[vnode]!
  const wanted = frames[requested]!
  const block = Math.trunc(pageOffset(pages.pageIndex[wanted]!) / blockSize)
  const mapping = yield* host.bmap(vnode, block, false)
  if (mapping.errno === Errno.EOPNOTSUPP) {
    freeAllBut(state, frames, 0, requested)
    countRead(state, 1)
    return yield* readByFileSystem(state, object, wanted)
  }
  if (mapping.errno !== 0) {
    freeAllBut(state, frames, 0, requested)
    return PagerResult.error
  }
  if (PAGE_SIZE / blockSize > 1 && vnodes.isNetwork[vnode] === 0) {
    freeAllBut(state, frames, 0, requested)
    countRead(state, 1)
    return yield* readSmallBlocks(state, object, wanted)
  }

  // nothing to read: neither of these counts as a page-in
  if (pages.valid[wanted] === ALL_SECTORS) {
    freeAllBut(state, frames, 0, requested)
    return PagerResult.ok
  }
  if (mapping.sector === -1) {
    host.zero(wanted, 0, PAGE_SIZE)
    requireClean(state, wanted, ALL_SECTORS)
    pages.valid[wanted] = ALL_SECTORS
    freeAllBut(state, frames, 0, requested)
    return PagerResult.ok
  }

  // what was valid is read again with the rest
  pages.valid[wanted] = 0
  const run = yield* findRun(state, vnode, frames, requested)
  if (run === null) return PagerResult.error
  const isAll = run.first === 0 && run.end === frames.length
  const own = isAll ? frames : frames.subarray(run.first, run.end)
  return yield* readRun(state, vnode, own, requested - run.first, run.sector)
}

/** Places in the row of pages: [first, end), and the sector of the first. */
interface Run {
  first: number
  end: number
  sector: number
}

/**
 * Finds the pages that lie in one run with the requested one and frees all others. Runs are looked for from the first page
 * forward, each where the last one ended, and a hole ends one. Null if a place cannot be found out: then the pages not yet looked
 * at are freed too.
 */
function* findRun(state: PagerState, vnode: number, frames: Int32Array, requested: number): Operation<Run | null> {
  const { pages, vnodes, host } = state
  const object = vnodes.object[vnode]!
  const count = frames.length
  for (let first = 0; ;) {
    const offset = pageOffset(pages.pageIndex[frames[first]!]!)
    const { errno, sector, runPages } = yield* fileAddress(state, vnode, offset, true)
    if (errno !== 0) {
      freeAllBut(state, frames, first, requested)
      return null
    }
    if (sector === -1) {
      if (first === requested && offset < state.fileSize[object]!)
        throw new KernelStop('kernel-panic', routine, `the requested page at offset ${offset} has become a hole`)
      host.freePage(frames[first]!)
      first += 1
      if (first === count) throw new KernelStop('kernel-panic', routine, 'no page is left to be read')
      continue
    }
    // blocks smaller than a page have runs of no page: the source looks at the same place for ever
    if (runPages === 0)
      throw new KernelStop('livelock', routine, 'file system blocks smaller than a page over a network file system')
    if (first + runPages > requested) {
      const end = Math.min(count, first + runPages)
      for (let i = end; i < count; i++) host.freePage(frames[i]!)
      return { first, end, sector }
    }
    for (let i = first; i < first + runPages; i++) host.freePage(frames[i]!)
    first += runPages
  }
}

/** Reads a run in one transfer. `frames` are its pages, `requested` the place of the one that stays busy. */
function* readRun(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  requested: number,
  sector: number,
): Operation<number> {
  const { pages, vnodes, host } = state
  const object = vnodes.object[vnode]!
  const offset = pageOffset(pages.pageIndex[frames[0]!]!)
  const whole = frames.length * PAGE_SIZE
  const toEnd = Math.min(whole, state.fileSize[object]! - offset)
  if (toEnd <= 0) throw new KernelStop('kernel-panic', routine, `a read of ${toEnd} bytes, beyond the end of the file`)
  const sectorSize = vnodes.deviceSectorSize[vnode]!
  if (sectorSize < 2 || sectorSize > PAGE_SIZE)
    throw new KernelStop('kernel-panic', routine, `the device's sectors of ${sectorSize} bytes do not fit a page`)
  // a device moves whole sectors, so what follows the end of the file on it lands in the page
  const length = Math.ceil(toEnd / sectorSize) * sectorSize

  countRead(state, frames.length)
  const errno = yield* host.readDevice(vnode, sector, length, frames, 0)
  if (errno === 0)
    for (let at = length; at < whole; at += PAGE_SIZE - (at % PAGE_SIZE))
      host.zero(frames[Math.floor(at / PAGE_SIZE)]!, at % PAGE_SIZE, PAGE_SIZE - (at % PAGE_SIZE))

  // after an error too: the pages read ahead pass for valid
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i]!
    const valid = state.fileSize[object]! - (offset + i * PAGE_SIZE)
    if (valid >= PAGE_SIZE) {
      pages.valid[frame] = ALL_SECTORS
      requireClean(state, frame, ALL_SECTORS)
      if (pages.firstMapping[frame]! >= 0)
        throw new KernelStop('kernel-panic', routine, 'a page that is read is mapped')
    } else {
      if (valid < 0) throw new KernelStop('kernel-panic', routine, 'a page beyond the end of the file')
      setValidRange(state, frame, 0, valid)
      requireClean(state, frame, sectorMask(0, valid))
    }
    if (i !== requested) finishReadAhead(state, frame)
  }
  if (errno === 0) return PagerResult.ok
  host.message('vnode-read-error', vnode, offset)
  return PagerResult.error
}

/** Lets go of a page that came along: vm_page_readahead_finish. One that somebody waits for is worth keeping. */
function finishReadAhead(state: PagerState, frame: number): void {
  const { pages, host } = state
  if (pages.valid[frame] === 0) {
    host.freePage(frame)
    return
  }
  if (pages.wanted[frame] !== 0) pages.activate(frame)
  else pages.deactivate(frame)
  host.releaseBusy(frame)
}

function freeAllBut(state: PagerState, frames: Int32Array, from: number, requested: number): void {
  for (let i = from; i < frames.length; i++) if (i !== requested) state.host.freePage(frames[i]!)
}

function requireClean(state: PagerState, frame: number, mask: number): void {
  if ((state.pages.dirty[frame]! & mask) !== 0)
    throw new KernelStop('kernel-panic', routine, 'a page that is read is dirty')
}

function countRead(state: PagerState, count: number): void {
  state.totals[Total.vnodeIns]! += 1
  state.totals[Total.vnodePagesIn]! += count
}
