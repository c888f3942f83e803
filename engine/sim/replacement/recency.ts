/**
 * The order of last references without a list that every hit would have to change. A reference stores its number, its
 * *stamp*; who needs the least recently used page of a set sorts the set once by stamp and then walks along: a page of the
 * sorted order whose stamp is unchanged is older than every page that was referenced since, so it is the next victim; one
 * whose stamp has changed is skipped. A new sort is needed only after each page of the last one was referenced or evicted,
 * so at most once in as many references as the set has pages.
 *
 * Stamps are kept for each kind of reference apart (entry (page << 2) | kind), so that the loop stores one where the
 * reference points; the page's is the greatest of them.
 */

/** The number after the last stamp; beyond it stamps are renumbered. */
const STAMPS_END = 2147483647
/** A stamp and a page together are one double, exactly. */
const EXACT_END = Number.MAX_SAFE_INTEGER

export class Recency {
  readonly stamps: Int32Array
  /** Stamp of the reference that is being attended to. */
  now = 0
  /** Counts the renumberings: an order sorted before the last one is void. */
  generation = 0
  /** A power of two above every page. */
  readonly pageSpan: number
  readonly #end: number
  #next = 1

  /** `end` is the number at which stamps are renumbered at the latest: a test's concern. */
  constructor(pageCount: number, end = STAMPS_END) {
    let span = 1
    while (span < pageCount) span *= 2
    this.pageSpan = span
    this.stamps = new Int32Array(pageCount * 4)
    this.#end = Math.min(end, Math.floor(EXACT_END / span))
  }

  /** The stamp of the first of the next `count` references. */
  begin(count: number): number {
    if (this.#next + count > this.#end) this.#renumber()
    const first = this.#next
    this.#next += count
    return first
  }

  /** When `page` was referenced last; 0: never. */
  stampOf(page: number): number {
    const entry = page << 2
    const read = this.stamps[entry]!
    const write = this.stamps[entry + 1]!
    const fetch = this.stamps[entry + 2]!
    const later = read > write ? read : write
    return later > fetch ? later : fetch
  }

  /** The same order of pages in the smallest numbers. */
  #renumber(): void {
    const stamps = this.stamps
    const pageCount = stamps.length >>> 2
    const keys = new Float64Array(pageCount)
    let count = 0
    for (let page = 0; page < pageCount; page++) {
      const stamp = this.stampOf(page)
      if (stamp !== 0) keys[count++] = stamp * this.pageSpan + page
    }
    keys.subarray(0, count).sort()
    stamps.fill(0)
    for (let rank = 0; rank < count; rank++) stamps[(keys[rank]! % this.pageSpan) * 4] = rank + 1
    this.#next = count + 1
    this.generation += 1
  }
}

/** Pages by stamp, oldest first, of a set whose owner adds a page only when it is referenced. */
export class RecencyOrder {
  readonly #recency: Recency
  /** stamp * pageSpan + page: sorts as it is. */
  readonly #keys: Float64Array
  readonly #pages: Int32Array
  #length = 0
  #position = 0
  /** Only pages that were not referenced since are where the order says. */
  #sortedAt = 0
  #generation = -1

  /** `capacity` bounds the pages of the set. */
  constructor(recency: Recency, capacity: number) {
    this.#recency = recency
    this.#keys = new Float64Array(capacity)
    this.#pages = new Int32Array(capacity)
  }

  /** The least recently used page of `set`, which must have one that was not referenced just now. */
  oldest(set: PageSet): number {
    const recency = this.#recency
    if (this.#generation !== recency.generation) this.#sort(set)
    for (;;) {
      while (this.#position < this.#length) {
        const page = this.#pages[this.#position]!
        if (set.has(page) && recency.stampOf(page) < this.#sortedAt) return page
        this.#position += 1
      }
      this.#sort(set)
    }
  }

  #sort(set: PageSet): void {
    const recency = this.#recency
    const span = recency.pageSpan
    const keys = this.#keys
    const count = set.count
    for (let i = 0; i < count; i++) {
      const page = set.pages[i]!
      keys[i] = recency.stampOf(page) * span + page
    }
    keys.subarray(0, count).sort()
    for (let i = 0; i < count; i++) {
      const key = keys[i]!
      this.#pages[i] = key - Math.floor(key / span) * span
    }
    this.#length = count
    this.#position = 0
    this.#sortedAt = recency.now
    this.#generation = recency.generation
  }
}

/** A set of pages that can be listed: `pages[0..count-1]` in any order. */
export class PageSet {
  readonly pages: Int32Array
  count = 0
  /** Where in `pages` a page stands, -1 where it is not in the set. */
  readonly #place: Int32Array

  constructor(pageCount: number, capacity: number) {
    this.pages = new Int32Array(capacity)
    this.#place = new Int32Array(pageCount).fill(-1)
  }

  has(page: number): boolean {
    return this.#place[page]! >= 0
  }

  add(page: number): void {
    this.pages[this.count] = page
    this.#place[page] = this.count
    this.count += 1
  }

  remove(page: number): void {
    const place = this.#place[page]!
    const last = this.pages[this.count - 1]!
    this.pages[place] = last
    this.#place[last] = place
    this.#place[page] = -1
    this.count -= 1
  }
}
