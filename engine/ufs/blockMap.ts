/**
 * Where the blocks of a file are: twelve pointers in its inode, and trees of one, two and three levels of indirect blocks.
 *
 * A pointer is the number of a fragment, 0: a hole. Pointers are data of unknown origin: each is checked before it is followed. The
 * depth of a tree is bounded by its level, so a tree that leads back into itself is read like any other; whoever walks a whole
 * tree has to bound that walk by himself (freeing does: nothing can be freed twice).
 */
import { Fields } from './fields.ts'
import type { GroupTable } from './groups.ts'
import type { Inode } from './inode.ts'
import type { Medium } from './medium.ts'
import { DIRECT_BLOCKS, INDIRECT_LEVELS, type Superblock } from './superblock.ts'
import { UfsError } from './ufsError.ts'

/** A block's first fragment, 0: a hole; blocks that follow and precede without a gap on disk, or within the same hole. */
export interface BlockRun {
  fragment: number
  runAfter: number
  runBefore: number
}

export class BlockMap {
  readonly #medium: Medium
  readonly #superblock: Superblock
  readonly #groups: GroupTable

  constructor(medium: Medium, superblock: Superblock, groups: GroupTable) {
    this.#medium = medium
    this.#superblock = superblock
    this.#groups = groups
  }

  /** The fragment that a block begins at, 0: a hole. Throws UfsError `corrupt`. */
  find(inode: Inode, block: number): number {
    return this.run(inode, block, 0).fragment
  }

  /**
   * Also looks `most` blocks ahead and back. As in the kernels a run ends where a table of pointers does: the inode's or an
   * indirect block's.
   */
  run(inode: Inode, block: number, most: number): BlockRun {
    const count = Math.ceil(inode.size / this.#superblock.blockSize)
    let table: (index: number) => number
    let index = block
    let last = DIRECT_BLOCKS - 1
    if (block < DIRECT_BLOCKS) table = (i) => inode.direct(i)
    else {
      const { level, within } = this.#levelOf(inode, block)
      const { pointersPerBlock, pointerBytes, isLittleEndian, fragmentSize } = this.#superblock
      const leaf = this.#leafOf(inode, level, within)
      index = within % pointersPerBlock
      last = pointersPerBlock - 1
      if (leaf === 0) table = () => 0
      else {
        const from = Math.max(0, index - most)
        const to = Math.min(last, index + most)
        const bytes = this.#medium.read(leaf * fragmentSize + from * pointerBytes, (to - from + 1) * pointerBytes)
        const fields = new Fields(bytes, isLittleEndian)
        table = (i) => (pointerBytes === 8 ? fields.i64((i - from) * 8) : fields.u32((i - from) * 4))
      }
    }
    const fragment = table(index)
    if (fragment !== 0) this.checkPointer(inode, fragment, this.fragmentsOf(inode.size, block))
    const step = fragment === 0 ? 0 : this.#superblock.fragmentsPerBlock
    const mostAfter = Math.min(most, last - index, count - 1 - block)
    let runAfter = 0
    while (runAfter < mostAfter && table(index + runAfter + 1) === fragment + (runAfter + 1) * step) runAfter++
    const mostBefore = Math.min(most, index)
    let runBefore = 0
    while (runBefore < mostBefore && table(index - runBefore - 1) === fragment - (runBefore + 1) * step) runBefore++
    return { fragment, runAfter, runBefore }
  }

  /** Fragments that a block of a file of `size` bytes has: fewer than a block at the tail of a small file only. */
  fragmentsOf(size: number, block: number): number {
    const { blockSize, fragmentSize, fragmentsPerBlock } = this.#superblock
    if (block >= DIRECT_BLOCKS || size >= (block + 1) * blockSize || size <= block * blockSize) return fragmentsPerBlock
    return Math.ceil((size - block * blockSize) / fragmentSize)
  }

  /** Throws UfsError `corrupt` unless the fragments lie in the file system, in one block. */
  checkPointer(inode: Inode, fragment: number, count: number): void {
    const { sizeFragments, fragmentsPerBlock } = this.#superblock
    const isWithin = fragment > 0 && fragment + count <= sizeFragments
    if (isWithin && (fragment % fragmentsPerBlock) + count <= fragmentsPerBlock) return
    throw new UfsError(
      'corrupt',
      `inode ${inode.number} leads to fragments ${fragment} to ${fragment + count - 1}, where no block of the file system's ${sizeFragments} fragments is`,
      { inode: inode.number },
    )
  }

  /** Sets the pointer of a block, with the indirect blocks on the way. Throws UfsError `no-space`. */
  set(inode: Inode, block: number, fragment: number): void {
    if (block < DIRECT_BLOCKS) {
      inode.setDirect(block, fragment)
      return
    }
    const { level, within } = this.#levelOf(inode, block)
    const { pointersPerBlock, fragmentsPerBlock } = this.#superblock
    const preferred = fragment === 0 ? 0 : fragment + fragmentsPerBlock
    let at = inode.indirect(level)
    if (at === 0) {
      at = this.#newIndirect(inode, preferred)
      inode.setIndirect(level, at)
    } else this.checkPointer(inode, at, fragmentsPerBlock)
    for (let below = level - 1; below > 0; below--) {
      const index = Math.floor(within / power(pointersPerBlock, below)) % pointersPerBlock
      let next = this.pointerIn(at, index)
      if (next === 0) {
        next = this.#newIndirect(inode, preferred)
        this.#setPointer(at, index, next)
      } else this.checkPointer(inode, next, fragmentsPerBlock)
      at = next
    }
    this.#setPointer(at, within % pointersPerBlock, fragment)
  }

  #newIndirect(inode: Inode, preferred: number): number {
    const { blockSize, fragmentSize, fragmentsPerBlock } = this.#superblock
    const fragment = this.#groups.allocate(preferred, fragmentsPerBlock)
    this.#medium.write(fragment * fragmentSize, new Uint8Array(blockSize))
    inode.addSectors(blockSize / 512)
    return fragment
  }

