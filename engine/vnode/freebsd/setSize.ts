/**
 * The file of an object has grown or shrunk.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { ObjectType, PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import { clearDirty, setValidRange } from './partialPages.ts'
import type { PagerState } from './state.ts'

/**
 * Tells the pager a file's new size in bytes: vnode_pager_setsize. Growing touches no page. Shrinking frees the pages beyond
 * the end; the page that the end cuts is zeroed behind it, where it has any valid part: those sectors become valid, the cut one
 * included, and clean, the cut one not, for its first part may have been written.
 */
export function setSize(state: PagerState, vnode: number, newSize: number): void {
  const { pages, vnodes, host } = state
  const object = vnodes.object[vnode]!
  if (object < 0 || pages.objectType[object] === ObjectType.dead) return
  if (pages.objectType[object] !== ObjectType.file)
    throw new KernelStop('kernel-panic', 'vnode_pager_setsize', 'not the object of a file')
  const oldSize = state.fileSize[object]!
  if (newSize === oldSize) return

  const newPages = Math.ceil(newSize / PAGE_SIZE)
  if (newSize < oldSize) {
    if (newPages < pages.objectSize[object]!) host.removePages(object, newPages, pages.objectSize[object]!)
    const cut = newSize % PAGE_SIZE
    if (cut !== 0) cutPage(state, object, newPages - 1, cut)
  }
  state.fileSize[object] = newSize
  pages.objectSize[object] = newPages
}

function cutPage(state: PagerState, object: number, pageIndex: number, cut: number): void {
  const { pages, host } = state
  const frame = pages.lookup(object, pageIndex)
  // a page without valid parts stays as it is: made partly valid it would disturb a read of the file system's own
  if (frame >= 0 && pages.valid[frame] !== 0) {
    host.zero(frame, cut, PAGE_SIZE - cut)
    setValidRange(state, frame, cut, PAGE_SIZE - cut)
    const wholeSectors = Math.ceil(cut / SECTOR_SIZE) * SECTOR_SIZE
    clearDirty(state, frame, wholeSectors, PAGE_SIZE - wholeSectors)
  } else if (host.isCached(object, pageIndex)) host.freeCached(object, pageIndex, pageIndex + 1)
}
