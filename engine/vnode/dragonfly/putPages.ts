/**
 * Pageouts: one write through the buffer cache for a run of pages.
 *
 * Source: vnode_pager_putpages, vnode_pager_generic_putpages.
 */
import { PagerResult } from '../../swap/pager.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { Errno, IoFlag, PutFlag, SEQUENTIAL_MAX, type Operation } from '../operation.ts'
import { pageOffset, Total, type PagerState } from './state.ts'

/**
 * Puts pages that are neighbours in their object: the pager's entry point. `flags`: PutFlag; `results` gets a PagerResult a page.
 * The write is synchronous where memory is low, for an asynchronous one might need more to begin. The page daemon has taken the
 * modified bits of the pages' mappings before.
 */
export function* putPages(
  state: PagerState,
  object: number,
  frames: Int32Array,
  flags: number,
  results: Uint8Array,
): Operation<void> {
  const { pages, host } = state
  const effective = host.isMemoryLow() ? flags | PutFlag.sync : flags
  const vnode = pages.handle[object]!
  const bytes = frames.length * PAGE_SIZE
  const answer = yield* host.putPages(vnode, frames, bytes, effective, results)
  if (answer !== Errno.EOPNOTSUPP) return
  host.message('vnode-put-stale', vnode, 0, 0)
  yield* genericPutPages(state, vnode, frames, bytes, effective, results)
}

/**
 * Writes the pages of `lengthBytes`, whole pages, as far as they lie in the file. Answers the first of `results`.
 *
 * Pages wholly past the end of the file are bad, but the write is issued, of no bytes if need be, and counted. Unless it
 * fails all others are wholly clean, even if less was written than asked for; if it fails they are to be tried again, dirty.
 */
export function* genericPutPages(
  state: PagerState,
  vnode: number,
  frames: Int32Array,
  lengthBytes: number,
  flags: number,
  results: Uint8Array,
): Operation<number> {
  const { pages, vnodes, host } = state
  const count = Math.floor(lengthBytes / PAGE_SIZE)
  results.fill(PagerResult.again, 0, count)
  const firstIndex = pages.pageIndex[frames[0]!]!
  // the kernel looks at 32 bits of the index: from page 2^31 on every other 8 TiB of a file cannot be written
  if ((firstIndex | 0) < 0) {
    host.message('vnode-put-metadata', vnode, firstIndex, pages.dirty[frames[0]!]!)
    results[0] = PagerResult.bad
    return PagerResult.bad
  }

  const offset = pageOffset(firstIndex)
  const fileSize = vnodes.fileSize[vnode]!
  let bytes = count * PAGE_SIZE
  let inFile = count
  if (offset + bytes > fileSize) {
    bytes = Math.max(0, fileSize - offset)
    inFile = Math.ceil(bytes / PAGE_SIZE)
    results.fill(PagerResult.bad, inFile, count)
  }

  const { errno, doneBytes } = yield* host.write(
    vnode,
    offset,
    bytes,
    frames.subarray(0, inFile),
    writeFlags(flags),
    SEQUENTIAL_MAX,
  )
  state.totals[Total.vnodeOuts]! += 1
  state.totals[Total.vnodePagesOut]! += inFile
  if (errno !== 0 && state.mayPrint(Total.writeErrorSecond)) host.message('vnode-write-error', vnode, firstIndex, errno)
  if (doneBytes !== bytes && state.mayPrint(Total.residualSecond))
    host.message('vnode-write-residual', vnode, firstIndex, bytes - doneBytes)
  if (errno === 0)
    for (let i = 0; i < inFile; i++) {
      results[i] = PagerResult.ok
      pages.dirty[frames[i]!] = 0
    }
  return results[0]!
}

/** The write is clustered by the file system only if the caller allows it; otherwise it begins at once, pageouts being clusters already. */
function writeFlags(flags: number): number {
  let result: number = IoFlag.fromPages
  if ((flags & (PutFlag.sync | PutFlag.invalidate)) !== 0) result |= IoFlag.sync
  else if ((flags & PutFlag.clusterOk) === 0) result |= IoFlag.async
  if ((flags & PutFlag.invalidate) !== 0) result |= IoFlag.invalidate
  return result
}
