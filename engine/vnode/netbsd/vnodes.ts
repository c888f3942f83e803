/**
 * The vnodes that the pager knows, as columns: a vnode is an integer, its state one row.
 *
 * The rest of the kernel adds a row when a file is first used and removes it when the vnode is reclaimed. The file system keeps
 * `size` and `writeSize`; extending a file sets the write size first and the size last.
 */
import type { Columns } from '../../sim/columns.ts'
import { VnodeRows } from '../vnodeRows.ts'

export const VnodeType = { none: 0, regular: 1, directory: 2, link: 3, blockDevice: 4, other: 5 } as const

/** Bits of `flags`: VI_ONWORKLST, VI_WRMAP, VI_WRMAPDIRTY, VV_MAPPED; the vnode was reclaimed and its operations are deadfs's. */
export const VnodeFlag = { onWorklist: 1, writeMapped: 2, writeMapDirty: 4, mapped: 8, dead: 16 } as const

/** Bits of `mount`: MNT_NOATIME, MNT_NODEVMTIME, and whether there is a WAPBL journal. */
export const MountFlag = { noAccessTime: 1, noDeviceModifiedTime: 2, journal: 4 } as const

/** What writes a vnode's pages out (GOP_WRITE): genfs_gop_write, genfs_gop_write_rwmap, genfs_compat_gop_write. */
export const WriteMethod = { blocks: 0, blocksReadWriteMap: 1, fileWrite: 2 } as const

/** DEV_BSHIFT: blocks of a block device, whatever the mount that it is opened through says. */
const DEVICE_SECTOR_SHIFT = 9

export interface VnodeDescription {
  /** A VnodeType. */
  type: number
  /** The VM object that holds its pages. */
  object: number
  /** log2 of the mount's block size, and of the unit that bmap counts device blocks in: mnt_fs_bshift, mnt_dev_bshift. */
  blockShift: number
  deviceShift: number
  /** Bits of MountFlag. */
  mount: number
  /** A WriteMethod. */
  writeMethod: number
}

const columnKinds = [
  ['type', 'u8'],
  ['flags', 'u8'],
  ['mount', 'u8'],
  ['writeMethod', 'u8'],
  ['mountBlockShift', 'u8'],
  ['mountDeviceShift', 'u8'],
  ['object', 'i32'],
  ['size', 'f64'],
  ['writeSize', 'f64'],
  ['outputCount', 'i32'],
  ['dirtyGeneration', 'i32'],
  ['lockHolders', 'i32'],
  ['lockWriters', 'i32'],
] as const

export class VnodeTable {
  declare type: Uint8Array
  declare flags: Uint8Array
  declare mount: Uint8Array
  declare writeMethod: Uint8Array
  declare mountBlockShift: Uint8Array
  declare mountDeviceShift: Uint8Array
  declare object: Int32Array
  /** v_size, v_writesize, bytes */
  declare size: Float64Array
  declare writeSize: Float64Array
  /** Writes on their way: v_numoutput. */
  declare outputCount: Int32Array
  /** Counts whatever may have dirtied pages: g_dirtygen. */
  declare dirtyGeneration: Int32Array
  /** g_glock: readers that hold it, -1: a writer does; writers that wait. nodeLock.ts uses them. */
  declare lockHolders: Int32Array
  declare lockWriters: Int32Array
  readonly #rows: VnodeRows

  constructor(columns: Columns, rows = 16) {
    this.#rows = new VnodeRows(columns, 'vnode.netbsd', columnKinds, rows, () => {
      this.type = columns.get('vnode.netbsd.type', 'u8')
      this.flags = columns.get('vnode.netbsd.flags', 'u8')
      this.mount = columns.get('vnode.netbsd.mount', 'u8')
      this.writeMethod = columns.get('vnode.netbsd.writeMethod', 'u8')
      this.mountBlockShift = columns.get('vnode.netbsd.mountBlockShift', 'u8')
      this.mountDeviceShift = columns.get('vnode.netbsd.mountDeviceShift', 'u8')
      this.object = columns.get('vnode.netbsd.object', 'i32')
      this.size = columns.get('vnode.netbsd.size', 'f64')
      this.writeSize = columns.get('vnode.netbsd.writeSize', 'f64')
      this.outputCount = columns.get('vnode.netbsd.outputCount', 'i32')
      this.dirtyGeneration = columns.get('vnode.netbsd.dirtyGeneration', 'i32')
      this.lockHolders = columns.get('vnode.netbsd.lockHolders', 'i32')
      this.lockWriters = columns.get('vnode.netbsd.lockWriters', 'i32')
    })
  }

  /** A new vnode: empty, clean, on no list. */
  add(description: VnodeDescription): number {
    const vnode = this.#rows.take()
    this.type[vnode] = description.type
    this.flags[vnode] = 0
    this.mount[vnode] = description.mount
    this.writeMethod[vnode] = description.writeMethod
    this.mountBlockShift[vnode] = description.blockShift
    this.mountDeviceShift[vnode] = description.deviceShift
    this.object[vnode] = description.object
    this.size[vnode] = 0
    this.writeSize[vnode] = 0
    this.outputCount[vnode] = 0
    this.dirtyGeneration[vnode] = 0
    this.lockHolders[vnode] = 0
    this.lockWriters[vnode] = 0
    return vnode
  }

  /** Forgets a vnode; its number is used again. */
  remove(vnode: number): void {
    this.type[vnode] = VnodeType.none
    this.#rows.give(vnode)
  }

  hasFlag(vnode: number, flag: number): boolean {
    return (this.flags[vnode]! & flag) !== 0
  }

  hasMountFlag(vnode: number, flag: number): boolean {
    return (this.mount[vnode]! & flag) !== 0
  }

  /** log2 of the size of the blocks that pages are read and written in. */
  blockShift(vnode: number): number {
    return this.type[vnode] === VnodeType.blockDevice ? DEVICE_SECTOR_SHIFT : this.mountBlockShift[vnode]!
  }

  /** log2 of the bytes of one device block number. */
  deviceShift(vnode: number): number {
    return this.type[vnode] === VnodeType.blockDevice ? DEVICE_SECTOR_SHIFT : this.mountDeviceShift[vnode]!
  }
}
