/**
 * What is resident, dirty, on the swap device and settled at the memory sizes that are simulated together, and their counts. The
 * same for every policy: a policy decides what to evict and what is settled.
 *
 * A page is *settled* at a size where a further reference would change nothing, except that a write would make it dirty: what
 * policies call a reference bit is that.
 *
 * A page has one word, with a byte for each property and a bit of it for each size, so that what a reference does to a page that
 * is resident is done for all sizes at once; and nothing here branches on what no processor could foresee.
 */
import { Attention } from './attention.ts'
import type { SizeResult } from './simulator.ts'
import { ReferenceKind } from '../../workload/workload.ts'

/** Where the bytes of a page's word begin. */
const RESIDENT = 0
const DIRTY = 8
const ON_SWAP = 16
const SETTLED = 24
/** One bit in each byte that ends when a page goes. */
const GONE = (1 << RESIDENT) | (1 << DIRTY) | (1 << SETTLED)

/** The pages at up to SIZES_PER_TABLE sizes; `bits` have a bit for each size. */
export class PageStates {
  readonly attention: Attention
  readonly #words: Int32Array

  constructor(pageCount: number, sizes: number) {
    this.attention = new Attention(pageCount, sizes)
    this.#words = new Int32Array(pageCount)
  }

  /** Those of `bits` at which the page is resident. */
  residentOf(page: number, bits: number): number {
    return (this.#words[page]! >>> RESIDENT) & bits
  }

  settledOf(page: number, bits: number): number {
    return (this.#words[page]! >>> SETTLED) & bits
  }

  /** 1 where the page has been paged out at the size of this number, else 0. */
  isOnSwap(page: number, index: number): number {
    return (this.#words[page]! >>> (ON_SWAP + index)) & 1
  }

  /** A reference of `kind`: the page is resident at the sizes of `bits` from now on, and settled at those of `settled`. */
  reference(page: number, kind: number, bits: number, settled: number): void {
    const written = bits & -(kind & ReferenceKind.write)
    const word = this.#words[page]! | (bits << RESIDENT) | (written << DIRTY) | (settled << SETTLED)
    this.#words[page] = word
    this.attention.lower(page, settled, settled & (word >>> DIRTY))
  }

  /** The page goes from the size of this number, paged out first if it is dirty there: then 1, else 0. */
  evict(page: number, index: number): number {
    const word = this.#words[page]!
    const dirty = (word >>> (DIRTY + index)) & 1
    this.#words[page] = (word & ~(GONE << index)) | (dirty << (ON_SWAP + index))
    this.attention.raise(page, 1 << index)
    return dirty
  }

  unsettle(page: number, index: number): void {
    this.#words[page]! &= ~(1 << (SETTLED + index))
    this.attention.raise(page, 1 << index)
  }
}

/** One size, as its policy sees it. */
export class Residency {
  readonly frames: number
  /** Pages resident now. */
  count = 0
  readonly #states: PageStates
  /** Which of the sizes this is. */
  readonly #index: number
  #misses = 0
  #swapins = 0
  #pageouts = 0

  constructor(states: PageStates, frames: number, index: number) {
    this.frames = frames
    this.#states = states
    this.#index = index
  }

  get isFull(): boolean {
    return this.count === this.frames
  }

  /** Whether the resident page was referenced since it was loaded or last unsettled. */
  isSettled(page: number): boolean {
    return this.#states.settledOf(page, 1 << this.#index) !== 0
  }

  /** The policy wants to hear of the next reference to this page. */
  unsettle(page: number): void {
    this.#states.unsettle(page, this.#index)
  }

  /** The page goes; it is paged out first if it is dirty. */
  evict(page: number): void {
    this.#pageouts += this.#states.evict(page, this.#index)
    this.count -= 1
  }

  /** Counts a miss on a page that comes in. */
  countMiss(page: number): void {
    this.#misses += 1
    this.#swapins += this.#states.isOnSwap(page, this.#index)
    this.count += 1
  }

  result(): SizeResult {
    return { frames: this.frames, misses: this.#misses, swapins: this.#swapins, pageouts: this.#pageouts }
  }
}
