/**
 * A volume: files on a device, as the adapters of the vnode pagers see them. Metadata are looked at without taking time;
 * data are moved by the pagers, sector by sector, through FileDevice.
 *
 * Here are the volumes without a file system: files that lie one after another (FlatVolume), and a device that is one
 * file itself (DeviceVolume). A UFS image is a volume in ufsVolume.ts.
 */
import type { BlockStore } from '../disk/blockStore.ts'
import type { Columns } from '../sim/columns.ts'
import { PAGE_SIZE, SECTOR_SIZE } from '../vm/pages.ts'
import { Errno } from './operation.ts'

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
  /** Gives every block that the bytes touch a place. Answers an errno. Blocks that are new are zero on the device. */
  allocate(file: number, offset: number, lengthBytes: number): number
  /** Makes a file shorter or longer. Answers an errno. */
  setSize(file: number, sizeBytes: number): number
  /** Takes a name of a file away, at a virtual time. Answers an errno. */
  unlink(file: number, name: string, nowNs: number): number
  /** The file has a name still: another link. */
  hasName(file: number): boolean
  /** Gives back all that a file without a name has; nobody uses it any more. Answers an errno. */
  release(file: number): number
  /** Notes that a file was read or written at a virtual time. */
  touch(file: number, isModified: boolean, nowNs: number): void
  /** Writes back what it keeps of metadata. */
  flush(): void
}

/** Most blocks that bmap reports on either side: a whole transfer's worth (MAXPHYS). */
const RUN_BYTES = 131072

/**
 * Files that lie one after another on a device, each from a block boundary on, with room to grow to a size that is given beforehand.
 * Beyond the size that a file has at first its blocks are holes until they are allocated.
 */
export class FlatVolume implements FileVolume {
  readonly kind: string = 'flat'
  readonly isReadOnly = false
  readonly blockSize: number
  readonly #first: number[] = []
  readonly #size: number[] = []
  /** By file and block: it has its place on the device. */
  readonly #has: Uint8Array[] = []
  #end = 0
  /** The device, once it is made. */
  store: BlockStore | null = null

  constructor(blockSize: number) {
    this.blockSize = blockSize
  }

  /** A new file of some bytes that may grow to `mostBytes`; its number. */
  add(sizeBytes: number, mostBytes = sizeBytes): number {
    const { blockSize } = this
    const blocks = Math.ceil(Math.max(sizeBytes, mostBytes) / blockSize)
    this.#first.push(this.#end)
    this.#size.push(sizeBytes)
    this.#has.push(new Uint8Array(blocks).fill(1, 0, Math.ceil(sizeBytes / blockSize)))
    this.#end += blocks * blockSize
    return this.#first.length - 1
  }

  /** Has sizes and holes saved with a machine: by file its size, and how many blocks lie together, in holes and on the device by turns. */
  keepIn(columns: Columns): void {
    columns.keep(
      'file.volume',
      () => this.#size.flatMap((size, file) => [size, ...lengthsOfRuns(this.#has[file]!)]),
      (values) => {
        let at = 0
        for (let file = 0; file < this.#size.length; file++) {
          this.#size[file] = values[at++]!
          const has = this.#has[file]!
          for (let block = 0, is = 0; block < has.length; is = 1 - is) has.fill(is, block, (block += values[at++]!))
        }
      },
    )
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
    const has = this.#has[file]!
    const is = has[block]
    if (is === undefined || block * blockSize >= this.#size[file]!) return { sector: -1, runAfter: 0, runBefore: 0 }
    const most = Math.max(0, Math.floor(RUN_BYTES / blockSize) - 1)
    const blocks = Math.ceil(this.#size[file]! / blockSize)
    let runAfter = 0
    while (runAfter < most && block + runAfter + 1 < blocks && has[block + runAfter + 1] === is) runAfter += 1
    let runBefore = 0
    while (runBefore < most && has[block - runBefore - 1] === is) runBefore += 1
    return { sector: is === 1 ? (this.#first[file]! + block * blockSize) / SECTOR_SIZE : -1, runAfter, runBefore }
  }

  allocate(file: number, offset: number, lengthBytes: number): number {
    const has = this.#has[file]!
    const end = Math.ceil((offset + lengthBytes) / this.blockSize)
    if (end > has.length) return Errno.ENOSPC
    for (let block = Math.floor(offset / this.blockSize); block < end; block++) {
      if (has[block] === 1) continue
      has[block] = 1
      this.#zero(this.#first[file]! + block * this.blockSize, this.#first[file]! + (block + 1) * this.blockSize)
    }
    return 0
  }

  /** What a shorter file leaves of its last block is zeroed on the device, at once. */
  setSize(file: number, sizeBytes: number): number {
    if (sizeBytes < this.#size[file]! && sizeBytes % this.blockSize !== 0) this.#zeroTail(file, sizeBytes)
    const has = this.#has[file]!
    const blocks = Math.ceil(sizeBytes / this.blockSize)
    if (blocks > has.length) return Errno.ENOSPC
    has.fill(0, blocks)
    this.#size[file] = sizeBytes
    return 0
  }

  #zeroTail(file: number, sizeBytes: number): void {
    const block = Math.floor(sizeBytes / this.blockSize)
    if (this.#has[file]![block] !== 1) return
    this.#zero(this.#first[file]! + sizeBytes, this.#first[file]! + (block + 1) * this.blockSize)
  }

  /** Zeros bytes of the device. */
  #zero(from: number, end: number): void {
    const { store } = this
    if (store === null) return
    const page = new Uint8Array(PAGE_SIZE)
    for (let at = from; at < end; at += PAGE_SIZE - (at % PAGE_SIZE)) {
      if (at % PAGE_SIZE !== 0) store.readPages(Math.floor(at / PAGE_SIZE), [page], 1)
      page.fill(0, at % PAGE_SIZE)
      store.writePages(Math.floor(at / PAGE_SIZE), [page], 1)
    }
  }

  unlink(): number {
    return 0
  }

  hasName(): boolean {
    return false
  }

  release(file: number): number {
    return this.setSize(file, 0)
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
    this.add(pages * PAGE_SIZE)
  }

  override unlink(): number {
    return Errno.EOPNOTSUPP
  }
}

/** How many zeros a row begins with, how many ones follow, and so on to its end. */
function lengthsOfRuns(bits: Uint8Array): number[] {
  const lengths: number[] = []
  for (let at = 0, is = 0; at < bits.length; is = 1 - is) {
    const next = bits.indexOf(1 - is, at)
    const end = next < 0 ? bits.length : next
    lengths.push(end - at)
    at = end
  }
  return lengths
}
