/**
 * Where the pages of an object are: page index -> frame.
 *
 * Most objects are small enough for a table: their pages 0..length-1 have a row each in one shared column, and finding, entering
 * and removing a page are one access. What lies beyond an object's table (huge objects, indices past its end) is in a radix trie. Tables are
 * taken from the column in powers of two; those of ended objects are kept in lists by size and used again.
 */
import type { Columns } from '../sim/columns.ts'
import { RadixTriePool } from '../sim/radixTrie.ts'

/** Objects of more pages than this (4 GiB) have no table. */
const TABLE_PAGES_MAX = 1 << 20
const LEAST_SIZE_BITS = 3
const SIZE_CLASSES = 24

export class PageTable {
  /** Frame + 1 by row, 0 where the page is not resident. In a free table the first row leads to the next free one. */
  #rows: Int32Array
  /** Per object: first row of its table, and pages it covers; 0 where it has none. */
  #base: Int32Array
  #length: Int32Array
  /** Per object: root of the trie of what its table does not cover. */
  #root: Int32Array
  /** First row of the first free table of each size, by bits; then [SIZE_CLASSES] rows taken. Row 0 is never given out. */
  #free: Int32Array
  readonly #tries: RadixTriePool
  readonly #columns: Columns

  /** Room for tables of `expected` pages together. */
  constructor(columns: Columns, frames: number, objects: number, expected = 0) {
    this.#columns = columns
    this.#tries = new RadixTriePool(columns, 'vm.pageTrie', Math.min(64, frames))
    this.#rows = columns.define('vm.pageTable.rows', 'i32', Math.max(1024, 2 * expected))
    this.#base = columns.define('vm.pageTable.base', 'i32', objects)
    this.#length = columns.define('vm.pageTable.length', 'i32', objects)
    this.#root = columns.define('vm.pageTable.root', 'i32', objects)
    this.#free = columns.define('vm.pageTable.free', 'i32', SIZE_CLASSES + 1)
    this.#free[SIZE_CLASSES] = 1
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.#rows = c.get('vm.pageTable.rows', 'i32')
    this.#base = c.get('vm.pageTable.base', 'i32')
    this.#length = c.get('vm.pageTable.length', 'i32')
    this.#root = c.get('vm.pageTable.root', 'i32')
    this.#free = c.get('vm.pageTable.free', 'i32')
  }

  /** Room for more objects. */
  growObjects(objects: number): void {
    this.#base = this.#columns.resize('vm.pageTable.base', 'i32', objects)
    this.#length = this.#columns.resize('vm.pageTable.length', 'i32', objects)
    this.#root = this.#columns.resize('vm.pageTable.root', 'i32', objects)
  }

  /** An object of `size` pages begins. */
  begin(object: number, size: number): void {
    this.#root[object] = 0
    this.#base[object] = 0
    this.#length[object] = 0
    if (size === 0 || size > TABLE_PAGES_MAX) return
    const bits = Math.max(LEAST_SIZE_BITS, 32 - Math.clz32(size - 1))
    const length = 1 << bits
    let base = this.#free[bits]!
    if (base !== 0) {
      this.#free[bits] = this.#rows[base]!
      this.#rows[base] = 0
    } else {
      base = this.#free[SIZE_CLASSES]!
      this.#free[SIZE_CLASSES] = base + length
      if (base + length > this.#rows.length)
        this.#rows = this.#columns.resize('vm.pageTable.rows', 'i32', Math.max(base + length, this.#rows.length * 2))
    }
    this.#base[object] = base
    this.#length[object] = length
  }

  /** An object without pages ends: its table is free. */
  end(object: number): void {
    const length = this.#length[object]!
    if (length === 0) return
    const bits = 31 - Math.clz32(length)
    this.#rows[this.#base[object]!] = this.#free[bits]!
    this.#free[bits] = this.#base[object]!
    this.#length[object] = 0
  }

  /** The frame of a page, or -1. */
  lookup(object: number, pageIndex: number): number {
    if (pageIndex < this.#length[object]!) return this.#rows[this.#base[object]! + pageIndex]! - 1
    const root = this.#root[object]!
    return root === 0 ? -1 : this.#tries.lookup(root, pageIndex)
  }

  /** The resident page at the least index from `from` to `to`, or -1. */
  lookupFrom(object: number, from: number, to: number): number {
    const length = this.#length[object]!
    const base = this.#base[object]!
    const rows = this.#rows
    const end = to < length ? to + 1 : length
    for (let index = from; index < end; index++) if (rows[base + index] !== 0) return rows[base + index]! - 1
    const root = this.#root[object]!
    if (root === 0 || to < length) return -1
    const frame = this.#tries.lookupGreaterOrEqual(root, from)
    return frame >= 0 && this.#tries.foundKey <= to ? frame : -1
  }

  /** The resident page at the greatest index from `from` down to `to`, or -1. */
  lookupUpTo(object: number, from: number, to: number): number {
    const length = this.#length[object]!
    const root = this.#root[object]!
    if (from >= length && root !== 0) {
      const frame = this.#tries.lookupLessOrEqual(root, from)
      if (frame >= 0) return this.#tries.foundKey >= to ? frame : -1
    }
    const base = this.#base[object]!
    const rows = this.#rows
    for (let index = from < length ? from : length - 1; index >= to; index--)
      if (rows[base + index] !== 0) return rows[base + index]! - 1
    return -1
  }

  insert(object: number, pageIndex: number, frame: number): void {
    if (pageIndex < this.#length[object]!) this.#rows[this.#base[object]! + pageIndex] = frame + 1
    else this.#root[object] = this.#tries.insert(this.#root[object]!, pageIndex, frame)
  }

  remove(object: number, pageIndex: number): void {
    if (pageIndex < this.#length[object]!) this.#rows[this.#base[object]! + pageIndex] = 0
    else this.#root[object] = this.#tries.remove(this.#root[object]!, pageIndex)
  }
}
