/**
 * SIEVE: a queue in the order of loading, a visited bit each, and a hand that goes from the oldest page to the newest and starts
 * again. A hit sets the bit and moves nothing. The hand clears bits until it finds one clear and evicts that page; it stays there,
 * so pages that were kept are not mixed with new ones. A page is settled where its bit is set.
 */
import { drive, type SizePolicy } from '../drive.ts'
import { PageLinks, PageList } from '../pageList.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const sieve: ReplacementPolicy = {
  name: 'sieve',
  title: 'SIEVE',
  description:
    'Evicts the first page not visited since the hand last passed; kept pages stay where they are in the queue.',
  create: (pageCount, frames) =>
    drive(pageCount, frames, { settlesOnLoad: false }, (residency) => new Sieve(residency, pageCount)),
}

class Sieve implements SizePolicy {
  readonly #residency: Residency
  readonly #queue: PageList
  /** The page that is looked at next; -1: the oldest. */
  #hand = -1

  constructor(residency: Residency, pageCount: number) {
    this.#residency = residency
    this.#queue = new PageList(new PageLinks(pageCount))
  }

  miss(page: number): void {
    if (this.#residency.isFull) this.#evict()
    this.#queue.add(page)
  }

  #evict(): void {
    const queue = this.#queue
    const residency = this.#residency
    let page = this.#hand < 0 ? queue.oldest : this.#hand
    while (residency.isSettled(page)) {
      residency.unsettle(page)
      page = queue.newerThan(page)
      if (page < 0) page = queue.oldest
    }
    this.#hand = queue.newerThan(page)
    queue.remove(page)
    residency.evict(page)
  }
}
