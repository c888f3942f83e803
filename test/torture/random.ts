/** Seeded random numbers for tests that must be repeatable: the same seed gives the same choices everywhere. */

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 32 random bits, unsigned. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    return mixed(this.#state)
  }

  /** An integer 0..limit-1. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit)
  }

  /** An integer least..most, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }
}

/** One number out of two: the seed of part `index` of what `seed` stands for. */
export function derivedSeed(seed: number, index: number): number {
  return mixed(mixed(seed ^ 0x5bd1e995) + Math.imul(index + 1, 0x9e3779b9))
}

function mixed(bits: number): number {
  let word = bits ^ (bits >>> 16)
  word = Math.imul(word, 0x21f0aaad)
  word ^= word >>> 15
  word = Math.imul(word, 0x735a2d97)
  return (word ^ (word >>> 15)) >>> 0
}
