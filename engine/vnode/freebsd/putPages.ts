/**
 * Writing pages of a file.
 *
 * The pages are handed to the file system's write operation as they lie. The pager cleans none of them: whoever takes the write
 * (the buffer cache) does. Only what lies behind the end of the file is not worth keeping, and its dirty bits go.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { PutFlag, IoFlag, type Operation } from '../operation.ts'
import { clearDirty } from './partialPages.ts'
import { FIRST_METADATA_PAGE, pageOffset, Total, type PagerState } from './state.ts'

const routine = 'vnode_pager_generic_putpages'

/** The sequential count that makes a file system cluster as much as it can: IO_SEQMAX. */
const SEQUENTIAL_MOST = 127

/** The pager prints one message about failed writes a second. */
const MESSAGE_INTERVAL_NS = 1e9

/**
 * The pager's entry: vnode_pager_putpages. When memory is very low the write is synchronous, for a file system may need
 * memory to begin it. `flags`: PutFlag; `results` gets a PagerResult a page. Answers the first of them.
 */
export function putPages(
  state: PagerState,
  object: number,
  frames: Int32Array,
  flags: number,
  results: Uint8Array,
): Operation<number> {
  const vnode = state.pages.handle[object]!
  if (vnode < 0) throw new KernelStop('kernel-panic', 'vnode_pager_putpages', 'the object has lost its vnode')
  return genericPutPages(state, vnode, frames, state.host.isMemoryLow() ? flags | PutFlag.sync : flags, results)
}

/**
 * vnode_pager_generic_putpages. Pages of the file are answered OK whether or not the write went well, pages beyond its end
 * BAD; a row that lies wholly beyond it is still written, with no bytes.
 */
export function* genericPutPages(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  flags: number,
  results: Uint8Array,
): Operation<number> {
  const { pages, vnodes, host, totals } = state
  const object = vnodes.object[vnode]!
  const count = frames.length
  results.fill(PagerResult.error, 0, count)
  const firstPage = pages.pageIndex[frames[0]!]!
  if (firstPage >= FIRST_METADATA_PAGE) {
    host.message('vnode-put-metadata', vnode, firstPage)
    results[0] = PagerResult.bad
    return PagerResult.bad
  }

  const offset = pageOffset(firstPage)
  const fileSize = state.fileSize[object]!
  let length = count * PAGE_SIZE
  let inFile = count
  if (offset + length > fileSize) {
    length = Math.max(0, fileSize - offset)
    inFile = Math.ceil(length / PAGE_SIZE)
    if (length % PAGE_SIZE !== 0) cleanTail(state, frames[inFile - 1]!, length % PAGE_SIZE)
    results.fill(PagerResult.bad, inFile, count)
  }

  const { errno, doneBytes } = yield* host.write(
    vnode,
    offset,
    length,
    frames.subarray(0, inFile),
    writeFlags(flags),
    SEQUENTIAL_MOST,
  )
  totals[Total.vnodeOuts]! += 1
  totals[Total.vnodePagesOut]! += inFile

  let mayPrint = false
  if (errno !== 0) {
    mayPrint = takeMessage(state)
    if (mayPrint) host.message('vnode-write-error', vnode, errno)
  }
  if (doneBytes < length && (mayPrint || takeMessage(state)))
    host.message('vnode-write-residual', vnode, length - doneBytes)
  results.fill(PagerResult.ok, 0, inFile)
  return results[0]!
}

/** The file ends in this page; what a mapping wrote behind the end is dropped, except in the sector that the end cuts. */
function cleanTail(state: PagerState, frame: number, end: number): void {
  if (state.pages.sharedBusy[frame] === 0)
    throw new KernelStop('kernel-panic', routine, 'the last page is not shared busy')
  if (state.host.isWriteMapped(frame))
    throw new KernelStop('kernel-panic', routine, 'the last page can be written through a mapping')
  clearDirty(state, frame, end, PAGE_SIZE - end)
}

/** Neither sync nor async leaves it to the file system how to cluster. */
function writeFlags(flags: number): number {
  const isInvalidating = (flags & PutFlag.invalidate) !== 0
  let how: number = IoFlag.fromPages
  if ((flags & PutFlag.sync) !== 0 || isInvalidating) how |= IoFlag.sync
  else if ((flags & PutFlag.clusterOk) === 0) how |= IoFlag.async
  return isInvalidating ? how | IoFlag.invalidate : how
}

/** Whether a message may be printed now: ppsratecheck with one a second. */
function takeMessage(state: PagerState): boolean {
  const { totals, host } = state
  const now = host.nowNs()
  const last = totals[Total.messageSecondNs]!
  if (last < 0 || now - last >= MESSAGE_INTERVAL_NS) {
    totals[Total.messageSecondNs] = now
    totals[Total.messagesThisSecond] = 1
    return true
  }
  totals[Total.messagesThisSecond]! += 1
  return totals[Total.messagesThisSecond]! <= 1
}

/**
 * For file systems that write pages themselves: the first `writtenBytes` of a row of pages are on the device.
 * vnode_pager_undirty_pages. Whole pages are clean and OK; of a page written in part the sectors touched are clean, the cut one
 * too, and it is to be written AGAIN. Other pages' results are left alone.
 */
export function undirtyPages(state: PagerState, frames: Int32Array, results: Uint8Array, writtenBytes: number): void {
  for (let i = 0; i * PAGE_SIZE < writtenBytes; i++) {
    const written = writtenBytes - i * PAGE_SIZE
    if (written >= PAGE_SIZE) {
      results[i] = PagerResult.ok
      state.pages.dirty[frames[i]!] = 0
    } else {
      results[i] = PagerResult.again
      clearDirty(state, frames[i]!, 0, written)
    }
  }
}