  /** A pointer of an indirect block. */
  pointerIn(indirect: number, index: number): number {
    const { fragmentSize, pointerBytes, isLittleEndian } = this.#superblock
    const fields = new Fields(
      this.#medium.read(indirect * fragmentSize + index * pointerBytes, pointerBytes),
      isLittleEndian,
    )
    return pointerBytes === 8 ? fields.i64(0) : fields.u32(0)
  }

  /** All pointers of an indirect block. */
  pointersOf(indirect: number): number[] {
    const { fragmentSize, blockSize, pointerBytes, pointersPerBlock, isLittleEndian } = this.#superblock
    const fields = new Fields(this.#medium.read(indirect * fragmentSize, blockSize), isLittleEndian)
    return Array.from({ length: pointersPerBlock }, (_, i) =>
      pointerBytes === 8 ? fields.i64(i * 8) : fields.u32(i * 4),
    )
  }

  #setPointer(indirect: number, index: number, value: number): void {
    const { fragmentSize, pointerBytes, isLittleEndian } = this.#superblock
    const fields = new Fields(new Uint8Array(pointerBytes), isLittleEndian)
    if (pointerBytes === 8) fields.setI64(0, value)
    else fields.setU32(0, value)
    this.#medium.write(indirect * fragmentSize + index * pointerBytes, fields.bytes)
  }

  /** Frees all blocks from `first` on, and the indirect blocks that are then empty. Throws UfsError `corrupt`. */
  freeFrom(inode: Inode, first: number): void {
    for (let block = first; block < DIRECT_BLOCKS; block++) {
      const fragment = inode.direct(block)
      if (fragment === 0) continue
      this.freeFragments(inode, fragment, this.fragmentsOf(inode.size, block))
      inode.setDirect(block, 0)
    }
    let start = DIRECT_BLOCKS
    for (let level = 1; level <= INDIRECT_LEVELS; level++) {
      const span = power(this.#superblock.pointersPerBlock, level)
      const root = inode.indirect(level)
      if (root !== 0 && first < start + span && this.#freeTree(inode, root, level, first - start))
        inode.setIndirect(level, 0)
      start += span
    }
  }

  /** Frees what lies from block `first` of a tree on; true if nothing is left of it and its root is free as well. */
  #freeTree(inode: Inode, root: number, level: number, first: number): boolean {
    const { fragmentsPerBlock, pointersPerBlock } = this.#superblock
    this.checkPointer(inode, root, fragmentsPerBlock)
    const span = power(pointersPerBlock, level - 1)
    let isEmpty = true
    for (const [index, pointer] of this.pointersOf(root).entries()) {
      if (pointer === 0) continue
      const from = first - index * span
      if (from >= span) {
        isEmpty = false
        continue
      }
      let isGone = true
      if (level === 1) this.freeFragments(inode, pointer, fragmentsPerBlock)
      else isGone = this.#freeTree(inode, pointer, level - 1, from)
      if (isGone) this.#setPointer(root, index, 0)
      else isEmpty = false
    }
    if (isEmpty) this.freeFragments(inode, root, fragmentsPerBlock)
    return isEmpty
  }

  /** Gives fragments of a file back. */
  freeFragments(inode: Inode, fragment: number, count: number): void {
    const { fragmentSize } = this.#superblock
    this.checkPointer(inode, fragment, count)
    this.#groups.free(fragment, count)
    this.#medium.forget(fragment * fragmentSize, count * fragmentSize)
    inode.addSectors((-count * fragmentSize) / 512)
  }

  /** Which tree a block is in, and its place there. Throws UfsError `file-too-large`. */
  #levelOf(inode: Inode, block: number): { level: number; within: number } {
    let within = block - DIRECT_BLOCKS
    for (let level = 1; level <= INDIRECT_LEVELS; level++) {
      const span = power(this.#superblock.pointersPerBlock, level)
      if (within < span) return { level, within }
      within -= span
    }
    throw new UfsError('file-too-large', `inode ${inode.number}: no file of this file system has a block ${block}`, {
      inode: inode.number,
    })
  }

  /** The indirect block that has the pointer of a block, 0: there is none. */
  #leafOf(inode: Inode, level: number, within: number): number {
    const { pointersPerBlock, fragmentsPerBlock } = this.#superblock
    let at = inode.indirect(level)
    for (let below = level - 1; at !== 0; below--) {
      this.checkPointer(inode, at, fragmentsPerBlock)
      if (below === 0) break
      at = this.pointerIn(at, Math.floor(within / power(pointersPerBlock, below)) % pointersPerBlock)
    }
    return at
  }
}

function power(base: number, exponent: number): number {
  let value = 1
  for (let i = 0; i < exponent; i++) value *= base
  return value
}
