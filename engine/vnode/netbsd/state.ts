/** The pager's state, which all of its routines share. */
import type { Columns } from '../../sim/columns.ts'
import type { VmPages } from '../../vm/pages.ts'
import { FrameRows } from '../frameRows.ts'
import { BufferTable } from './buffers.ts'
import type { NetbsdVnodeHost } from './host.ts'
import { VnodeTable } from './vnodes.ts'

/** Constants, under their kernel names in the experiment. */
export interface NetbsdVnodePagerOptions {
  /** MAXPHYS, bytes: the most that one write of pages covers. */
  largestTransferBytes: number
  /** UBC_MAX_PAGES: requests for more pages need memory for their array. */
  stackPages: number
  /** UVM_PAGE_TREE_PENALTY: how much dearer looking a page up is than following the list. */
  lookupPenalty: number
}

export const defaultOptions: NetbsdVnodePagerOptions = { largestTransferBytes: 65536, stackPages: 8, lookupPenalty: 4 }

export class PagerState {
  readonly pages: VmPages
  readonly vnodes: VnodeTable
  readonly buffers: BufferTable
  readonly host: NetbsdVnodeHost
  readonly options: NetbsdVnodePagerOptions
  readonly rows = new FrameRows()
  /** [0] genfs_maxdio, bytes */
  tunables: Float64Array

  constructor(columns: Columns, pages: VmPages, host: NetbsdVnodeHost, options: NetbsdVnodePagerOptions) {
    this.pages = pages
    this.host = host
    this.options = options
    this.vnodes = new VnodeTable(columns)
    this.buffers = new BufferTable(columns)
    this.tunables = columns.define('vnode.netbsd.tunables', 'f64', 1)
    this.tunables[0] = options.largestTransferBytes
    columns.onRebind(() => {
      this.tunables = columns.get('vnode.netbsd.tunables', 'f64')
    })
  }
}
