/**
 * The filter between a program's memory accesses and the references that are stored of them: what leaves most of a program's
 * accesses out without changing which pages it needs when.
 *
 * Size 1 drops an event that is equal in page and kind to the one before, and nothing else. Size k > 1 drops an event whose
 * page is among the k most recently used pages, unless it is the first write to that page since the page came to be among
 * them: what is left are the refills and the first-write traps of a translation buffer with k entries, fully associative,
 * least recently used first out.
 */

import { ReferenceKind } from './workload.ts'

/** A larger translation buffer than this hides too much of a program from a page daemon to be a workload. */
export const FILTER_SIZE_MAX = 64

/** Takes references by their virtual page number. */
export interface ReferenceSink {
  add(pageNumber: number, kind: number): void
}

export class ReferenceFilter implements ReferenceSink {
  /** Events that came in. */
  events = 0
  readonly #size: number
  readonly #sink: ReferenceSink
  /** The most recently used pages, the last one first, and whether each was written since it came in. */
  readonly #pages: Float64Array
  readonly #written: Uint8Array
  #lastKind = -1

  /** `size` is 1..FILTER_SIZE_MAX. */
  constructor(size: number, sink: ReferenceSink) {
    if (!Number.isInteger(size) || size < 1 || size > FILTER_SIZE_MAX)
      throw new RangeError(`a filter of ${size} pages; it has 1 to ${FILTER_SIZE_MAX}`)
    this.#size = size
    this.#sink = sink
    this.#pages = new Float64Array(size).fill(-1)
    this.#written = new Uint8Array(size)
  }

  add(pageNumber: number, kind: number): void {
    this.events++
    const pages = this.#pages
    if (this.#size === 1) {
      if (pageNumber === pages[0] && kind === this.#lastKind) return
      pages[0] = pageNumber
      this.#lastKind = kind
      this.#sink.add(pageNumber, kind)
      return
    }
    const written = this.#written
    const last = this.#size - 1
    let place = 0
    while (place < last && pages[place] !== pageNumber) place++
    const isHit = pages[place] === pageNumber
    const wasWritten = isHit ? written[place]! : 0
    for (; place > 0; place--) {
      pages[place] = pages[place - 1]!
      written[place] = written[place - 1]!
    }
    const isWrite = kind === ReferenceKind.write ? 1 : 0
    pages[0] = pageNumber
    written[0] = wasWritten | isWrite
    if (!isHit || isWrite > wasWritten) this.#sink.add(pageNumber, kind)
  }
}
