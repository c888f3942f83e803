/**
 * CLOCK and CLOCK1: frames in a ring in the order of loading, a reference bit each, and a hand. A hit sets the bit. On a miss
 * with all frames full the hand clears bits until it finds one clear, replaces that page in place and moves on. While memory
 * fills, frames are used in order and the hand stays at the first.
 *
 * A page is loaded with its bit clear (CLOCK, second chance) or set (CLOCK1, as on hardware, where the faulting access itself is
 * done again). A page is settled where its bit is set.
 */
import { drive, type SizePolicy } from '../drive.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const clock: ReplacementPolicy = {
  name: 'clock',
  title: 'CLOCK',
  description:
    'Evicts, round a ring, the first page not referenced since the hand last passed; loading does not count.',
  create: (pageCount, frames) =>
    drive(pageCount, frames, { settlesOnLoad: false }, (residency) => new Clock(residency, pageCount)),
}

export const clock1: ReplacementPolicy = {
  name: 'clock1',
  title: 'CLOCK1',
  description: 'CLOCK whose reference bit is set on load.',
  create: (pageCount, frames) =>
    drive(pageCount, frames, { settlesOnLoad: true }, (residency) => new Clock(residency, pageCount)),
}

class Clock implements SizePolicy {
  readonly #residency: Residency
  readonly #ring: Int32Array
  #hand = 0

  constructor(residency: Residency, pageCount: number) {
    this.#residency = residency
    this.#ring = new Int32Array(Math.min(residency.frames, pageCount))
  }

  miss(page: number): void {
    const residency = this.#residency
    this.#ring[residency.isFull ? this.#vacate() : residency.count] = page
  }

  /** Evicts a page; its place in the ring. */
  #vacate(): number {
    const residency = this.#residency
    const ring = this.#ring
    let hand = this.#hand
    while (residency.isSettled(ring[hand]!)) {
      residency.unsettle(ring[hand]!)
      hand = hand + 1 === ring.length ? 0 : hand + 1
    }
    residency.evict(ring[hand]!)
    this.#hand = hand + 1 === ring.length ? 0 : hand + 1
    return hand
  }
}
