/**
 * Doubly linked lists of pages. A page is in at most one of the lists that share a PageLinks, so a policy with several queues
 * has one pair of columns for all of them.
 */

const NONE = -1

export class PageLinks {
  readonly older: Int32Array
  readonly newer: Int32Array

  constructor(pageCount: number) {
    this.older = new Int32Array(pageCount)
    this.newer = new Int32Array(pageCount)
  }
}

/** A queue: pages enter as the newest; any page can leave. */
export class PageList {
  readonly #links: PageLinks
  #oldest = NONE
  #newest = NONE
  count = 0

  constructor(links: PageLinks) {
    this.#links = links
  }

  /** -1 where the list is empty. */
  get oldest(): number {
    return this.#oldest
  }

  /** The page that entered next after `page`; -1 where that is the newest. */
  newerThan(page: number): number {
    return this.#links.newer[page]!
  }

  add(page: number): void {
    const { older, newer } = this.#links
    older[page] = this.#newest
    newer[page] = NONE
    if (this.#newest === NONE) this.#oldest = page
    else newer[this.#newest] = page
    this.#newest = page
    this.count += 1
  }

  remove(page: number): void {
    const { older, newer } = this.#links
    const before = older[page]!
    const after = newer[page]!
    if (before === NONE) this.#oldest = after
    else newer[before] = after
    if (after === NONE) this.#newest = before
    else older[after] = before
    this.count -= 1
  }
}
