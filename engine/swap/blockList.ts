/**
 * The block list: which blocks of a swap device are free (FreeBSD subr_blist.c).
 *
 * A radix tree over a bitmap. A leaf is a 64-bit map of blocks, one bit a free block. An inner node is a 64-bit map of
 * its children, one bit a child in whose range some block is free. Every node also carries a hint: an upper bound, not
 * a tight one, on the longest run that can begin in its range. Allocation is next-fit from a cursor; it skips children
 * whose hint is too small, and both failures and some successes lower hints. Which block a request gets therefore
 * depends on the whole history of requests, and it does so here exactly as in the original.
 *
 * Layout: nodes are numbered level by level, leaves first, so that the parent of node n of one level is node n >> 6 of
 * the next, and a leaf's right neighbour is the next leaf. Node n owns two words of the bitmap column (low, high) and
 * one byte of the hint column. 9 bytes for 64 blocks, plus 1/63 of that for inner nodes: 2.4 MB for a TiB of swap.
 *
 * Life cycle of a list:
 *  1. Created with every block allocated; the owner frees what it wants to hand out.
 *  2. `allocate`, `free`, `fill`; none of them allocates memory.
 *  3. `resize` starts cursor and hints afresh.
 *  4. `destroy` gives the columns back.
 *
 * Block numbers are below 2^31, so every position is a non-negative 32-bit integer on the hot path.
 */

import type { Columns } from '../sim/columns.ts'

/** Blocks in a leaf, children of an inner node, and the largest `count` that `allocate` can guarantee. */
export const blocksPerLeaf = 64

/** Most blocks that a list can have. */
export const blocksMax = 0x80000000

/** Sizes that begin a row of the report: 1, 2, 3, 5, 8, ...; a row ends where the next begins. */
export const rangeSizeBounds: readonly number[] = fibonacciFromOne(32)

/** How scattered the free space is. Sizes in blocks. */
export interface FragmentationStatistics {
  /** Number of maximal runs of free blocks. */
  ranges: number
  largest: number
  /** The running average of the original: it rounds toward zero at each step, not once at the end. */
  average: number
  /** histogram[i]: how many ranges have at least rangeSizeBounds[i] blocks and fewer than rangeSizeBounds[i + 1]. */
  histogram: number[]
}

export type BlockListErrorCode = 'blocklist-size' | 'blocklist-range' | 'blocklist-request' | 'blocklist-double-free'

/** A broken rule of use: where the original would panic with an assertion. */
export class BlockListError extends Error {
  declare readonly code: BlockListErrorCode
  declare readonly list: string
  /** First block and number of blocks of the offending request. */
  declare readonly block: number
  declare readonly count: number

  constructor(code: BlockListErrorCode, list: string, block: number, count: number, message: string) {
    super(`block list ${list}: ${message}`)
    this.name = 'BlockListError'
    this.code = code
    this.list = list
    this.block = block
    this.count = count
  }
}

export class BlockList {
  declare readonly name: string
  /** Number of blocks that the last successful `allocate` obtained; 0 after a failure. */
  allocated = 0

  #columns: Columns
  #bitmap: Int32Array
  #hints: Uint8Array
  #state: Uint32Array
  /** The root's level; leaves are level 0. */
  #top = 0
  #leaves = 0
  /** First node of each level. */
  #levelStart = new Int32Array(levelsMax)

