/**
 * From pages to file blocks to device sectors: where a page lies, and which pages around it can be had with it.
 */
import { PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import { Errno, type Operation } from '../operation.ts'
import { FIRST_METADATA_PAGE, pageOffset, type PagerState } from './state.ts'

/** What haspage tells; null where it was not asked for or nobody knows. */
export interface PagePresence {
  has: boolean
  /** Pages before and after it that lie on the device without a gap. */
  before: number | null
  after: number | null
}

/** Where a byte of a file lies. */
export interface FileAddress {
  /** 0, or why nobody knows. */
  errno: number
  /** -1 in a hole. */
  sector: number
  /** Pages from the one of that byte to the end of the run; 0 where a block is smaller than a page. */
  runPages: number
}

/** Stands for the source's -1 where a file offset is negative or the vnode is doomed: an error without a name. */
export const NO_ADDRESS = -1

/**
 * Whether the file has a page: vnode_pager_haspage. A hole is not had, but a page whose place cannot be found out is: then
 * the read will fail in its turn.
 */
export function* hasPage(
  state: PagerState,
  object: number,
  pageIndex: number,
  wantsBefore: boolean,
  wantsAfter: boolean,
): Operation<PagePresence> {
  const { pages, vnodes, host } = state
  const answer: PagePresence = { has: false, before: null, after: null }
  const vnode = pages.handle[object]!
  if (vnode < 0 || vnodes.isDoomed(vnode)) return answer
  if (pageOffset(pageIndex) >= state.fileSize[object]!) return answer

  const blockSize = vnodes.blockSize[vnode]!
  const pagesPerBlock = Math.floor(blockSize / PAGE_SIZE)
  const blocksPerPage = pagesPerBlock > 0 ? 0 : PAGE_SIZE / blockSize
  const mapping = yield* host.bmap(
    vnode,
    blockOfPage(pageIndex, pagesPerBlock, blocksPerPage),
    wantsBefore || wantsAfter,
  )
  if (mapping.errno !== 0) return { ...answer, has: true }
  if (mapping.sector === -1) return answer

  answer.has = true
  if (pagesPerBlock === 0) {
    if (wantsBefore) answer.before = Math.floor(mapping.runBefore / blocksPerPage)
    if (wantsAfter) answer.after = Math.floor(mapping.runAfter / blocksPerPage)
    return answer
  }
  const pageInBlock = pageIndex % pagesPerBlock
  if (wantsBefore) answer.before = mapping.runBefore * pagesPerBlock + pageInBlock
  if (wantsAfter) {
    // the file may end within the block, but blocks after it are counted whole
    let restOfBlock = pagesPerBlock - (pageInBlock + 1)
    const fileSize = state.fileSize[object]!
    if (pageOffset(pageIndex + restOfBlock) > fileSize) restOfBlock = Math.floor(fileSize / PAGE_SIZE) - pageIndex
    answer.after = mapping.runAfter * pagesPerBlock + restOfBlock
  }
  return answer
}

/** The file block in which a page begins. The kernel's product wraps at 64 bits, which only a metadata page can reach. */
function blockOfPage(pageIndex: number, pagesPerBlock: number, blocksPerPage: number): number {
  if (pageIndex < FIRST_METADATA_PAGE)
    return pagesPerBlock > 0 ? Math.floor(pageIndex / pagesPerBlock) : pageIndex * blocksPerPage
  const low = BigInt(pageOffset(pageIndex) / PAGE_SIZE)
  const kernelIndex = BigInt.asUintN(64, low < 0n ? low : low + (1n << 63n))
  return Number(
    BigInt.asIntN(64, pagesPerBlock > 0 ? kernelIndex / BigInt(pagesPerBlock) : kernelIndex * BigInt(blocksPerPage)),
  )
}

/** Finds the place of a file offset on the device: vnode_pager_addr. */
export function* fileAddress(
  state: PagerState,
  vnode: number,
  offset: number,
  wantsRun: boolean,
): Operation<FileAddress> {
  const { vnodes, host } = state
  if (offset < 0 || vnodes.isDoomed(vnode)) return { errno: NO_ADDRESS, sector: -1, runPages: 0 }
  const blockSize = vnodes.blockSize[vnode]!
  const block = Math.floor(offset / blockSize)
  const within = offset - block * blockSize
  const mapping = yield* host.bmap(vnode, block, wantsRun)
  if (mapping.errno !== 0) return { errno: mapping.errno, sector: -1, runPages: 0 }
  return {
    errno: Errno.none,
    sector: mapping.sector === -1 ? -1 : mapping.sector + Math.floor(within / SECTOR_SIZE),
    runPages: (mapping.runAfter + 1) * Math.floor(blockSize / PAGE_SIZE) - Math.floor(within / PAGE_SIZE),
  }
}
