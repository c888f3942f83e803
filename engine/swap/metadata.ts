/**
 * Swap metadata: which swap block backs which page of which object.
 *
 * A node covers 16 page indices (SWAP_META_PAGES) and holds a global swap block, or none, for each; an object's nodes hang in a radix
 * trie keyed by page index / 16. Nodes and the trie's inner nodes come from two zones with limits, as the kernel's
 * swblk and swpctrie zones do. Source: FreeBSD swap_pager.c, struct swblk and the SWAP_PCTRIE routines.
 */
import type { Columns } from '../sim/columns.ts'
import { RadixTriePool } from '../sim/radixTrie.ts'
import type { VmPages } from '../vm/pages.ts'

/** SWAP_META_PAGES: page indices of a node. */
export const META_PAGES = 16
/** META_PAGES is 2 to this. */
const META_SHIFT = 4
/** pageIndex & PLACE is its place in the node: right for any page index, and no division. */
export const PLACE = META_PAGES - 1
/** SWAPBLK_NONE. Global swap blocks are numbers >= 0, exact to 2^53. */
export const NO_BLOCK = -1
/** Bytes of a struct swblk on amd64: a page index and 16 blocks. */
export const NODE_BYTES = 136

/** Nodes that are found without their trie: a fault and a pageout ask for the same few several times. */
const KNOWN_NODES = 1024

export class SwapMetadata {
  /** Global swap block by node * 16 + place. */
  declare blocks: Float64Array
  /** First page index of each node. */
  declare nodeIndex: Float64Array
  #freeNext: Int32Array
  /** [0] first free node, [1] nodes in use, [2] limit on nodes, [3] node allocations that are made to fail next, [4] whether the zone then says it is exhausted. */
  #zone: Float64Array
  readonly #columns: Columns
  readonly #pages: VmPages
  readonly #tries: RadixTriePool
  /** The nodes found last by object and key; none of them has left its trie. */
  readonly #knownObject = new Int32Array(KNOWN_NODES).fill(-1)
  readonly #knownKey = new Float64Array(KNOWN_NODES)
  readonly #knownNode = new Int32Array(KNOWN_NODES)

  constructor(columns: Columns, pages: VmPages, nodeLimit: number) {
    this.#columns = columns
    this.#pages = pages
    const capacity = Math.min(Math.max(16, nodeLimit), 256)
    this.#tries = new RadixTriePool(columns, 'swap.metadataTrie', capacity)
    this.blocks = columns.define('swap.node.blocks', 'f64', capacity * META_PAGES)
    this.nodeIndex = columns.define('swap.node.index', 'f64', capacity)
    this.#freeNext = columns.define('swap.node.free', 'i32', capacity)
    this.#zone = columns.define('swap.node.zone', 'f64', 5)
    this.#zone.set([-1, 0, nodeLimit, 0, 0])
    this.#tries.limitNodes = nodeLimit
    this.#chainFree(0)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    this.blocks = this.#columns.get('swap.node.blocks', 'f64')
    this.nodeIndex = this.#columns.get('swap.node.index', 'f64')
    this.#freeNext = this.#columns.get('swap.node.free', 'i32')
    this.#zone = this.#columns.get('swap.node.zone', 'f64')
    this.#knownObject.fill(-1)
  }