  /**
   * A list of `blocks` blocks (1 to 2^31), all allocated, its state in columns named `${name}.*`. With 'restored' it
   * takes up the columns which a restored snapshot brought under that name.
   */
  constructor(columns: Columns, name: string, blocks: number | 'restored') {
    this.name = name
    this.#columns = columns
    if (blocks === 'restored') {
      this.#bitmap = columns.get(`${name}.bitmap`, 'i32')
      this.#hints = columns.get(`${name}.hints`, 'u8')
      this.#state = columns.get(`${name}.state`, 'u32')
      this.#shape(this.#state[stateBlocks]!)
    } else {
      this.#requireSize(blocks)
      const nodes = this.#shape(blocks)
      this.#bitmap = columns.define(`${name}.bitmap`, 'i32', 2 * nodes)
      this.#hints = columns.define(`${name}.hints`, 'u8', nodes)
      this.#state = columns.define(`${name}.state`, 'u32', stateWords)
      this.#state[stateBlocks] = blocks
    }
    columns.onRebind(this.#rebind)
  }

  /** Number of blocks; 0 once the list has been destroyed or a snapshot without it was restored. */
  get blocks(): number {
    return this.#state[stateBlocks]!
  }

  /** Number of free blocks (blist_avail). */
  get available(): number {
    return this.#state[stateAvailable]!
  }

  /** Block at which the next search begins. */
  get cursor(): number {
    return this.#state[stateCursor]!
  }

  /**
   * Allocates a contiguous run of at least `count` (1 to 64) and at most `maxCount` blocks (blist_alloc).
   * Returns its first block and leaves its length in `allocated`, or returns -1.
   */
  allocate(count: number, maxCount: number): number {
    return this.allocateFrom(this.searchStart(count, maxCount), count, maxCount)
  }

  /** Decides where the search for a request begins: next-fit, unless a variant knows better. */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- a variant may want to know the request
  protected searchStart(_count: number, _maxCount: number): number {
    return this.#state[stateCursor]! | 0
  }

  /** As `allocate`, searching from block `start` to the end and then, unless `start` is 0, everything. */
  protected allocateFrom(start: number, count: number, maxCount: number): number {
    if (!(count >= 1 && count <= blocksPerLeaf && count <= maxCount)) this.#refuseRequest(count, maxCount)
    const state = this.#state
    if (!(start >= 0 && start < state[stateBlocks]!)) this.#refuseRange('searching from', start, 1)
    const most = maxCount < blocksMax ? maxCount | 0 : blocksMax - 1
    let block = this.#search(start | 0, count | 0, most)
    if (block < 0 && start !== 0) block = this.#search(0, count | 0, most)
    if (block < 0) {
      this.allocated = 0
      return -1
    }
    const end = block + this.allocated
    state[stateAvailable] = state[stateAvailable]! - this.allocated
    state[stateCursor] = end === state[stateBlocks]! ? 0 : end
    return block
  }

  /** Frees [block, block + count), all of which must be allocated (blist_free). */
  free(block: number, count: number): void {
    const state = this.#state
    if (!(block >= 0 && count >= 1 && block + count <= state[stateBlocks]!)) this.#refuseRange('freeing', block, count)
    const first = block | 0
    const last = (block + count - 1) | 0
    const bitmap = this.#bitmap
    const hints = this.#hints
    const levelStart = this.#levelStart
    const top = this.#top
    const firstLeaf = first >>> 6
    const lastLeaf = last >>> 6
    if (firstLeaf === lastLeaf) {
      const low = maskLow[(last & 63) + 1]! & ~maskLow[first & 63]!
      const high = maskHigh[(last & 63) + 1]! & ~maskHigh[first & 63]!
      const word = firstLeaf << 1
      if (((bitmap[word]! & low) | (bitmap[word + 1]! & high)) !== 0) this.#refuseDoubleFree(block, count)
      bitmap[word] = bitmap[word]! | low
      bitmap[word + 1] = bitmap[word + 1]! | high
      hints[firstLeaf] = blocksPerLeaf
      // Hints go up on the whole path: an ancestor's may have been lowered while this leaf's was not.
      let node = firstLeaf
      for (let level = 1; level <= top; level++) {
        const digit = node & 63
        node >>>= 6
        const index = levelStart[level]! + node
        const digitWord = (index << 1) + (digit >>> 5)
        bitmap[digitWord] = bitmap[digitWord]! | (1 << digit)
        hints[index] = blocksPerLeaf
      }
    } else {
      this.#freeLeaves(block, count)
    }
    state[stateAvailable] = state[stateAvailable]! + count
  }

  /** Allocates [block, block + count) whatever it was (blist_fill). Returns how many of the blocks were free. */
  fill(block: number, count: number): number {
    const state = this.#state
    if (!(block >= 0 && count >= 0 && block + count <= state[stateBlocks]!)) this.#refuseRange('filling', block, count)
    if (count === 0) return 0
    const bitmap = this.#bitmap
    const last = block + count - 1
    const firstLeaf = block >>> 6
    const lastLeaf = last >>> 6
    let filled = 0
    for (let leaf = firstLeaf; leaf <= lastLeaf; leaf++) {
      const word = leaf << 1
      const low = bitmap[word]!
      const high = bitmap[word + 1]!
      if ((low | high) === 0) continue
      const from = leaf === firstLeaf ? block & 63 : 0
      const to = leaf === lastLeaf ? (last & 63) + 1 : 64
      const takenLow = low & maskLow[to]! & ~maskLow[from]!
      const takenHigh = high & maskHigh[to]! & ~maskHigh[from]!
      filled += bitCount(takenLow) + bitCount(takenHigh)
      bitmap[word] = low ^ takenLow
      bitmap[word + 1] = high ^ takenHigh
      this.#unlinkEmpty(leaf)
    }
    state[stateAvailable] = state[stateAvailable]! - filled
    return filled
  }

  /**
   * Changes the number of blocks (blist_resize): what lies below both sizes keeps its state, added blocks are free if
   * `freeNew` and else allocated. Cursor and hints start afresh.
   */
  resize(blocks: number, freeNew: boolean): void {
    this.#requireSize(blocks)
    const oldBlocks = this.blocks
    const kept = Math.min(oldBlocks, blocks)
    const keptLeaves = Math.ceil(kept / blocksPerLeaf)
    const leaves = this.#bitmap.slice(0, 2 * keptLeaves)
    if (kept % blocksPerLeaf !== 0) {
      leaves[2 * keptLeaves - 2] = leaves[2 * keptLeaves - 2]! & maskLow[kept % blocksPerLeaf]!
      leaves[2 * keptLeaves - 1] = leaves[2 * keptLeaves - 1]! & maskHigh[kept % blocksPerLeaf]!
    }
    const nodes = this.#shape(blocks)
    const bitmap = (this.#bitmap = this.#columns.resize(`${this.name}.bitmap`, 'i32', 2 * nodes))
    const hints = (this.#hints = this.#columns.resize(`${this.name}.hints`, 'u8', nodes))
    bitmap.fill(0)
    hints.fill(0)
    bitmap.set(leaves)
    let available = 0
    for (let word = 0; word < 2 * keptLeaves; word++) available += bitCount(bitmap[word]!)
    // As if every kept block had been freed into an empty list: a node with a free block has the highest hint.
    for (let level = 0; level <= this.#top; level++) {
      const start = this.#levelStart[level]!
      const end = level === this.#top ? nodes : this.#levelStart[level + 1]!
      for (let index = start; index < end; index++) {
        if ((bitmap[2 * index]! | bitmap[2 * index + 1]!) === 0) continue
        hints[index] = blocksPerLeaf
        if (level === this.#top) continue
        const node = index - start
        const parentWord = 2 * (end + (node >>> 6)) + ((node >>> 5) & 1)
        bitmap[parentWord] = bitmap[parentWord]! | (1 << node)
      }
    }
    this.#state[stateBlocks] = blocks
    this.#state[stateAvailable] = available
    this.#state[stateCursor] = 0
    if (freeNew && blocks > oldBlocks) this.free(oldBlocks, blocks - oldBlocks)
  }

  /** First free block at or after `from` (0 to blocks), or -1. */
  nextFree(from: number): number {
    if (from >= this.blocks) return -1
    const bitmap = this.#bitmap
    let level = 0
    let node = from >>> 6
    let digit = from & 63
    for (;;) {
      const word = (this.#levelStart[level]! + node) << 1
      const low = bitmap[word]! & ~maskLow[digit]!
      const high = bitmap[word + 1]! & ~maskHigh[digit]!
      if ((low | high) !== 0) {
        const found = (node << 6) | (low !== 0 ? lowestBit(low) : 32 + lowestBit(high))
        if (level === 0) return found
        level--
        node = found
        digit = 0
      } else {
        if (level === this.#top) return -1
        level++
        digit = (node & 63) + 1
        node >>>= 6
      }
    }
  }

  /** First allocated block at or after `from`, or the number of blocks. */
  nextAllocated(from: number): number {
    const bitmap = this.#bitmap
    let digit = from & 63
    for (let leaf = from >>> 6; leaf < this.#leaves; leaf++) {
      const low = ~bitmap[2 * leaf]! & ~maskLow[digit]!
      const high = ~bitmap[2 * leaf + 1]! & ~maskHigh[digit]!
      // The bits beyond the last block of a partial leaf are never free, so the search ends at `blocks` by itself.
      if ((low | high) !== 0) return leaf * 64 + (low !== 0 ? lowestBit(low) : 32 + lowestBit(high))
      digit = 0
    }
    return this.blocks
  }

  /** The maximal runs of free blocks, ascending, as [first block, length]. */
  *freeRanges(): Generator<[start: number, length: number]> {
    let end = 0
    for (;;) {
      const start = this.nextFree(end)
      if (start < 0) return
      end = this.nextAllocated(start)
      yield [start, end - start]
    }
  }

  /** What the fragmentation report tells (blist_stats); format it with `formatFragmentation`. */
  statistics(): FragmentationStatistics {
    const statistics: FragmentationStatistics = {
      ranges: 0,
      largest: 0,
      average: 0,
      histogram: rangeSizeBounds.map(() => 0),
    }
    let remainder = 0
    for (const [, length] of this.freeRanges()) {
      if (length > statistics.largest) statistics.largest = length
      let row = rangeSizeBounds.length - 1
      while (rangeSizeBounds[row]! > length) row--
      statistics.histogram[row] = statistics.histogram[row]! + 1
      statistics.ranges++
      remainder += length - statistics.average
      statistics.average += Math.trunc(remainder / statistics.ranges)
      remainder %= statistics.ranges
    }
    return statistics
  }

  /** Gives the columns back. The list has no blocks afterwards. */
  destroy(): void {
    this.#columns.forget(`${this.name}.`, this.#rebind)
    this.#detach()
  }

  /**
   * Searches [start, end) for a run and allocates it (blst_meta_alloc). The way through the tree needs no stack: a
   * failed search changes no bitmap, so on the way up the children still to be tried are those right of the one that
   * was left.
   */
  #search(start: number, count: number, maxCount: number): number {
    const bitmap = this.#bitmap
    const hints = this.#hints
    const levelStart = this.#levelStart
    const top = this.#top
    let level = top
    let node = 0
    let digit = (start >>> (6 * top)) & 63
    for (;;) {
      const index = levelStart[level]! + node
      const childStart = levelStart[level - 1]!
      if (level === 1) {
        const block = this.#searchLeaves(node, digit, start, count, maxCount)
        if (block >= 0) return block
      } else {
        let low = bitmap[index << 1]! & ~maskLow[digit]!
        let high = bitmap[(index << 1) + 1]! & ~maskHigh[digit]!
        let child = -1
        while ((low | high) !== 0) {
          let candidate: number
          if (low !== 0) {
            candidate = (node << 6) | (31 - Math.clz32(low & -low))
            low &= low - 1
          } else {
            candidate = (node << 6) | (63 - Math.clz32(high & -high))
            high &= high - 1
          }
          if (count <= hints[childStart + candidate]!) {
            child = candidate
            break
          }
        }
        if (child >= 0) {
          level--
          node = child
          // Only the child that holds the start is entered in its middle; all later ones from their beginning.
          digit = child === start >>> (6 * level + 6) ? (start >>> (6 * level)) & 63 : 0
          continue
        }
      }
      // A node searched from its beginning is known to have no run of `count`, except one that begins in its last leaf
      // and goes on in the next: while the last child still promises everything, nothing is known about that.
      const nodeStart = level === top ? 0 : node << (6 * level + 6)
      if (nodeStart >= start) {
        const lastPromises = bitmap[(index << 1) + 1]! < 0 && hints[childStart + ((node << 6) | 63)]! === blocksPerLeaf
        if (!lastPromises) hints[index] = count - 1
      }
      if (level === top) return -1
      digit = (node & 63) + 1
      node >>>= 6
      level++
    }
  }

  /** Frees a range that reaches over more than one leaf. */
  #freeLeaves(block: number, count: number): void {
    const bitmap = this.#bitmap
    const first = block
    const last = block + count - 1
    const firstLeaf = first >>> 6
    const lastLeaf = last >>> 6
    // Everything is checked before anything changes, so that a refused free leaves the list as it was.
    for (let leaf = firstLeaf; leaf <= lastLeaf; leaf++) {
      const from = leaf === firstLeaf ? first & 63 : 0
      const to = leaf === lastLeaf ? (last & 63) + 1 : 64
      const low = maskLow[to]! & ~maskLow[from]!
      const high = maskHigh[to]! & ~maskHigh[from]!
      const word = leaf << 1
      if (((bitmap[word]! & low) | (bitmap[word + 1]! & high)) !== 0) this.#refuseDoubleFree(block, count)
    }
    let from = first
    let to = last
    for (let level = 0; level <= this.#top; level++) {
      const firstNode = from >>> 6
      const lastNode = to >>> 6
      for (let node = firstNode; node <= lastNode; node++) {
        const fromDigit = node === firstNode ? from & 63 : 0
        const toDigit = node === lastNode ? (to & 63) + 1 : 64
        const index = this.#levelStart[level]! + node
        const word = index << 1
        bitmap[word] = bitmap[word]! | (maskLow[toDigit]! & ~maskLow[fromDigit]!)
        bitmap[word + 1] = bitmap[word + 1]! | (maskHigh[toDigit]! & ~maskHigh[fromDigit]!)
        this.#hints[index] = blocksPerLeaf
      }
      from = firstNode
      to = lastNode
    }
  }

  /** Tries the leaves of a node of level 1, from its child `digit` on (the first half of blst_leaf_alloc). */
  #searchLeaves(node: number, digit: number, start: number, count: number, maxCount: number): number {
    const bitmap = this.#bitmap
    const hints = this.#hints
    const word = (this.#levelStart[1]! + node) << 1
    let leavesLow = bitmap[word]! & ~maskLow[digit]!
    let leavesHigh = bitmap[word + 1]! & ~maskHigh[digit]!
    const beyondFirst = count - 1
    const doublings = 32 - Math.clz32(beyondFirst)
    while ((leavesLow | leavesHigh) !== 0) {
      let leaf: number
      if (leavesLow !== 0) {
        leaf = (node << 6) | (31 - Math.clz32(leavesLow & -leavesLow))
        leavesLow &= leavesLow - 1
      } else {
        leaf = (node << 6) | (63 - Math.clz32(leavesHigh & -leavesHigh))
        leavesHigh &= leavesHigh - 1
      }
      if (count > hints[leaf]!) continue
      // A clear bit of (low, high) is a bit at which a run of the length tested so far begins; the test's length
      // doubles until it is `count`. Bits shifted in at the top are clear: a run that reaches the leaf's end may go on
      // in the next. Once only such a run is left, longer tests change nothing.
      let low = ~bitmap[leaf << 1]!
      let high = ~bitmap[(leaf << 1) + 1]!
      let steps = doublings
      while (steps > 0 && !onesThenZeros(low, high)) {
        steps--
        const by = ((beyondFirst >> steps) + 1) >> 1
        if (by < 32) {
          low |= (low >>> by) | (high << (32 - by))
          high |= high >>> by
        } else {
          low |= high
        }
      }
      let hint = beyondFirst >> steps
      const offset = start & 63
      if (leaf === start >>> 6 && offset !== 0 && (low & high) !== -1) {
        const beforeLow = maskLow[offset]!
        const beforeHigh = maskHigh[offset]!
        if (((~low & beforeLow) | (~high & beforeHigh)) !== 0) {
          // The runs put aside may reach up to the offset, so the bound grows by it.
          hint += offset
          low |= beforeLow
          high |= beforeHigh
        }
      }
      if ((low & high) === -1) {
        hints[leaf] = hint
        continue
      }
      const block = this.#takeFromLeaf(leaf, low, high, hint, count, maxCount)
      if (block >= 0) return block
    }
    return -1
  }

  /**
   * Allocates the first run that begins in `leaf` at a clear bit of (low, high) (the second half of blst_leaf_alloc).
   * `hint` is what the leaf's hint becomes if its free blocks at the end are used up.
   */
  #takeFromLeaf(leaf: number, low: number, high: number, hint: number, count: number, maxCount: number): number {
    const bitmap = this.#bitmap
    const from = low !== -1 ? lowestBit(~low) : 32 + lowestBit(~high)
    let to: number
    if (!onesThenZeros(low, high)) {
      // The run ends inside the leaf: the first set bit after the clear ones is the first start that is too late.
      const laterLow = low !== -1 ? low & (low + 1) : 0
      const laterHigh = low !== -1 ? high : high & (high + 1)
      to = (laterLow !== 0 ? lowestBit(laterLow) : 32 + lowestBit(laterHigh)) + count - 1
      if (maxCount < to - from) to = from + maxCount
      this.allocated = to - from
    } else if (maxCount <= 64 - from) {
      to = from + maxCount
      this.allocated = maxCount
      if (to === 64) this.#hints[leaf] = hint
    } else {
      to = 64
      const here = 64 - from
      const following = this.#takeFollowing(leaf, count - here, maxCount - here)
      // A failure here depends on the next leaf, so this leaf's hint must stay.
      if (following < count - here) return -1
      this.allocated = here + following
      this.#hints[leaf] = hint
    }
    const word = leaf << 1
    const leftLow = bitmap[word]! & (~maskLow[to]! | maskLow[from]!)
    const leftHigh = bitmap[word + 1]! & (~maskHigh[to]! | maskHigh[from]!)
    bitmap[word] = leftLow
    bitmap[word + 1] = leftHigh
    if ((leftLow | leftHigh) === 0) this.#unlinkEmpty(leaf)
    return (leaf << 6) + from
  }

  /**
   * Allocates the free blocks with which the leaves after `leaf` begin: at most `most`, none if there are fewer than
   * `least` (blst_next_leaf_alloc). Returns how many there are.
   */
  #takeFollowing(leaf: number, least: number, most: number): number {
    const bitmap = this.#bitmap
    const leaves = this.#leaves
    let obtained = 0
    for (let next = leaf + 1; obtained < most && next < leaves; next++) {
      const low = bitmap[next << 1]!
      const high = bitmap[(next << 1) + 1]!
      if ((low & high) !== -1) {
        obtained += low !== -1 ? lowestBit(~low) : 32 + lowestBit(~high)
        break
      }
      obtained += 64
    }
    if (obtained > most) obtained = most
    if (obtained === 0 || obtained < least) return obtained
    // From the last leaf down, so that an inner node that becomes empty does so at its first child.
    for (let last = leaf + ((obtained + 63) >>> 6), rest = ((obtained - 1) & 63) + 1; last > leaf; last--, rest = 64) {
      bitmap[last << 1] = bitmap[last << 1]! & ~maskLow[rest]!
      bitmap[(last << 1) + 1] = bitmap[(last << 1) + 1]! & ~maskHigh[rest]!
      this.#unlinkEmpty(last)
    }
    return obtained
  }

  /** Clears a leaf's bit in its parent if nothing in it is free, and so on upward. */
  #unlinkEmpty(leaf: number): void {
    const bitmap = this.#bitmap
    const top = this.#top
    let node = leaf
    let word = leaf << 1
    for (let level = 1; level <= top; level++) {
      if ((bitmap[word]! | bitmap[word + 1]!) !== 0) return
      word = (this.#levelStart[level]! + (node >>> 6)) << 1
      const digitWord = word + ((node >>> 5) & 1)
      bitmap[digitWord] = bitmap[digitWord]! & ~(1 << node)
      node >>>= 6
    }
  }

  /** Lays the levels out for a number of blocks; returns the number of nodes. */
  #shape(blocks: number): number {
    this.#leaves = Math.ceil(blocks / blocksPerLeaf)
    let nodes = 0
    let level = 0
    let range = blocksPerLeaf
    // One level more than needed when `blocks` is a power of 64, as in the original: hints live there too. Unlike there,
    // a single leaf has a parent as well; it has nothing but that leaf to look at, so it changes no result.
    do {
      this.#levelStart[level++] = nodes
      nodes += Math.max(1, Math.ceil(blocks / range))
      range *= blocksPerLeaf
    } while (range <= blocks)
    this.#levelStart[level] = nodes
    this.#top = level
    return nodes + 1
  }

  readonly #rebind = (): void => {
    // A snapshot from before this list was made, or from after it was destroyed, does not have its columns.
    if (!this.#columns.names().includes(`${this.name}.state`)) {
      this.#detach()
      return
    }
    this.#bitmap = this.#columns.get(`${this.name}.bitmap`, 'i32')
    this.#hints = this.#columns.get(`${this.name}.hints`, 'u8')
    this.#state = this.#columns.get(`${this.name}.state`, 'u32')
    this.#shape(this.blocks)
  }

