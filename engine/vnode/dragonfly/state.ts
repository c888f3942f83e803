/**
 * The pager's state, which all of its routines share: vnodes, counters, limits on messages; and how page indices and file offsets
 * become each other.
 */
import type { Columns } from '../../sim/columns.ts'
import { PAGE_SIZE, type VmPages } from '../../vm/pages.ts'
import { FrameRows } from '../frameRows.ts'
import type { DragonflyVnodeHost } from './host.ts'
import { VnodeTable } from './vnodes.ts'

/**
 * Places in `totals`: v_vnodein, v_vnodepgsin, v_vnodeout, v_vnodepgsout, and the second in which the last message about a write
 * error (vbadrate) and about a residue (vresrate) was printed.
 */
export const Total = {
  vnodeIns: 0,
  vnodePagesIn: 1,
  vnodeOuts: 2,
  vnodePagesOut: 3,
  writeErrorSecond: 4,
  residualSecond: 5,
} as const

const SECOND_NS = 1_000_000_000

export class PagerState {
  readonly pages: VmPages
  readonly vnodes: VnodeTable
  readonly host: DragonflyVnodeHost
  readonly rows = new FrameRows()
  totals: Float64Array

  constructor(columns: Columns, pages: VmPages, host: DragonflyVnodeHost) {
    this.pages = pages
    this.vnodes = new VnodeTable(columns)
    this.host = host
    this.totals = columns.define('vnode.dragonfly.totals', 'f64', 6)
    this.totals[Total.writeErrorSecond] = -1
    this.totals[Total.residualSecond] = -1
    columns.onRebind(() => {
      this.totals = columns.get('vnode.dragonfly.totals', 'f64')
    })
  }

  /** Whether a message of a kind, named by its place in `totals`, may be printed: one a second of each. krateprintf. */
  mayPrint(kind: number): boolean {
    const second = Math.floor(this.host.nowNs() / SECOND_NS)
    if (this.totals[kind] === second) return false
    this.totals[kind] = second
    return true
  }
}

/** Pages that a file offset can tell apart: 64 bits of offset less 12 bits within a page. */
const OFFSET_PAGES = 0x10_0000_0000_0000

/**
 * File offset of a page, bytes: IDX_TO_OFF. An index of a column has 53 bits, an offset of the kernel 64: as there, what does not
 * fit is cut off, and a far page has a negative offset. The result is exact.
 */
export function pageOffset(pageIndex: number): number {
  const low = pageIndex % OFFSET_PAGES
  return (low < OFFSET_PAGES / 2 ? low : low - OFFSET_PAGES) * PAGE_SIZE
}

/** Pages that `lengthBytes` take, the last one in part: OFF_TO_IDX of the length rounded up. A negative length wraps round. */
export function pagesOf(lengthBytes: number): number {
  const pages = Math.ceil(lengthBytes / PAGE_SIZE)
  return pages < 0 ? pages + OFFSET_PAGES : pages
}
