/**
 * Whether a file has a page: yes or no, without the neighbours that other kernels tell of.
 *
 * Source: vnode_pager_haspage.
 */
import { NO_OFFSET } from './host.ts'
import type { Operation } from '../operation.ts'
import { pageOffset, type PagerState } from './state.ts'
import { VnodeFlag } from './vnodes.ts'

/** A hole is not there; a block of which the file system cannot say where it lies is. */
export function* hasPage(state: PagerState, object: number, pageIndex: number): Operation<boolean> {
  const { pages, vnodes, host } = state
  const vnode = pages.handle[object]!
  if (vnode < 0 || vnodes.has(vnode, VnodeFlag.reclaimed)) return false
  const offset = pageOffset(pageIndex)
  if (!vnodes.isMounted(vnode) || offset >= vnodes.fileSize[vnode]!) return false
  const mapping = yield* host.bmap(vnode, offset - (offset % vnodes.blockSize[vnode]!))
  return mapping.errno !== 0 || mapping.deviceOffset !== NO_OFFSET
}
