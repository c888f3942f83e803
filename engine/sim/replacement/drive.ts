/** The loop over a trace, for every policy that is told through an attention table (all but the offline optimum). */
import { Attention, SIZES_PER_TABLE } from './attention.ts'
import { Recency } from './recency.ts'
import { Residency } from './residency.ts'
import { checkSizes, type SizeResult, type Simulator } from './simulator.ts'

/** A policy at one size. */
export interface SizePolicy {
  /** A reference that may change something: a miss, or a hit on a page that is not settled. */
  attend(page: number, kind: number): void
}

export type MakeSizePolicy = (residency: Residency, pageCount: number) => SizePolicy
export type MakeRecencyPolicy = (residency: Residency, pageCount: number, recency: Recency) => SizePolicy

/** Simulates a policy whose hits only set bits. */
export function drive(pageCount: number, frames: readonly number[], make: MakeSizePolicy): Simulator {
  return inGroups(pageCount, frames, (sizes) => new PlainGroup(new SizeGroup(pageCount, sizes, make)))
}

/** Simulates a policy that orders pages by their last reference. */
export function driveWithRecency(pageCount: number, frames: readonly number[], make: MakeRecencyPolicy): Simulator {
  return inGroups(pageCount, frames, (sizes) => {
    const recency = new Recency(pageCount)
    return new RecencyGroup(
      new SizeGroup(pageCount, sizes, (residency) => make(residency, pageCount, recency)),
      recency,
    )
  })
}

/** References that one group of sizes takes before the next one does, so that they are read from the cache. */
const SLICE = 65536

/** One simulator of any number of sizes from simulators of at most SIZES_PER_TABLE. */
export function inGroups(
  pageCount: number,
  frames: readonly number[],
  make: (frames: readonly number[]) => Simulator,
): Simulator {
  checkSizes(pageCount, frames)
  if (frames.length <= SIZES_PER_TABLE) return make(frames)
  const groups: Simulator[] = []
  for (let at = 0; at < frames.length; at += SIZES_PER_TABLE) groups.push(make(frames.slice(at, at + SIZES_PER_TABLE)))
  return {
    take: (references) => {
      for (let at = 0; at < references.length; at += SLICE) {
        const slice = references.subarray(at, at + SLICE)
        for (const group of groups) group.take(slice)
      }
    },
    results: () => groups.flatMap((group) => group.results()),
  }
}

/** The sizes that share one attention table. */
class SizeGroup {
  readonly attention: Attention
  readonly #residencies: Residency[]
  readonly #policies: SizePolicy[]

  constructor(pageCount: number, frames: readonly number[], make: MakeSizePolicy) {
    const attention = new Attention(pageCount, frames.length)
    this.attention = attention
    this.#residencies = frames.map((size, index) => new Residency(pageCount, size, attention, 1 << index))
    this.#policies = this.#residencies.map((residency) => make(residency, pageCount))
  }

  /** Tells every size for which `reference` is pending. */
  tell(reference: number): void {
    let pending = this.attention.pending[reference]!
    const page = reference >>> 2
    const kind = reference & 3
    while (pending !== 0) {
      const index = 31 - Math.clz32(pending)
      pending &= ~(1 << index)
      this.#policies[index]!.attend(page, kind)
    }
  }

  results(): SizeResult[] {
    return this.#residencies.map((residency) => residency.result())
  }
}

class PlainGroup implements Simulator {
  readonly #sizes: SizeGroup

  constructor(sizes: SizeGroup) {
    this.#sizes = sizes
  }

  take(references: Uint32Array): void {
    const sizes = this.#sizes
    const { pending } = sizes.attention
    const whole = references.length & ~7
    let i = 0
    // eight at a time: one branch for what is nearly always nothing
    for (; i < whole; i += 8) {
      const first =
        pending[references[i]!]! |
        pending[references[i + 1]!]! |
        pending[references[i + 2]!]! |
        pending[references[i + 3]!]!
      const second =
        pending[references[i + 4]!]! |
        pending[references[i + 5]!]! |
        pending[references[i + 6]!]! |
        pending[references[i + 7]!]!
      if ((first | second) === 0) continue
      for (let each = i; each < i + 8; each++) sizes.tell(references[each]!)
    }
    for (; i < references.length; i++) sizes.tell(references[i]!)
  }

  results(): SizeResult[] {
    return this.#sizes.results()
  }
}

class RecencyGroup implements Simulator {
  readonly #sizes: SizeGroup
  readonly #recency: Recency

  constructor(sizes: SizeGroup, recency: Recency) {
    this.#sizes = sizes
    this.#recency = recency
  }

  take(references: Uint32Array): void {
    const sizes = this.#sizes
    const recency = this.#recency
    const { pending } = sizes.attention
    const stamps = recency.stamps
    const first = recency.begin(references.length)
    const whole = references.length & ~3
    let i = 0
    for (; i < whole; i += 4) {
      const a = references[i]!
      const b = references[i + 1]!
      const c = references[i + 2]!
      const d = references[i + 3]!
      const stamp = first + i
      if ((pending[a]! | pending[b]! | pending[c]! | pending[d]!) === 0) {
        stamps[a] = stamp
        stamps[b] = stamp + 1
        stamps[c] = stamp + 2
        stamps[d] = stamp + 3
        continue
      }
      // a policy must not see the stamps of later references
      this.#one(a, stamp)
      this.#one(b, stamp + 1)
      this.#one(c, stamp + 2)
      this.#one(d, stamp + 3)
    }
    for (; i < references.length; i++) this.#one(references[i]!, first + i)
  }

  #one(reference: number, stamp: number): void {
    const recency = this.#recency
    recency.stamps[reference] = stamp
    if (this.#sizes.attention.pending[reference] === 0) return
    recency.now = stamp
    this.#sizes.tell(reference)
  }

  results(): SizeResult[] {
    return this.#sizes.results()
  }
}
