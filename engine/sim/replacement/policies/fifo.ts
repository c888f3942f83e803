/** FIFO: evicts the page that was loaded longest ago. */
import { drive, type SizePolicy } from '../drive.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const fifo: ReplacementPolicy = {
  name: 'fifo',
  title: 'FIFO',
  description: 'Evicts the page that was loaded longest ago.',
  create: (pageCount, frames) =>
    drive(pageCount, frames, { settlesOnLoad: true }, (residency) => new Fifo(residency, pageCount)),
}

class Fifo implements SizePolicy {
  readonly #residency: Residency
  /** Resident pages in the order of loading, from `#hand` on; frames are used in order while memory fills. */
  readonly #ring: Int32Array
  #hand = 0

  constructor(residency: Residency, pageCount: number) {
    this.#residency = residency
    this.#ring = new Int32Array(Math.min(residency.frames, pageCount))
  }

  miss(page: number): void {
    const residency = this.#residency
    const ring = this.#ring
    if (residency.isFull) residency.evict(ring[this.#hand]!)
    ring[this.#hand] = page
    this.#hand = this.#hand + 1 === ring.length ? 0 : this.#hand + 1
  }
}
