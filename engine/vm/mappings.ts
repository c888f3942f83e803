/**
 * Mappings: what the processors' page tables would hold.
 *
 * All processes' pages are numbered in one row of numbers: process p's dense page d is mapping `base[p] + d`. The
 * entry of a mapping is -1 where there is none, else frame * 2 + 1 if it may be written. The mappings of one frame are a
 * chain through `next`, which begins in the frame's `firstMapping`; most chains have one link.
 */
import type { Columns } from '../sim/columns.ts'
import { ALL_SECTORS, type VmPages } from './pages.ts'

// a constant of this module is folded into the code, one of another module is loaded at each use

export class Mappings {
  /** -1, or frame * 2 + writable. */
  declare entry: Int32Array
  declare next: Int32Array
  /** Map entry (region) that covers this page of the address space, -1: none. */
  declare region: Int32Array
  /** Virtual page number. */
  declare pageNumber: Float64Array
  readonly #pages: VmPages

  /** Room for address spaces of `size` pages together. */
  constructor(columns: Columns, pages: VmPages, size: number) {
    this.#pages = pages
    this.entry = columns.define('map.entry', 'i32', size).fill(-1)
    this.next = columns.define('map.next', 'i32', size).fill(-1)
    this.region = columns.define('map.region', 'i32', size).fill(-1)
    this.pageNumber = columns.define('map.pageNumber', 'f64', size)
    columns.onRebind(() => {
      this.entry = columns.get('map.entry', 'i32')
      this.next = columns.get('map.next', 'i32')
      this.region = columns.get('map.region', 'i32')
      this.pageNumber = columns.get('map.pageNumber', 'f64')
    })
  }

  /** Maps a frame; the mapping must be empty or of the same frame. */
  enter(mapping: number, frame: number, writable: boolean): void {
    if (this.entry[mapping]! < 0) {
      this.next[mapping] = this.#pages.firstMapping[frame]!
      this.#pages.firstMapping[frame] = mapping
    }
    this.entry[mapping] = frame * 2 + (writable ? 1 : 0)
  }

  /** Removes one mapping. */
  remove(mapping: number): void {
    const value = this.entry[mapping]!
    if (value < 0) return
    const frame = value >> 1
    const first = this.#pages.firstMapping
    if (first[frame] === mapping) first[frame] = this.next[mapping]!
    else {
      let before = first[frame]!
      while (this.next[before] !== mapping) before = this.next[before]!
      this.next[before] = this.next[mapping]!
    }
    this.entry[mapping] = -1
    this.next[mapping] = -1
  }

  /** Removes all mappings of a frame. What they had seen modified is kept as dirty. FreeBSD's pmap_remove_all. */
  removeAll(frame: number): void {
    const pages = this.#pages
    let mapping = pages.firstMapping[frame]!
    while (mapping >= 0) {
      const next = this.next[mapping]!
      this.entry[mapping] = -1
      this.next[mapping] = -1
      mapping = next
    }
    pages.firstMapping[frame] = -1
    this.#takeModified(frame)
  }

  /** Makes one mapping read-only. What it has seen modified is kept as dirty. */
  protect(mapping: number): void {
    const value = this.entry[mapping]!
    if (value < 0 || (value & 1) === 0) return
    this.entry[mapping] = value & ~1
    this.testDirty(value >> 1)
  }

  /** Makes all mappings of a frame read-only. FreeBSD's pmap_remove_write. */
  removeWrite(frame: number): void {
    for (let mapping = this.#pages.firstMapping[frame]!; mapping >= 0; mapping = this.next[mapping]!)
      this.entry[mapping]! &= ~1
    this.#takeModified(frame)
  }

  /** Marks a page dirty that its mappings have modified. FreeBSD's vm_page_test_dirty. */
  testDirty(frame: number): void {
    const pages = this.#pages
    if (pages.hardwareModified[frame] !== 0) pages.dirty[frame] = ALL_SECTORS
  }

  #takeModified(frame: number): void {
    this.testDirty(frame)
    this.#pages.hardwareModified[frame] = 0
  }
}