  #detach(): void {
    this.#bitmap = new Int32Array(2)
    this.#hints = new Uint8Array(1)
    this.#state = new Uint32Array(stateWords)
    this.#shape(0)
    this.allocated = 0
  }

  #requireSize(blocks: number): void {
    if (Number.isInteger(blocks) && blocks >= 1 && blocks <= blocksMax) return
    throw new BlockListError('blocklist-size', this.name, 0, blocks, `it cannot have ${blocks} blocks (1 to 2^31)`)
  }

  #refuseRange(what: string, block: number, count: number): never {
    const range = `${what} ${count} blocks from ${block}, outside its ${this.blocks}`
    throw new BlockListError('blocklist-range', this.name, block, count, range)
  }

  #refuseRequest(count: number, maxCount: number): never {
    const asked = `a request for ${count} to ${maxCount} blocks; the least must be 1 to ${blocksPerLeaf}`
    throw new BlockListError('blocklist-request', this.name, -1, count, asked)
  }

  #refuseDoubleFree(block: number, count: number): never {
    const freeBlock = this.nextFree(block)
    const range = `freeing ${count} blocks from ${block}, but block ${freeBlock} is free already`
    throw new BlockListError('blocklist-double-free', this.name, block, count, range)
  }
}

/** The text that the fragmentation report shows for one device (dump_gap_stats). Ends with a newline. */
export function formatFragmentation(statistics: FragmentationStatistics): string {
  const { ranges, largest, average, histogram } = statistics
  let text = `number of maximal free ranges: ${ranges}\n`
  text += `largest free range: ${largest}\n`
  text += `average maximal free range size: ${average}\n`
  text += 'number of maximal free ranges of different sizes:\n'
  text += '               count  |  size range\n'
  text += '               -----  |  ----------\n'
  let lastRow = histogram.length - 1
  while (lastRow > 0 && histogram[lastRow] === 0) lastRow--
  for (let row = 0; row <= lastRow; row++) {
    const rangesInRow = histogram[row]!
    if (rangesInRow === 0 && row < lastRow) continue
    const least = rangeSizeBounds[row]!
    const isLast = row === lastRow
    const most = isLast ? largest : rangeSizeBounds[row + 1]! - 1
    // The last row shows what there really is; with a single range in it, that is one size.
    const single = isLast ? rangesInRow <= 1 : least === most
    text += `${String(rangesInRow).padStart(20)}  |  ${single ? `${most}` : `${least} to ${most}`}\n`
  }
  return text
}

// Words of the state column.
const stateBlocks = 0
const stateAvailable = 1
const stateCursor = 2
const stateWords = 3

/** 64^5 < 2^31 <= 64^6: five levels of inner nodes above the leaves at most. */
const levelsMax = 6

/** maskLow[n], maskHigh[n]: the two words of a 64-bit map whose n lowest bits are set, n = 0 to 64. */
const maskLow = Int32Array.from({ length: 65 }, (_, bits) => (bits >= 32 ? -1 : (1 << bits) - 1))
const maskHigh = Int32Array.from({ length: 65 }, (_, bits) => (bits <= 32 ? 0 : bits === 64 ? -1 : (1 << bits) - 1))

/** Position of the lowest set bit of a word that is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}

/** Whether no set bit of a 64-bit map lies above a clear one. */
function onesThenZeros(low: number, high: number): boolean {
  return low === -1 ? (high & (high + 1)) === 0 : high === 0 && (low & (low + 1)) === 0
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

function fibonacciFromOne(length: number): number[] {
  const numbers = [1, 2]
  while (numbers.length < length) numbers.push(numbers.at(-1)! + numbers.at(-2)!)
  return numbers
}
