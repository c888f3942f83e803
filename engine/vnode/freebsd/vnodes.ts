/**
 * The vnodes that the pager knows, as columns: a vnode is an integer, its state one row.
 *
 * The rest of the kernel adds a row when a file is first opened and removes it when the vnode is reclaimed. The pager reads what
 * a file system says of it (type, block sizes) and keeps what it owns: the object, and the counts that mappings hold.
 */
import type { Columns } from '../../sim/columns.ts'
import { VnodeRows } from '../vnodeRows.ts'

export const VnodeType = { none: 0, regular: 1, directory: 2, blockDevice: 3, characterDevice: 4 } as const

/** Bits of `flags`: VI_DOOMED, VV_TEXT. */
export const VnodeFlag = { doomed: 1, text: 2 } as const

export interface VnodeDescription {
  /** A VnodeType. */
  type: number
  /** f_iosize of the mount, bytes: what one block number of bmap stands for. A power of two. */
  blockSize: number
  /** Bytes of a sector of the device that bmap answers with (bo_bsize). A power of two below 8192, and at least 2. */
  deviceSectorSize: number
  /** The mount is NFS, which reads pages whole even where its blocks are smaller. */
  isNetwork: boolean
}

const columnKinds = [
  ['type', 'u8'],
  ['flags', 'u8'],
  ['blockSize', 'i32'],
  ['deviceSectorSize', 'i32'],
  ['isNetwork', 'u8'],
  ['useCount', 'i32'],
  ['writeCount', 'i32'],
  ['holdCount', 'i32'],
  ['object', 'i32'],
] as const

export class VnodeTable {
  declare type: Uint8Array
  declare flags: Uint8Array
  declare blockSize: Int32Array
  declare deviceSectorSize: Int32Array
  declare isNetwork: Uint8Array
  /** v_usecount, v_writecount, v_holdcnt */
  declare useCount: Int32Array
  declare writeCount: Int32Array
  declare holdCount: Int32Array
  /** The VM object of the file, -1: none. */
  declare object: Int32Array
  readonly #rows: VnodeRows

  constructor(columns: Columns, rows = 16) {
    this.#rows = new VnodeRows(columns, 'vnode.freebsd', columnKinds, rows, () => {
      this.type = columns.get('vnode.freebsd.type', 'u8')
      this.flags = columns.get('vnode.freebsd.flags', 'u8')
      this.blockSize = columns.get('vnode.freebsd.blockSize', 'i32')
      this.deviceSectorSize = columns.get('vnode.freebsd.deviceSectorSize', 'i32')
      this.isNetwork = columns.get('vnode.freebsd.isNetwork', 'u8')
      this.useCount = columns.get('vnode.freebsd.useCount', 'i32')
      this.writeCount = columns.get('vnode.freebsd.writeCount', 'i32')
      this.holdCount = columns.get('vnode.freebsd.holdCount', 'i32')
      this.object = columns.get('vnode.freebsd.object', 'i32')
    })
  }

  /** A new vnode: in use by nobody, without an object. */
  add(description: VnodeDescription): number {
    const vnode = this.#rows.take()
    this.type[vnode] = description.type
    this.flags[vnode] = 0
    this.blockSize[vnode] = description.blockSize
    this.deviceSectorSize[vnode] = description.deviceSectorSize
    this.isNetwork[vnode] = description.isNetwork ? 1 : 0
    this.useCount[vnode] = 0
    this.writeCount[vnode] = 0
    this.holdCount[vnode] = 0
    this.object[vnode] = -1
    return vnode
  }

  /** Forgets a vnode; its number is used again. It must have no object. */
  remove(vnode: number): void {
    if (this.object[vnode]! >= 0) throw new Error(`vnode ${vnode} still has an object`)
    this.#rows.give(vnode)
  }

  /** vn_isdisk */
  isDevice(vnode: number): boolean {
    return this.type[vnode] === VnodeType.characterDevice || this.type[vnode] === VnodeType.blockDevice
  }

  /** vn_canvmio */
  canHaveObject(vnode: number): boolean {
    return this.type[vnode] === VnodeType.regular || this.type[vnode] === VnodeType.directory
  }

  isDoomed(vnode: number): boolean {
    return (this.flags[vnode]! & VnodeFlag.doomed) !== 0
  }
}
