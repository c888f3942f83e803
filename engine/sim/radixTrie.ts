/**
 * Radix tries from page or node numbers to small integers, many tries in one pool (FreeBSD's pctrie and vm_radix).
 *
 * Fan-out 16, one hexadecimal digit of the key a level, path-compressed: an inner node exists only where at least two
 * keys branch, so a trie of n keys has n - 1 inner nodes at most and a trie of one key has none. `nodesInUse` is
 * therefore what a kernel's zone of trie nodes would count.
 *
 * A trie has no object of its own: it is a *reference*, an integer that its owner keeps in an Int32 column; 0 is the
 * empty trie. `insert` and `remove` return the trie's new reference. A reference is a place in the pool times 16 plus
 * a tag. Tag 0 is a leaf. Tag t > 0 is an inner node that branches on digit t - 1 (0 is the least significant). With
 * the digit in the reference, a lookup reads one word a level; it does not compare prefixes on the way down, but the
 * whole key at the leaf. Leaf 0 stands for "nothing there" and has a key that equals none.
 *
 * Keys are integers from 0 to 2^53 - 1, held as two 32-bit words; values are integers from 0 to 2^31 - 1.
 */

import type { Columns } from './columns.ts'

/** Most inner nodes, and most keys, that a pool can have: what a reference has room for. */
export const trieNodesMax = 0x7ffffff

export class RadixTriePool {
  declare readonly name: string
  /** Key of the last successful lookupGreaterOrEqual or lookupLessOrEqual. */
  foundKey = -1
  /** Value that the last `remove` took out, or -1 if it found nothing. */
  removedValue = -1

  #columns: Columns
  /** 16 references a node: its children by digit, 0 where there is none. */
  #children: Int32Array
  /** 4 words a node: its prefix (key with the branching digit and all below it 0; low, high), the set of digits that
   * have a child as bits, the next free node. */
  #nodes: Int32Array
  /** 4 words a leaf: key low, key high, value, the next free leaf. */
  #leaves: Int32Array
  #state: Int32Array

  /** A pool with room for `initialCapacity` inner nodes and as many keys; it grows by doubling. */
  constructor(columns: Columns, name: string, initialCapacity: number) {
    const capacity = Math.max(2, Math.min(initialCapacity + 1, trieNodesMax))
    this.name = name
    this.#columns = columns
    this.#children = columns.define(`${name}.children`, 'i32', 16 * capacity)
    this.#nodes = columns.define(`${name}.nodes`, 'i32', 4 * capacity)
    this.#leaves = columns.define(`${name}.leaves`, 'i32', 4 * capacity)
    this.#state = columns.define(`${name}.state`, 'i32', stateWords)
    this.#state[stateLimit] = trieNodesMax
    // Place 0 of both is never handed out: node 0 would make a reference of 0, leaf 0 is "nothing there".
    this.#state[stateNodesTouched] = 1
    this.#state[stateLeavesTouched] = 1
    this.#leaves[1] = -1
    columns.onRebind(() => {
      this.#children = columns.get(`${name}.children`, 'i32')
      this.#nodes = columns.get(`${name}.nodes`, 'i32')
      this.#leaves = columns.get(`${name}.leaves`, 'i32')
      this.#state = columns.get(`${name}.state`, 'i32')
    })
  }

  /** Inner nodes in use, in all tries. */
  get nodesInUse(): number {
    return this.#state[stateNodesInUse]!
  }

  /** Keys in all tries. */
  get keysInUse(): number {
    return this.#state[stateKeysInUse]!
  }

  /** Most inner nodes that may be in use. Lowering it below what is in use frees nothing. */
  get limitNodes(): number {
    return this.#state[stateLimit]!
  }

  set limitNodes(limit: number) {
    this.#state[stateLimit] = Math.max(0, Math.min(limit, trieNodesMax))
  }

  /** The value of `key`, or -1. */
  lookup(root: number, key: number): number {
    // Arithmetic on 32-bit words only, for keys that fit one.
    const low = key | 0
    const high = low === key && low >= 0 ? 0 : (key / 0x100000000) | 0
    const children = this.#children
    let reference = root
    let tag = reference & 15
    while (tag !== 0) {
      reference = children[(reference & ~15) | (((tag <= 8 ? low : high) >>> ((tag - 1) << 2)) & 15)]!
      tag = reference & 15
    }
    const leaves = this.#leaves
    const leaf = reference >> 2
    return leaves[leaf] === low && leaves[leaf + 1] === high ? leaves[leaf + 2]! : -1
  }

