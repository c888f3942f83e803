/**
 * The vnodes that the pager knows, as columns: a vnode is an integer, its state one row.
 *
 * The rest of the kernel adds a row when a file is first opened and removes it when the vnode is reclaimed. The pager reads what
 * a file system says of it (type, mount, block size) and keeps what it owns. In DragonFly that is the file's size too: it
 * lives in the vnode, not in the object.
 */
import type { Columns } from '../../sim/columns.ts'
import { VnodeRows } from '../vnodeRows.ts'
import { NO_OFFSET } from './host.ts'

export const VnodeType = { none: 0, regular: 1, directory: 2, blockDevice: 3, characterDevice: 4 } as const

/**
 * Bits of `flags`: VTEXT, VOBJBUF, VOLOCK (the pointer to the object is held), VOWANT (somebody waits for it), VRECLAIMED.
 */
export const VnodeFlag = { text: 1, objectBuffers: 2, objectLock: 4, objectWanted: 8, reclaimed: 16 } as const

export interface VnodeDescription {
  /** A VnodeType. */
  type: number
  /** Block size of the mount (f_iosize), bytes; 0: the vnode has no mount. */
  blockSize: number
  /** Bytes of a physical sector, a power of two; for a device only (si_bsize_phys). */
  sectorSize: number
  /** The mount's files are not to be synchronised with their mappings (MNTK_NOMSYNC). */
  isNoMsync: boolean
}

const columnKinds = [
  ['type', 'u8'],
  ['flags', 'u16'],
  ['isNoMsync', 'u8'],
  ['blockSize', 'i32'],
  ['sectorSize', 'i32'],
  ['references', 'i32'],
  ['object', 'i32'],
  ['fileSize', 'f64'],
] as const

export class VnodeTable {
  declare type: Uint8Array
  declare flags: Uint16Array
  declare isNoMsync: Uint8Array
  /** f_iosize of the mount; 0 once there is no mount any more (v_mount is null). */
  declare blockSize: Int32Array
  declare sectorSize: Int32Array
  /** v_sysref.refcnt */
  declare references: Int32Array
  /** The VM object of the file, -1: none. */
  declare object: Int32Array
  /** v_filesize in bytes, NO_OFFSET while it is not known. */
  declare fileSize: Float64Array
  readonly #rows: VnodeRows

  constructor(columns: Columns, rows = 16) {
    this.#rows = new VnodeRows(columns, 'vnode.dragonfly', columnKinds, rows, () => {
      this.type = columns.get('vnode.dragonfly.type', 'u8')
      this.flags = columns.get('vnode.dragonfly.flags', 'u16')
      this.isNoMsync = columns.get('vnode.dragonfly.isNoMsync', 'u8')
      this.blockSize = columns.get('vnode.dragonfly.blockSize', 'i32')
      this.sectorSize = columns.get('vnode.dragonfly.sectorSize', 'i32')
      this.references = columns.get('vnode.dragonfly.references', 'i32')
      this.object = columns.get('vnode.dragonfly.object', 'i32')
      this.fileSize = columns.get('vnode.dragonfly.fileSize', 'f64')
    })
  }

  /** A new vnode: referenced by nobody, without an object, its size unknown. */
  add(description: VnodeDescription): number {
    const vnode = this.#rows.take()
    this.type[vnode] = description.type
    this.flags[vnode] = 0
    this.isNoMsync[vnode] = description.isNoMsync ? 1 : 0
    this.blockSize[vnode] = description.blockSize
    this.sectorSize[vnode] = description.sectorSize
    this.references[vnode] = 0
    this.object[vnode] = -1
    this.fileSize[vnode] = NO_OFFSET
    return vnode
  }

  /** Forgets a vnode; its number is used again. It must have no object. */
  remove(vnode: number): void {
    if (this.object[vnode]! >= 0) throw new Error(`vnode ${vnode} still has an object`)
    this.#rows.give(vnode)
  }

  isDevice(vnode: number): boolean {
    return this.type[vnode] === VnodeType.characterDevice || this.type[vnode] === VnodeType.blockDevice
  }

  isMounted(vnode: number): boolean {
    return this.blockSize[vnode] !== 0
  }

  has(vnode: number, flag: number): boolean {
    return (this.flags[vnode]! & flag) !== 0
  }

  setFlag(vnode: number, flag: number): void {
    this.flags[vnode]! |= flag
  }

  clearFlag(vnode: number, flag: number): void {
    this.flags[vnode]! &= ~flag
  }
}
