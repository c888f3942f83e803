/**
 * The pager's state, which all of its routines share: the columns it adds to VM objects and vnodes, and its counters.
 */
import type { Columns } from '../../sim/columns.ts'
import { PAGE_SIZE, type VmPages } from '../../vm/pages.ts'
import type { FreebsdVnodeHost } from './host.ts'
import { VnodeTable } from './vnodes.ts'

/** Places in `totals`: v_vnodein, v_vnodepgsin, v_vnodeout, v_vnodepgsout, and the limit on messages. */
export const Total = {
  vnodeIns: 0,
  vnodePagesIn: 1,
  vnodeOuts: 2,
  vnodePagesOut: 3,
  messageSecondNs: 4,
  messagesThisSecond: 5,
} as const

export class PagerState {
  readonly pages: VmPages
  readonly vnodes: VnodeTable
  readonly host: FreebsdVnodeHost
  /** By object: the file's size in bytes as the pager knows it (vnp_size). */
  fileSize: Float64Array
  totals: Float64Array
  readonly #columns: Columns

  constructor(columns: Columns, pages: VmPages, host: FreebsdVnodeHost) {
    this.#columns = columns
    this.pages = pages
    this.host = host
    this.vnodes = new VnodeTable(columns)
    this.fileSize = columns.define('vnode.freebsd.fileSize', 'f64', pages.objectType.length)
    this.totals = columns.define('vnode.freebsd.totals', 'f64', 6)
    this.totals[Total.messageSecondNs] = -1
    columns.onRebind(() => {
      this.fileSize = columns.get('vnode.freebsd.fileSize', 'f64')
      this.totals = columns.get('vnode.freebsd.totals', 'f64')
    })
  }

  /** Says how long the file behind a new object is. */
  setFileSize(object: number, sizeBytes: number): void {
    if (object >= this.fileSize.length)
      this.fileSize = this.#columns.resize('vnode.freebsd.fileSize', 'f64', this.pages.objectType.length)
    this.fileSize[object] = sizeBytes
  }
}

/**
 * Page indices are 64 bits in the kernel and 53 in a column: the top bit of these stands for the top bit of those, so indices
 * from here on are the ones that the kernel sees as negative. Buffers of a file's metadata have them.
 */
export const FIRST_METADATA_PAGE = 0x10_0000_0000_0000

/** File offset of a page, bytes: IDX_TO_OFF. As in the kernel, the offset of a far page wraps round to a negative one. */
export function pageOffset(pageIndex: number): number {
  const low = pageIndex % FIRST_METADATA_PAGE
  return (low < FIRST_METADATA_PAGE / 2 ? low : low - FIRST_METADATA_PAGE) * PAGE_SIZE
}
