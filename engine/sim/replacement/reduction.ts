/**
 * Leaving out references that LRU and the offline optimum would not notice, exactly (after the idea of Kaplan, Smaragdakis and
 * Wilson's "safely allowed drop", 1999).
 *
 * Take three successive references to a page, with at most `frames` different pages in all from the first to the third. While
 * that lasts, any resident page that is to go is one that is not among those: so the page stays from the first to the
 * third, whether or not the one in the middle is there, and no other page's fate depends on it. The middle one can be dropped;
 * then the first and the third are neighbours, and the next may come. What is dropped is the less the fewer frames there
 * are, so a stream is reduced for a small memory first and what is left goes on to the larger ones.
 *
 * Instead of different pages this counts references, which are at least as many.
 */

/** References in a row, none to the page of the one before it. */
export class Row {
  readonly pages: Int32Array
  readonly isWrite: Uint8Array
  /** Where each reference stood in the row before anything was dropped. */
  readonly places: Int32Array
  count = 0

  constructor(length: number) {
    this.pages = new Int32Array(length)
    this.isWrite = new Uint8Array(length)
    this.places = new Int32Array(length)
  }
}

const NONE = -1
const PLACES_END = 1 << 30

export class Reduction {
  /** Two references to a page so far apart have at most `frames` different pages between them, both ends counted. */
  readonly #span: number
  /** Of each page: place of the reference that is kept for sure, and index in the row of the one after it, which may go. */
  readonly #kept: Int32Array
  readonly #last: Int32Array
  /** Added to the places of this row, so that those of earlier rows are told apart. */
  #base = 1

  constructor(pageCount: number, frames: number) {
    // three of the references are to the one page
    this.#span = frames + 1
    this.#kept = new Int32Array(pageCount)
    this.#last = new Int32Array(pageCount)
  }

  /** Drops references from a row, whose places are below `length`. A dropped write is made up for by the next to the page. */
  reduce(row: Row, length: number): void {
    const { pages, isWrite, places } = row
    const kept = this.#kept
    const last = this.#last
    const base = this.#base
    const span = this.#span
    for (let i = 0; i < row.count; i++) {
      const page = pages[i]!
      if (kept[page]! < base) {
        // the first in this row
        kept[page] = base + places[i]!
        last[page] = NONE
        continue
      }
      const middle = last[page]!
      last[page] = i
      if (middle === NONE) continue
      if (base + places[i]! - kept[page]! <= span) {
        pages[middle] = NONE
        isWrite[i]! |= isWrite[middle]!
      } else kept[page] = base + places[middle]!
    }
    this.#closeUp(row)
    this.#base += length
    if (this.#base > PLACES_END) {
      kept.fill(0)
      this.#base = 1
    }
  }

  #closeUp(row: Row): void {
    const { pages, isWrite, places } = row
    let count = 0
    let lastPage = NONE
    for (let i = 0; i < row.count; i++) {
      const page = pages[i]!
      if (page === NONE) continue
      if (page === lastPage) {
        isWrite[count - 1]! |= isWrite[i]!
        continue
      }
      lastPage = page
      pages[count] = page
      isWrite[count] = isWrite[i]!
      places[count] = places[i]!
      count += 1
    }
    row.count = count
  }
}
