/**
 * Pageins: one read through the buffer cache for all pages asked for, however they lie on the device.
 *
 * Source: vnode_pager_getpage, vnode_pager_generic_getpages, vnode_pager_freepage.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, PAGE_SIZE, PageFlag } from '../../vm/pages.ts'
import { Errno, IoFlag, SEQUENTIAL_MAX, type Operation } from '../operation.ts'
import { DragonflyPageFlag, finishPageIo, finishPageIoNow, startPageIo, zeroInvalid } from './pageOperations.ts'
import { pageOffset, Total, type PagerState } from './state.ts'

/** Gets one page, exclusively busy: the pager's entry point. Answers a PagerResult; the page stays busy. */
export function* getPage(state: PagerState, object: number, frame: number, isSequential: boolean): Operation<number> {
  const vnode = state.pages.handle[object]!
  const row = state.rows.take(1)
  row[0] = frame
  const result = yield* state.host.getPages(vnode, row, PAGE_SIZE, 0, isSequential)
  state.rows.give(row)
  if (result === Errno.EOPNOTSUPP)
    throw new KernelStop('kernel-panic', 'vnode_pager_getpage', `the file system of vnode ${vnode} cannot get pages`)
  return result
}

/**
 * Gets the pages of `lengthBytes`, rounded up to whole pages; all are exclusively busy and neighbours in their object, and
 * `required` is the place of the one that the caller wants and keeps. The others are released or freed. Answers a PagerResult.
 *
 * The read is issued though the required page may be valid already: it is what keeps read-ahead going. Of the pages past the end of
 * the file the required one stays busy and invalid, and the answer is an error only if all are past it.
 */
export function* genericGetPages(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  lengthBytes: number,
  required: number,
  isSequential: boolean,
): Operation<number> {
  const { pages, vnodes, host } = state
  if (!vnodes.isMounted(vnode)) return PagerResult.bad
  let count = Math.ceil(lengthBytes / PAGE_SIZE)
  let bytes = count * PAGE_SIZE

  const firstIndex = pages.pageIndex[frames[0]!]!
  const offset = pageOffset(firstIndex)
  const fileSize = vnodes.fileSize[vnode]!
  if (offset >= fileSize) {
    for (let i = 0; i < count; i++) if (i !== required) releasePage(state, frames[i]!)
    return PagerResult.error
  }
  if (offset + bytes > fileSize) {
    bytes = fileSize - offset
    for (const inFile = Math.ceil(bytes / PAGE_SIZE); count > inFile;) {
      count -= 1
      if (count !== required) releasePage(state, frames[count]!)
    }
  }
  if (vnodes.isDevice(vnode)) {
    const sectorSize = vnodes.sectorSize[vnode]!
    if (sectorSize > PAGE_SIZE)
      throw new KernelStop(
        'kernel-panic',
        'vnode_pager_generic_getpages',
        `sectors of ${sectorSize} bytes are larger than a page`,
      )
    bytes = Math.ceil(bytes / sectorSize) * sectorSize
  }

  // the buffer cache makes the pages busy itself: it would wait for ever for one that is exclusively busy
  for (let i = 0; i < count; i++) startPageIo(state, frames[i]!)
  state.totals[Total.vnodeIns]! += 1
  state.totals[Total.vnodePagesIn]! += count
  const { errno } = yield* host.read(
    vnode,
    offset,
    bytes,
    count === frames.length ? frames : frames.subarray(0, count),
    IoFlag.fromPages,
    isSequential ? SEQUENTIAL_MAX : 0,
  )
  for (let i = 0; i < count; i++) if (!finishPageIoNow(state, frames[i]!)) yield* finishPageIo(state, frames[i]!)

  let error = errno
  for (let i = 0; i < count; i++) {
    const frame = frames[i]!
    if (i !== required) keepOrRelease(state, frame, error)
    else if (pages.valid[frame] === 0) {
      if (error === 0) {
        host.message('vnode-page-not-read', pages.object[frame]!, pages.pageIndex[frame]!, 0)
        // from here on the pages after it are dropped too
        error = Errno.EINVAL
      }
    } else if (pages.valid[frame] !== ALL_SECTORS) zeroInvalid(state, frame)
  }
  if (error === 0) return PagerResult.ok
  host.message('vnode-read-error', vnode, firstIndex, error)
  return PagerResult.error
}

/** What becomes of a page that nobody asked for: it waits on a queue if it was read. */
function keepOrRelease(state: PagerState, frame: number, error: number): void {
  const { pages, host } = state
  if (error !== 0 || pages.valid[frame] === 0) return releasePage(state, frame)
  if ((pages.flags[frame]! & PageFlag.referenced) !== 0) pages.activate(frame)
  else pages.deactivate(frame)
  host.releaseBusy(frame)
}

/**
 * Drops an exclusively busy page. One that the buffer cache has taken meanwhile (soft-busy, wired) or that needs a commit
 * cannot be freed: it is activated, even if it is invalid. vnode_pager_freepage.
 */
export function releasePage(state: PagerState, frame: number): void {
  const { pages, host } = state
  if (
    pages.sharedBusy[frame] !== 0 ||
    pages.wired[frame] !== 0 ||
    (pages.kernelFlags[frame]! & DragonflyPageFlag.needCommit) !== 0
  ) {
    pages.activate(frame)
    host.releaseBusy(frame)
  } else host.freePage(frame)
}
