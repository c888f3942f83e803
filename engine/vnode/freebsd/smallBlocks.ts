/**
 * Reading a page of a file system whose blocks are smaller than a page: block by block.
 */
import { KernelStop } from '../../sim/kernelStop.ts'
import { PagerResult } from '../../swap/pager.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'
import { fileAddress } from './fileBlocks.ts'
import type { Operation } from '../operation.ts'
import { sectorMask } from './partialPages.ts'
import { pageOffset, type PagerState } from './state.ts'

/**
 * Fills the blocks of a page: vnode_pager_input_smlfs. A block with any valid sector is left alone; a hole, and all beyond the end
 * of the file, is zeroed, even where the whole page lies beyond it. An error keeps the blocks before it. Answers a PagerResult.
 */
export function* readSmallBlocks(state: PagerState, object: number, frame: number): Operation<number> {
  const { pages, vnodes, host } = state
  const vnode = pages.handle[object]!
  if (vnodes.isDoomed(vnode)) return PagerResult.bad
  const blockSize = vnodes.blockSize[vnode]!
  const target = Int32Array.of(frame)
  for (let within = 0; within < PAGE_SIZE; within += blockSize) {
    const sectors = sectorMask(within, blockSize)
    if ((pages.valid[frame]! & sectors) !== 0) continue

    let sector = -1
    const offset = pageOffset(pages.pageIndex[frame]!) + within
    if (offset < state.fileSize[object]!) {
      const address = yield* fileAddress(state, vnode, offset, false)
      if (address.errno !== 0) return PagerResult.error
      sector = address.sector
    }
    if (sector === -1) host.zero(frame, within, blockSize)
    else if ((yield* host.readDevice(vnode, sector, blockSize, target, within)) !== 0) return PagerResult.error
    if ((pages.dirty[frame]! & sectors) !== 0)
      throw new KernelStop('kernel-panic', 'vnode_pager_input_smlfs', 'a page that is read is dirty')
    pages.valid[frame]! |= sectors
  }
  return PagerResult.ok
}
