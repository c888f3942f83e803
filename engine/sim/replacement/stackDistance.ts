/**
 * Stack distances: of each reference, how many different pages were referenced since the last reference to its page, that page
 * counted. LRU with n frames misses exactly those with a distance above n (and the first references), so one histogram of
 * distances is the miss curve at every size.
 *
 * Each page holds a mark in a row of slots at its last reference; a reference counts the marks from its page's on, moves the
 * mark to the next free slot, and when the row is full it is closed up. Marks are bits in words of 32, with a count for each word,
 * each 32 words and each 1024 words, so that a distance is a few short sums, and a single popcount for a page that was
 * referenced a moment ago.
 */
import { checkSizes } from './simulator.ts'

/** Slots in a word, words in a block, blocks in a region: all 2^5. */
const STEP = 5
const MASK = 31
const MIN_SLOTS = 4096

export class StackDistances {
  /** [d]: references at distance d, from 1 on; [0]: first references to a page. */
  readonly histogram: Float64Array
  /** References taken. */
  references = 0
  /** Different pages among them. */
  footprint = 0
  /** The slot of each page's mark, from 1 on; 0: not referenced yet. */
  readonly #slotOf: Int32Array
  readonly #pageAt: Int32Array
  readonly #words: Int32Array
  readonly #wordCounts: Uint8Array
  readonly #blockCounts: Int32Array
  readonly #regionCounts: Int32Array
  /** The newest slot. */
  #slot = 0
  #lastPage = -1

  constructor(pageCount: number) {
    checkSizes(pageCount, [1])
    const slots = Math.max(MIN_SLOTS, 2 * pageCount + 2)
    this.histogram = new Float64Array(pageCount + 1)
    this.#slotOf = new Int32Array(pageCount)
    this.#pageAt = new Int32Array(slots)
    this.#words = new Int32Array((slots >>> STEP) + 1)
    this.#wordCounts = new Uint8Array((slots >>> STEP) + 1)
    this.#blockCounts = new Int32Array((slots >>> (2 * STEP)) + 1)
    this.#regionCounts = new Int32Array((slots >>> (3 * STEP)) + 1)
  }

  /** Takes the next references, `(page << 2) | kind`, in order. */
  take(references: Uint32Array): void {
    for (let i = 0; i < references.length; i++) {
      const page = references[i]! >>> 2
      if (page === this.#lastPage) this.histogram[1]! += 1
      else this.histogram[this.#moveMark(page)]! += 1
    }
    this.references += references.length
  }

  /** Takes one reference by its page; its distance, 0 if it is the first to the page. */
  takePage(page: number): number {
    const distance = page === this.#lastPage ? 1 : this.#moveMark(page)
    this.histogram[distance]! += 1
    this.references += 1
    return distance
  }

  /** Marks a page as the newest; its distance before. */
  #moveMark(page: number): number {
    this.#lastPage = page
    const slot = this.#slotOf[page]!
    let distance = 0
    if (slot === 0) this.footprint += 1
    else {
      distance = this.#marksFrom(slot)
      this.#count(slot, -1)
      this.#words[slot >>> STEP]! &= ~(1 << (slot & MASK))
      this.#slotOf[page] = 0
    }
    if (this.#slot + 1 === this.#pageAt.length) this.#closeUp()
    this.#mark(page)
    return distance
  }

  #mark(page: number): void {
    const slot = ++this.#slot
    this.#slotOf[page] = slot
    this.#pageAt[slot] = page
    this.#words[slot >>> STEP]! |= 1 << (slot & MASK)
    this.#count(slot, 1)
  }

  #count(slot: number, change: number): void {
    this.#wordCounts[slot >>> STEP]! += change
    this.#blockCounts[slot >>> (2 * STEP)]! += change
    this.#regionCounts[slot >>> (3 * STEP)]! += change
  }

  /** Marks in slots from this one on. */
  #marksFrom(slot: number): number {
    const newestWord = this.#slot >>> STEP
    let word = slot >>> STEP
    let marks = popcount(this.#words[word]! >>> (slot & MASK))
    if (newestWord - word <= MASK) {
      while (word < newestWord) marks += this.#wordCounts[++word]!
      return marks
    }
    const wordCounts = this.#wordCounts
    for (word++; (word & MASK) !== 0; word++) marks += wordCounts[word]!
    let block = word >>> STEP
    const lastBlock = newestWord >>> STEP
    const blockCounts = this.#blockCounts
    for (; (block & MASK) !== 0 && block <= lastBlock; block++) marks += blockCounts[block]!
    if (block <= lastBlock) {
      const lastRegion = lastBlock >>> STEP
      for (let region = block >>> STEP; region <= lastRegion; region++) marks += this.#regionCounts[region]!
    }
    return marks
  }

  /** Moves the marks together, in their order. */
  #closeUp(): void {
    const newest = this.#slot
    this.#words.fill(0)
    this.#wordCounts.fill(0)
    this.#blockCounts.fill(0)
    this.#regionCounts.fill(0)
    this.#slot = 0
    for (let slot = 1; slot <= newest; slot++) {
      const page = this.#pageAt[slot]!
      if (this.#slotOf[page] === slot) this.#mark(page)
    }
  }
}

function popcount(word: number): number {
  word -= (word >>> 1) & 0x55555555
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
