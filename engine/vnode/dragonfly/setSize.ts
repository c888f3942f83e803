/**
 * A file has changed its size: the pager's own idea of it follows, and pages beyond a new end go.
 *
 * Source: vnode_pager_setsize.
 */
import { ALL_SECTORS, PAGE_SIZE } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import { clearDirtyFrom, lookupBusyPage, removePages } from './pageOperations.ts'
import { pagesOf, type PagerState } from './state.ts'

/**
 * Says that a vnode's file has `sizeBytes` now. Nothing happens to a vnode without an object, or to one that has this size already.
 * The sizes change before any page is looked at, so that nobody makes a new page beyond the end meanwhile. The object gets whole
 * pages here, not whole blocks as when it was made. A file whose size was not known is never shrunk.
 */
export function* setSize(state: PagerState, vnode: number, sizeBytes: number): Operation<void> {
  const { pages, vnodes } = state
  const object = vnodes.object[vnode]!
  const before = vnodes.fileSize[vnode]!
  if (object < 0 || sizeBytes === before) return
  const pagesBefore = pages.objectSize[object]!
  const pagesNow = pagesOf(sizeBytes)
  pages.objectSize[object] = pagesNow
  vnodes.fileSize[vnode] = sizeBytes
  if (sizeBytes > before) return
  if (pagesNow < pagesBefore) yield* removePages(state, object, pagesNow, pagesBefore)
  if (sizeBytes % PAGE_SIZE !== 0)
    yield* cutPage(state, object, Math.floor(sizeBytes / PAGE_SIZE), sizeBytes % PAGE_SIZE)
}

/**
 * Clears what lies beyond byte `end` of the page in which a file now ends. The page is unmapped, so that no processor sees the
 * bytes that were there: that may find it modified, and wholly dirty. Sectors beyond the end are clean then, but whatever is
 * left dirty makes the page wholly dirty: the VM expects no page that is so in part. Valid bits stay as they are.
 */
function* cutPage(state: PagerState, object: number, pageIndex: number, end: number): Operation<void> {
  const { pages, host } = state
  const frame = yield* lookupBusyPage(state, object, pageIndex)
  if (frame < 0) return
  if (pages.valid[frame] !== 0) {
    host.zero(frame, end, PAGE_SIZE - end)
    host.unmapPage(frame)
    clearDirtyFrom(state, frame, end)
    if (pages.dirty[frame] !== 0) pages.dirty[frame] = ALL_SECTORS
  }
  host.releaseBusy(frame)
}