  /**
   * Sets the value of `key`, new or not. Returns the trie's new reference, or -1, with nothing changed, if the key needs an
   * inner node and the limit is reached.
   */
  insert(root: number, key: number, value: number): number {
    const low = key | 0
    const high = low === key && low >= 0 ? 0 : (key / 0x100000000) | 0
    let children = this.#children
    // Down to the leaf or the empty place where the key's own digits lead.
    let place = -1
    let lastDigit = -1
    let reference = root
    while ((reference & 15) !== 0) {
      lastDigit = (reference & 15) - 1
      place = (reference & ~15) | (((lastDigit < 8 ? low : high) >>> (lastDigit << 2)) & 15)
      reference = children[place]!
    }
    if (root === 0) return this.#newLeaf(low, high, value)
    // Any key of the same subtree shows where the new key leaves it: the leaf found, or the prefix of the node whose
    // empty place was found.
    let differsLow: number
    let differsHigh: number
    if (reference !== 0) {
      const leaves = this.#leaves
      const leaf = reference >> 2
      differsLow = low ^ leaves[leaf]!
      differsHigh = high ^ leaves[leaf + 1]!
      if ((differsLow | differsHigh) === 0) {
        leaves[leaf + 2] = value
        return root
      }
    } else {
      const nodes = this.#nodes
      const node = (place >> 4) << 2
      differsLow = low ^ nodes[node]!
      differsHigh = high ^ nodes[node + 1]!
    }
    let digit = differsHigh !== 0 ? 8 + ((31 - Math.clz32(differsHigh)) >> 2) : (31 - Math.clz32(differsLow)) >> 2
    // A prefix says nothing about the digits below it, and its own digit differs from the key's even if that is 0.
    if (reference === 0) digit = Math.max(digit, lastDigit)
    // The subtree that the key leaves: the first on the way down that branches at or below the digit that differs.
    let abovePlace = -1
    let below = root
    let belowTag = below & 15
    while (belowTag - 1 > digit) {
      abovePlace = (below & ~15) | (((belowTag <= 8 ? low : high) >>> ((belowTag - 1) << 2)) & 15)
      below = children[abovePlace]!
      belowTag = below & 15
    }
    if (belowTag - 1 === digit) {
      // It branches at this very digit, and has nothing there yet.
      const leafReference = this.#newLeaf(low, high, value)
      const slot = ((digit < 8 ? low : high) >>> (digit << 2)) & 15
      children[(below & ~15) | slot] = leafReference
      const occupied = ((below >> 4) << 2) + 2
      this.#nodes[occupied] = this.#nodes[occupied]! | (1 << slot)
      return root
    }
    if (this.#state[stateNodesInUse]! >= this.#state[stateLimit]!) return -1
    const leafReference = this.#newLeaf(low, high, value)
    const node = this.#newNode()
    children = this.#children
    const nodes = this.#nodes
    const shift = (digit & 7) << 2
    // The two keys differ here, so both digits are known from the new key and the difference.
    const word = digit < 8 ? low : high
    const slot = (word >>> shift) & 15
    const otherSlot = ((word ^ (digit < 8 ? differsLow : differsHigh)) >>> shift) & 15
    const clear = ~((16 << shift) - 1)
    nodes[4 * node] = digit < 8 ? low & clear : 0
    nodes[4 * node + 1] = digit < 8 ? high : high & clear
    nodes[4 * node + 2] = (1 << slot) | (1 << otherSlot)
    children[16 * node + slot] = leafReference
    children[16 * node + otherSlot] = below
    const nodeReference = (node << 4) | (digit + 1)
    if (abovePlace < 0) return nodeReference
    children[abovePlace] = nodeReference
    return root
  }

  /** Takes `key` out, if it is there; its value is then in `removedValue`. Returns the trie's new reference. */
  remove(root: number, key: number): number {
    const low = key | 0
    const high = low === key && low >= 0 ? 0 : (key / 0x100000000) | 0
    const children = this.#children
    const leaves = this.#leaves
    let place = -1
    let abovePlace = -1
    let reference = root
    while ((reference & 15) !== 0) {
      const tag = reference & 15
      abovePlace = place
      place = (reference & ~15) | (((tag <= 8 ? low : high) >>> ((tag - 1) << 2)) & 15)
      reference = children[place]!
    }
    const leaf = reference >> 2
    if (leaves[leaf] !== low || leaves[leaf + 1] !== high) {
      this.removedValue = -1
      return root
    }
    this.removedValue = leaves[leaf + 2]!
    this.#freeLeaf(reference >> 4)
    if (place < 0) return 0
    children[place] = 0
    const nodes = this.#nodes
    const node = place >> 4
    const occupied = nodes[4 * node + 2]! & ~(1 << (place & 15))
    nodes[4 * node + 2] = occupied
    if ((occupied & (occupied - 1)) !== 0) return root
    // One child is left: it takes the node's place.
    const lastPlace = 16 * node + lowestBit(occupied)
    const last = children[lastPlace]!
    children[lastPlace] = 0
    this.#freeNode(node)
    if (abovePlace < 0) return last
    children[abovePlace] = last
    return root
  }

  /** The value of the least key that is `key` or greater, the key being left in `foundKey`; or -1. */
  lookupGreaterOrEqual(root: number, key: number): number {
    const low = key | 0
    const high = low === key && low >= 0 ? 0 : (key / 0x100000000) | 0
    const children = this.#children
    const nodes = this.#nodes
    // The nearest subtree seen so far whose keys are all greater.
    let greater = 0
    let reference = root
    while ((reference & 15) !== 0) {
      const order = this.#comparePrefix(reference, low, high)
      if (order !== 0) {
        if (order > 0) greater = reference
        reference = 0
        break
      }
      const tag = reference & 15
      const slot = ((tag <= 8 ? low : high) >>> ((tag - 1) << 2)) & 15
      const later = nodes[((reference >> 4) << 2) + 2]! & (-2 << slot)
      if (later !== 0) greater = children[(reference & ~15) | lowestBit(later)]!
      reference = children[(reference & ~15) | slot]!
    }
    if (reference !== 0 && this.#compareLeaf(reference, low, high) >= 0) return this.#found(reference)
    if (greater === 0) return -1
    while ((greater & 15) !== 0) greater = children[(greater & ~15) | lowestBit(nodes[((greater >> 4) << 2) + 2]!)]!
    return this.#found(greater)
  }

  /** The value of the greatest key that is `key` or less, the key being left in `foundKey`; or -1. */
  lookupLessOrEqual(root: number, key: number): number {
    const low = key | 0
    const high = low === key && low >= 0 ? 0 : (key / 0x100000000) | 0
    const children = this.#children
    const nodes = this.#nodes
    let less = 0
    let reference = root
    while ((reference & 15) !== 0) {
      const order = this.#comparePrefix(reference, low, high)
      if (order !== 0) {
        if (order < 0) less = reference
        reference = 0
        break
      }
      const tag = reference & 15
      const slot = ((tag <= 8 ? low : high) >>> ((tag - 1) << 2)) & 15
      const earlier = nodes[((reference >> 4) << 2) + 2]! & ((1 << slot) - 1)
      if (earlier !== 0) less = children[(reference & ~15) | highestBit(earlier)]!
      reference = children[(reference & ~15) | slot]!
    }
    if (reference !== 0 && this.#compareLeaf(reference, low, high) <= 0) return this.#found(reference)
    if (less === 0) return -1
    while ((less & 15) !== 0) less = children[(less & ~15) | highestBit(nodes[((less >> 4) << 2) + 2]!)]!
    return this.#found(less)
  }

  /** Frees all nodes and keys of a trie; its reference is 0 from then on. */
  clear(root: number): void {
    // Taking the first child out of each node on the way turns the trie into one that is shorter by a key.
    const children = this.#children
    const nodes = this.#nodes
    let rest = root
    while (rest !== 0) {
      if ((rest & 15) === 0) {
        this.#freeLeaf(rest >> 4)
        return
      }
      const node = rest >> 4
      const occupied = nodes[4 * node + 2]!
      const place = 16 * node + lowestBit(occupied)
      const child = children[place]!
      if ((child & 15) === 0) {
        children[place] = 0
        nodes[4 * node + 2] = occupied & (occupied - 1)
        this.#freeLeaf(child >> 4)
        if (nodes[4 * node + 2] === 0) {
          rest = nodes[4 * node + 3]!
          this.#freeNode(node)
        }
      } else {
        // Down into the child; the free list's link, unused while the node is in use, remembers the way back.
        children[place] = 0
        nodes[4 * node + 2] = occupied & (occupied - 1)
        const back = nodes[4 * node + 2] === 0 ? nodes[4 * node + 3]! : rest
        if (nodes[4 * node + 2] === 0) this.#freeNode(node)
        nodes[4 * (child >> 4) + 3] = back
        rest = child
      }
    }
  }

  /** Sign of (prefix of a node - same digits of the key). */
  #comparePrefix(reference: number, low: number, high: number): number {
    const nodes = this.#nodes
    const node = (reference >> 4) << 2
    const digit = (reference & 15) - 1
    const clear = ~((16 << ((digit & 7) << 2)) - 1)
    const byHigh = nodes[node + 1]! - (digit < 8 ? high : high & clear)
    if (byHigh !== 0 || digit >= 8) return byHigh
    return (nodes[node]! >>> 0) - ((low & clear) >>> 0)
  }

  /** Sign of (key of a leaf - the key). */
  #compareLeaf(reference: number, low: number, high: number): number {
    const leaf = reference >> 2
    const byHigh = this.#leaves[leaf + 1]! - high
    return byHigh !== 0 ? byHigh : (this.#leaves[leaf]! >>> 0) - (low >>> 0)
  }

  #found(reference: number): number {
    const leaf = reference >> 2
    const low = this.#leaves[leaf]!
    const high = this.#leaves[leaf + 1]!
    this.foundKey = high === 0 && low >= 0 ? low : high * 0x100000000 + (low >>> 0)
    return this.#leaves[leaf + 2]!
  }

  #newLeaf(low: number, high: number, value: number): number {
    const state = this.#state
    let leaf = state[stateFreeLeaf]!
    if (leaf !== 0) {
      state[stateFreeLeaf] = this.#leaves[4 * leaf + 3]!
    } else {
      leaf = state[stateLeavesTouched]!
      if (4 * leaf >= this.#leaves.length)
        this.#leaves = this.#columns.resize(`${this.name}.leaves`, 'i32', 4 * this.#grown(leaf))
      state[stateLeavesTouched] = leaf + 1
    }
    state[stateKeysInUse] = state[stateKeysInUse]! + 1
    const leaves = this.#leaves
    leaves[4 * leaf] = low
    leaves[4 * leaf + 1] = high
    leaves[4 * leaf + 2] = value
    leaves[4 * leaf + 3] = 0
    return leaf << 4
  }

  #freeLeaf(leaf: number): void {
    const state = this.#state
    const leaves = this.#leaves
    leaves[4 * leaf] = 0
    leaves[4 * leaf + 1] = 0
    leaves[4 * leaf + 2] = 0
    leaves[4 * leaf + 3] = state[stateFreeLeaf]!
    state[stateFreeLeaf] = leaf
    state[stateKeysInUse] = state[stateKeysInUse]! - 1
  }

