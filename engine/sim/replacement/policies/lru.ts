/** LRU: evicts the page that was referenced longest ago. */
import { driveWithRecency, type SizePolicy } from '../drive.ts'
import { PageSet, RecencyOrder, type Recency } from '../recency.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const lru: ReplacementPolicy = {
  name: 'lru',
  title: 'LRU',
  description: 'Evicts the page that was referenced longest ago.',
  create: (pageCount, frames) =>
    driveWithRecency(
      pageCount,
      frames,
      { settlesOnLoad: true },
      (residency, pages, recency) => new Lru(residency, pages, recency),
    ),
}

class Lru implements SizePolicy {
  readonly #residency: Residency
  readonly #resident: PageSet
  readonly #order: RecencyOrder

  constructor(residency: Residency, pageCount: number, recency: Recency) {
    const capacity = Math.min(residency.frames, pageCount)
    this.#residency = residency
    this.#resident = new PageSet(pageCount, capacity)
    this.#order = new RecencyOrder(recency, capacity)
  }

  miss(page: number): void {
    const residency = this.#residency
    if (residency.isFull) {
      const victim = this.#order.oldest(this.#resident)
      this.#resident.remove(victim)
      residency.evict(victim)
    }
    this.#resident.add(page)
  }
}
