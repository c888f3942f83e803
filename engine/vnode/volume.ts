/**
 * A volume: files on a device, as the adapters of the vnode pagers see them. Metadata are looked at without taking time;
 * data are moved by the pagers, sector by sector, through FileDevice.
 *
 * Here are the volumes without a file system: files that lie one after another (FlatVolume), and a device that is one
 * file itself (DeviceVolume). A UFS image is a volume in ufsVolume.ts.
 */
import { PAGE_SIZE, SECTOR_SIZE } from '../vm/pages.ts'

/** Where a block of a file lies on the device. */
export interface BlockPlace {
  /** First sector of 512 bytes, -1: a hole. */
  sector: number
  /** Blocks that follow, and precede, without a gap on the device (in a hole: within the same hole). */
  runAfter: number
  runBefore: number
}

export interface FileVolume {
  /** Bytes of a block: what one block number stands for. A power of two. */
  readonly blockSize: number
  /** What it is, in a word: 'ufs2', 'flat', 'device'. */
  readonly kind: string
  readonly isReadOnly: boolean
  sizeBytes(file: number): number
  bmap(file: number, block: number): BlockPlace
  /** Gives every block that the bytes touch a place. Answers an errno. Blocks that are new are zero on the device where they are not about to be written whole. */
  allocate(file: number, offset: number, lengthBytes: number): number
  /** Makes a file shorter or longer. Answers an errno. */
  setSize(file: number, sizeBytes: number): number
  /** Notes that a file was read or written at a virtual time. */
  touch(file: number, isModified: boolean, nowNs: number): void
  /** Writes back what it keeps of metadata. */
  flush(): void
}

/** Errno of a write to a volume that cannot be written. */
const EROFS = 30

/** Most blocks that bmap reports on either side: a whole transfer's worth (MAXPHYS). */
const RUN_BYTES = 131072

/** Files that lie one after another on a device, each from a block boundary on. They neither grow nor shrink. */
export class FlatVolume implements FileVolume {
  readonly kind: string = 'flat'
  readonly isReadOnly = false
  readonly blockSize: number
  readonly #first: number[] = []
  readonly #size: number[] = []
  #end = 0

  constructor(blockSize: number) {
    this.blockSize = blockSize
  }

  /** A new file of `pages` pages; its number. */
  add(pages: number): number {
    this.#first.push(this.#end)
    this.#size.push(pages * PAGE_SIZE)
    this.#end += Math.ceil((pages * PAGE_SIZE) / this.blockSize) * this.blockSize
    return this.#first.length - 1
  }

  /** Pages that the device must have. */
  get devicePages(): number {
    return Math.ceil(this.#end / PAGE_SIZE)
  }

  /** Page of the device at which a file begins. */
  firstPage(file: number): number {
    return this.#first[file]! / PAGE_SIZE
  }

  sizeBytes(file: number): number {
    return this.#size[file]!
  }

  bmap(file: number, block: number): BlockPlace {
    const { blockSize } = this
    const blocks = Math.ceil(this.#size[file]! / blockSize)
    if (block < 0 || block >= blocks) return { sector: -1, runAfter: 0, runBefore: 0 }
    const most = Math.max(0, Math.floor(RUN_BYTES / blockSize) - 1)
    return {
      sector: (this.#first[file]! + block * blockSize) / SECTOR_SIZE,
      runAfter: Math.min(most, blocks - 1 - block),
      runBefore: Math.min(most, block),
    }
  }

  allocate(): number {
    return 0
  }

  setSize(file: number, sizeBytes: number): number {
    return sizeBytes === this.#size[file] ? 0 : EROFS
  }

  touch(): void {
    // there is nothing that keeps times
  }

  flush(): void {
    // there are no metadata
  }
}

/** A whole device as one file, number 0. */
export class DeviceVolume extends FlatVolume {
  override readonly kind = 'device'

  constructor(pages: number) {
    super(PAGE_SIZE)
    this.add(pages)
  }
}