  #newNode(): number {
    const state = this.#state
    let node = state[stateFreeNode]!
    if (node !== 0) {
      state[stateFreeNode] = this.#nodes[4 * node + 3]!
      this.#nodes[4 * node + 3] = 0
    } else {
      node = state[stateNodesTouched]!
      if (4 * node >= this.#nodes.length) {
        const capacity = this.#grown(node)
        this.#nodes = this.#columns.resize(`${this.name}.nodes`, 'i32', 4 * capacity)
        this.#children = this.#columns.resize(`${this.name}.children`, 'i32', 16 * capacity)
      }
      state[stateNodesTouched] = node + 1
    }
    state[stateNodesInUse] = state[stateNodesInUse]! + 1
    return node
  }

  /** The node's children must be 0 already. */
  #freeNode(node: number): void {
    const state = this.#state
    const nodes = this.#nodes
    nodes[4 * node] = 0
    nodes[4 * node + 1] = 0
    nodes[4 * node + 2] = 0
    nodes[4 * node + 3] = state[stateFreeNode]!
    state[stateFreeNode] = node
    state[stateNodesInUse] = state[stateNodesInUse]! - 1
  }

  #grown(capacity: number): number {
    if (capacity > trieNodesMax) throw new RangeError(`radix trie pool ${this.name}: more than ${trieNodesMax} keys`)
    return Math.min(2 * capacity, trieNodesMax + 1)
  }
}

// Words of the state column.
const stateNodesInUse = 0
const stateKeysInUse = 1
const stateLimit = 2
const stateFreeNode = 3
const stateFreeLeaf = 4
/** Places that have been handed out at some time; those after them are zero. */
const stateNodesTouched = 5
const stateLeavesTouched = 6
const stateWords = 7

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word)
}

function highestBit(word: number): number {
  return 31 - Math.clz32(word)
}
