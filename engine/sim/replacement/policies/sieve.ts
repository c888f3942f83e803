/**
 * SIEVE: a queue in the order of loading, a visited bit each, and a hand that goes from the oldest page to the newest and starts
 * again. A hit sets the bit and moves nothing. The hand clears bits until it finds one clear and evicts that page; it stays there,
 * so pages that were kept are not mixed with new ones.
 */
import { drive, type SizePolicy } from '../drive.ts'
import { PageLinks, PageList } from '../pageList.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const sieve: ReplacementPolicy = {
  name: 'sieve',
  title: 'SIEVE',
  description: 'Evicts the first page not visited since the hand last passed; kept pages stay where they are in the queue.',
  create: (pageCount, frames) => drive(pageCount, frames, (residency) => new Sieve(residency, pageCount)),
}

class Sieve implements SizePolicy {
  readonly #residency: Residency
  readonly #queue: PageList
  readonly #isVisited: Uint8Array
  /** The page that is looked at next; -1: the oldest. */
  #hand = -1

  constructor(residency: Residency, pageCount: number) {
    this.#residency = residency
    this.#queue = new PageList(new PageLinks(pageCount))
    this.#isVisited = new Uint8Array(pageCount)
  }

  attend(page: number, kind: number): void {
    const residency = this.#residency
    if (residency.isResident(page)) {
      this.#isVisited[page] = 1
      residency.touch(page, kind)
      residency.settle(page)
      return
    }
    if (residency.isFull) this.#evict()
    this.#queue.add(page)
    this.#isVisited[page] = 0
    residency.load(page, kind)
  }

  #evict(): void {
    const queue = this.#queue
    const isVisited = this.#isVisited
    let page = this.#hand < 0 ? queue.oldest : this.#hand
    while (isVisited[page] !== 0) {
      isVisited[page] = 0
      this.#residency.unsettle(page)
      page = queue.newerThan(page)
      if (page < 0) page = queue.oldest
    }
    this.#hand = queue.newerThan(page)
    queue.remove(page)
    this.#residency.evict(page)
  }
}
