/**
 * The vnodes that the pager knows, as columns: a vnode is an integer, its state one row.
 *
 * The rest of the kernel adds a row when a file is first opened and removes it when the vnode is reclaimed. The pager reads what
 * a file system says of it (type, block sizes) and keeps what it owns: the object, and the counts that mappings hold.
 */
import type { Columns } from '../../sim/columns.ts'

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

export class VnodeTable {
  type: Uint8Array
  flags: Uint8Array
  blockSize: Int32Array
  deviceSectorSize: Int32Array
  isNetwork: Uint8Array
  /** v_usecount, v_writecount, v_holdcnt */
  useCount: Int32Array
  writeCount: Int32Array
  holdCount: Int32Array
  /** The VM object of the file, -1: none. */
  object: Int32Array
  /** [0] first free row */
  #state: Int32Array
  #next: Int32Array
  readonly #columns: Columns

  constructor(columns: Columns, rows = 16) {
    this.#columns = columns
    this.type = columns.define('vnode.freebsd.type', 'u8', rows)
    this.flags = columns.define('vnode.freebsd.flags', 'u8', rows)
    this.blockSize = columns.define('vnode.freebsd.blockSize', 'i32', rows)
    this.deviceSectorSize = columns.define('vnode.freebsd.deviceSectorSize', 'i32', rows)
    this.isNetwork = columns.define('vnode.freebsd.isNetwork', 'u8', rows)
    this.useCount = columns.define('vnode.freebsd.useCount', 'i32', rows)
    this.writeCount = columns.define('vnode.freebsd.writeCount', 'i32', rows)
    this.holdCount = columns.define('vnode.freebsd.holdCount', 'i32', rows)
    this.object = columns.define('vnode.freebsd.object', 'i32', rows)
    this.#next = columns.define('vnode.freebsd.next', 'i32', rows)
    this.#state = columns.define('vnode.freebsd.state', 'i32', 1)
    this.#state[0] = -1
    this.#chain(0)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.type = c.get('vnode.freebsd.type', 'u8')
    this.flags = c.get('vnode.freebsd.flags', 'u8')
    this.blockSize = c.get('vnode.freebsd.blockSize', 'i32')
    this.deviceSectorSize = c.get('vnode.freebsd.deviceSectorSize', 'i32')
    this.isNetwork = c.get('vnode.freebsd.isNetwork', 'u8')
    this.useCount = c.get('vnode.freebsd.useCount', 'i32')
    this.writeCount = c.get('vnode.freebsd.writeCount', 'i32')
    this.holdCount = c.get('vnode.freebsd.holdCount', 'i32')
    this.object = c.get('vnode.freebsd.object', 'i32')
    this.#next = c.get('vnode.freebsd.next', 'i32')
    this.#state = c.get('vnode.freebsd.state', 'i32')
  }

  #chain(from: number): void {
    for (let row = this.#next.length - 1; row >= from; row--) {
      this.#next[row] = this.#state[0]!
      this.#state[0] = row
    }
  }

  #grow(): void {
    const rows = this.#next.length
    for (const name of ['type', 'flags', 'isNetwork']) this.#columns.resize(`vnode.freebsd.${name}`, 'u8', rows * 2)
    for (const name of ['blockSize', 'deviceSectorSize', 'useCount', 'writeCount', 'holdCount', 'object', 'next'])
      this.#columns.resize(`vnode.freebsd.${name}`, 'i32', rows * 2)
    this.#rebind()
    this.#chain(rows)
  }

  /** A new vnode: in use by nobody, without an object. */
  add(description: VnodeDescription): number {
    if (this.#state[0]! < 0) this.#grow()
    const vnode = this.#state[0]!
    this.#state[0] = this.#next[vnode]!
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
    this.#next[vnode] = this.#state[0]!
    this.#state[0] = vnode
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
