/**
 * The vnodes that the pager knows, as columns: a vnode is an integer, its state one row.
 *
 * The rest of the kernel adds a row when a file is first opened and removes it when the vnode is reclaimed. The pager reads what
 * a file system says of it (type, mount, block size) and keeps what it owns. In DragonFly that is the file's size too: it
 * lives in the vnode, not in the object.
 */
import type { Columns } from '../../sim/columns.ts'
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

const widths = {
  type: 'u8',
  flags: 'u16',
  isNoMsync: 'u8',
  blockSize: 'i32',
  sectorSize: 'i32',
  references: 'i32',
  object: 'i32',
  fileSize: 'f64',
  next: 'i32',
} as const
const names = [
  'type',
  'flags',
  'isNoMsync',
  'blockSize',
  'sectorSize',
  'references',
  'object',
  'fileSize',
  'next',
] as const

export class VnodeTable {
  type: Uint8Array
  flags: Uint16Array
  isNoMsync: Uint8Array
  /** f_iosize of the mount; 0 once there is no mount any more (v_mount is null). */
  blockSize: Int32Array
  sectorSize: Int32Array
  /** v_sysref.refcnt */
  references: Int32Array
  /** The VM object of the file, -1: none. */
  object: Int32Array
  /** v_filesize in bytes, NO_OFFSET while it is not known. */
  fileSize: Float64Array
  #next: Int32Array
  /** [0] first free row, -1: none. */
  #state: Int32Array
  readonly #columns: Columns

  constructor(columns: Columns, rows = 16) {
    this.#columns = columns
    this.type = columns.define('vnode.dragonfly.type', 'u8', rows)
    this.flags = columns.define('vnode.dragonfly.flags', 'u16', rows)
    this.isNoMsync = columns.define('vnode.dragonfly.isNoMsync', 'u8', rows)
    this.blockSize = columns.define('vnode.dragonfly.blockSize', 'i32', rows)
    this.sectorSize = columns.define('vnode.dragonfly.sectorSize', 'i32', rows)
    this.references = columns.define('vnode.dragonfly.references', 'i32', rows)
    this.object = columns.define('vnode.dragonfly.object', 'i32', rows)
    this.fileSize = columns.define('vnode.dragonfly.fileSize', 'f64', rows)
    this.#next = columns.define('vnode.dragonfly.next', 'i32', rows)
    this.#state = columns.define('vnode.dragonfly.state', 'i32', 1)
    this.#state[0] = -1
    this.#chain(0)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.type = c.get('vnode.dragonfly.type', 'u8')
    this.flags = c.get('vnode.dragonfly.flags', 'u16')
    this.isNoMsync = c.get('vnode.dragonfly.isNoMsync', 'u8')
    this.blockSize = c.get('vnode.dragonfly.blockSize', 'i32')
    this.sectorSize = c.get('vnode.dragonfly.sectorSize', 'i32')
    this.references = c.get('vnode.dragonfly.references', 'i32')
    this.object = c.get('vnode.dragonfly.object', 'i32')
    this.fileSize = c.get('vnode.dragonfly.fileSize', 'f64')
    this.#next = c.get('vnode.dragonfly.next', 'i32')
    this.#state = c.get('vnode.dragonfly.state', 'i32')
  }

  #chain(from: number): void {
    for (let row = this.#next.length - 1; row >= from; row--) {
      this.#next[row] = this.#state[0]!
      this.#state[0] = row
    }
  }

  #grow(): void {
    const rows = this.#next.length
    for (const name of names) this.#columns.resize(`vnode.dragonfly.${name}`, widths[name], rows * 2)
    this.#rebind()
    this.#chain(rows)
  }

  /** A new vnode: referenced by nobody, without an object, its size unknown. */
  add(description: VnodeDescription): number {
    if (this.#state[0]! < 0) this.#grow()
    const vnode = this.#state[0]!
    this.#state[0] = this.#next[vnode]!
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
    this.#next[vnode] = this.#state[0]!
    this.#state[0] = vnode
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
