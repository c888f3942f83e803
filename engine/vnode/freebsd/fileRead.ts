/**
 * Reading a page of a file system that cannot map blocks: through its read operation.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { ALL_SECTORS, PAGE_SIZE } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import { pageOffset, type PagerState } from './state.ts'

/**
 * Fills a page: vnode_pager_input_old. What the file does not have of it is zeroed and the page is valid as a whole; a read of
 * nothing is an error, a page beyond the end of the file is bad. Answers a PagerResult.
 */
export function* readByFileSystem(state: PagerState, object: number, frame: number): Operation<number> {
  const { pages, host } = state
  const offset = pageOffset(pages.pageIndex[frame]!)
  const fileSize = state.fileSize[object]!
  if (offset >= fileSize) return PagerResult.bad
  const { errno, doneBytes } = yield* host.read(
    pages.handle[object]!,
    offset,
    Math.min(PAGE_SIZE, fileSize - offset),
    frame,
  )
  const isFilled = errno === 0 && doneBytes > 0
  if (isFilled && doneBytes < PAGE_SIZE) host.zero(frame, doneBytes, PAGE_SIZE - doneBytes)
  if (pages.dirty[frame] !== 0)
    throw new KernelStop('kernel-panic', 'vnode_pager_input_old', 'a page that is read is dirty')
  if (!isFilled) return PagerResult.error
  pages.valid[frame] = ALL_SECTORS
  return PagerResult.ok
}