  #chainFree(from: number): void {
    for (let node = this.nodeIndex.length - 1; node >= from; node--) {
      this.#freeNext[node] = this.#zone[0]!
      this.#zone[0] = node
    }
  }

  get nodesInUse(): number {
    return this.#zone[1]!
  }

  get nodeLimit(): number {
    return this.#zone[2]!
  }

  /** Makes the next `count` node allocations fail; `exhausted`: the zone then says that it is exhausted. */
  injectFailures(count: number, exhausted: boolean): void {
    this.#zone[3] = count
    this.#zone[4] = exhausted ? 1 : 0
  }

  /** Whether the node zone says it has no more: FreeBSD's uma_zone_exhausted. */
  get exhausted(): boolean {
    return this.#zone[4] !== 0 || this.#zone[1]! >= this.#zone[2]!
  }

  get trieExhausted(): boolean {
    return this.#tries.nodesInUse >= this.#tries.limitNodes
  }

  /** The node that covers a page index, or -1. */
  node(object: number, pageIndex: number): number {
    const key = Math.floor(pageIndex / META_PAGES)
    const at = placeOf(object, key)
    if (this.#knownObject[at] === object && this.#knownKey[at] === key) return this.#knownNode[at]!
    const root = this.#pages.metadataRoot[object]!
    if (root === 0) return -1
    const node = this.#tries.lookup(root, key)
    if (node >= 0) {
      this.#knownObject[at] = object
      this.#knownKey[at] = key
      this.#knownNode[at] = node
    }
    return node
  }

  /** The node with the least index that ends beyond `pageIndex`, or -1. `pageIndex` is that of the first node wanted. */
  nodeFrom(object: number, pageIndex: number): number {
    const root = this.#pages.metadataRoot[object]!
    return root === 0 ? -1 : this.#tries.lookupGreaterOrEqual(root, Math.ceil(pageIndex / META_PAGES))
  }

  /** The swap block of a page, or NO_BLOCK. FreeBSD's swp_pager_meta_lookup. */
  lookup(object: number, pageIndex: number): number {
    const node = this.node(object, pageIndex)
    return node < 0 ? NO_BLOCK : this.blocks[rowOf(node, pageIndex)]!
  }

  /** A node from the zone, all places empty, not yet in a trie; -1 if the zone gives none. */
  allocateNode(pageIndex: number): number {
    const zone = this.#zone
    if (zone[3]! > 0) {
      zone[3]! -= 1
      return -1
    }
    zone[4] = 0
    if (zone[1]! >= zone[2]!) return -1
    if (zone[0]! < 0) this.#grow()
    const node = this.#zone[0]!
    this.#zone[0] = this.#freeNext[node]!
    this.#zone[1]! += 1
    this.nodeIndex[node] = pageIndex - (pageIndex & PLACE)
    this.blocks.fill(NO_BLOCK, node * META_PAGES, (node + 1) * META_PAGES)
    return node
  }

  #grow(): void {
    const old = this.nodeIndex.length
    const capacity = old * 2
    this.blocks = this.#columns.resize('swap.node.blocks', 'f64', capacity * META_PAGES)
    this.nodeIndex = this.#columns.resize('swap.node.index', 'f64', capacity)
    this.#freeNext = this.#columns.resize('swap.node.free', 'i32', capacity)
    this.#chainFree(old)
  }

  /** Hangs a node into its object's trie; false if the trie's zone gives no inner node. */
  insertNode(object: number, node: number): boolean {
    const root = this.#tries.insert(this.#pages.metadataRoot[object]!, this.nodeIndex[node]! / META_PAGES, node)
    if (root < 0) return false
    this.#pages.metadataRoot[object] = root
    this.#pages.metadataNodes[object]! += 1
    return true
  }

  /** Takes a node out of its object's trie and gives it back to the zone. */
  removeNode(object: number, node: number): void {
    const key = this.nodeIndex[node]! / META_PAGES
    const at = placeOf(object, key)
    if (this.#knownObject[at] === object) this.#knownObject[at] = -1
    this.#pages.metadataRoot[object] = this.#tries.remove(this.#pages.metadataRoot[object]!, key)
    this.#pages.metadataNodes[object]! -= 1
    this.releaseNode(node)
  }

  /** Gives a node that is in no trie back to the zone. */
  releaseNode(node: number): void {
    this.#freeNext[node] = this.#zone[0]!
    this.#zone[0] = node
    this.#zone[1]! -= 1
  }

  /** Whether places start..limit-1 of a node are empty. FreeBSD's swp_pager_swblk_empty. */
  isEmpty(node: number, start: number, limit: number): boolean {
    const base = node * META_PAGES
    for (let i = base + start; i < base + limit; i++) if (this.blocks[i] !== NO_BLOCK) return false
    return true
  }

  /** Gives the node back if it is empty. FreeBSD's swp_pager_free_empty_swblk. */
  removeIfEmpty(object: number, node: number): void {
    if (this.isEmpty(node, 0, META_PAGES)) this.removeNode(object, node)
  }
}

/** The row of a page's block in `blocks`, by the node that covers it. */
export const rowOf = (node: number, pageIndex: number) => (node << META_SHIFT) | (pageIndex & PLACE)

/** Where a node is kept among the known ones. */
const placeOf = (object: number, key: number) =>
  (key ^ Math.imul(object, 0x9e3779b1)) & (KNOWN_NODES - 1)
