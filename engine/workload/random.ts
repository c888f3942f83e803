/**
 * The generators' random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded through splitmix32, so that a seed and
 * a stream number, say a chunk's, give a state of their own and any chunk can be made without those before it. 32-bit integer
 * arithmetic only: the same numbers on every machine.
 */
export class Random {
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  /** `seed` and `stream` are integers up to 2^53; each pair is a sequence of its own. */
  constructor(seed: number, stream = 0) {
    this.reseed(seed, stream)
  }

  reseed(seed: number, stream = 0): void {
    let mixed = mix32(highHalf(seed) + 0x632be5ab)
    mixed = mix32(mixed ^ seed)
    mixed = mix32(mixed ^ (highHalf(stream) + 0x85157af5))
    mixed = mix32(mixed ^ stream)
    const next = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0
      return mix32(mixed)
    }
    this.setState(next(), next(), next(), next())
  }

  /** Sets the four words of the state; all zero, which would stay so, is replaced. */
  setState(a: number, b: number, c: number, d: number): void {
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    this.#d = (a | b | c | d) === 0 ? 1 : d | 0
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const b = this.#b
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const c = this.#c ^ this.#a
    const d = this.#d ^ b
    this.#b = b ^ c
    this.#a ^= d
    this.#c = c ^ (b << 9)
    this.#d = (d << 11) | (d >>> 21)
    return result >>> 0
  }

  /** An integer from 0 to bound - 1, for bounds up to 2^32; each is met within bound / 2^32 of its share. */
  below(bound: number): number {
    return Math.floor(this.next() * (bound / 4294967296))
  }

  /** A number from 0 to below 1, in steps of 2^-53. */
  fraction(): number {
    const high = this.next() >>> 5
    const low = this.next() >>> 6
    return (high * 67108864 + low) / 9007199254740992
  }
}

/** A threshold for `next() < threshold` that holds with probability `fraction` (0 to 1). */
export function thresholdOf(fraction: number): number {
  return Math.round(fraction * 4294967296)
}

function highHalf(value: number): number {
  return Math.floor(value / 4294967296) | 0
}

/** The finalizer of MurmurHash3: each bit of the input reaches each bit of the output. */
function mix32(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
