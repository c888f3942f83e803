/** The loop over a trace, for every policy that is told through an attention table (all but the offline optimum). */
import { nextPending, SIZES_PER_TABLE, stampToNextPending } from './attention.ts'
import { Recency } from './recency.ts'
import { PageStates, Residency } from './residency.ts'
import { checkSizes, type SizeResult, type Simulator } from './simulator.ts'

/** A policy at one size. */
export interface SizePolicy {
  /** A page that is not resident comes in: this evicts one if there is no frame for it. */
  miss(page: number): void
  /** A hit on a page that is not settled; whether it is now. Where a policy has no such method every hit settles its page. */
  hit?(page: number): boolean
}

export type MakeSizePolicy = (residency: Residency, pageCount: number) => SizePolicy
export type MakeRecencyPolicy = (residency: Residency, pageCount: number, recency: Recency) => SizePolicy

/** Whether a page is settled as soon as it is loaded, so that no later hit on it is told. */
export interface DriveOptions {
  settlesOnLoad: boolean
}

/** Simulates a policy whose hits only set bits. */
export function drive(
  pageCount: number,
  frames: readonly number[],
  options: DriveOptions,
  make: MakeSizePolicy,
): Simulator {
  return inGroups(pageCount, frames, (sizes) => new PlainGroup(new SizeGroup(pageCount, sizes, options, make)))
}

/** Simulates a policy that orders pages by their last reference. */
export function driveWithRecency(
  pageCount: number,
  frames: readonly number[],
  options: DriveOptions,
  make: MakeRecencyPolicy,
): Simulator {
  return inGroups(pageCount, frames, (sizes) => {
    const recency = new Recency(pageCount)
    const group = new SizeGroup(pageCount, sizes, options, (residency) => make(residency, pageCount, recency))
    return new RecencyGroup(group, recency)
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
  readonly pending: Uint8Array
  readonly #states: PageStates
  readonly #residencies: Residency[]
  readonly #policies: SizePolicy[]
  readonly #hearsHits: boolean
  /** All bits where pages are settled on load, else none. */
  readonly #settledOnLoad: number

  constructor(pageCount: number, frames: readonly number[], { settlesOnLoad }: DriveOptions, make: MakeSizePolicy) {
    const states = new PageStates(pageCount, frames.length)
    this.pending = states.attention.pending
    this.#states = states
    this.#residencies = frames.map((size, index) => new Residency(states, size, index))
    this.#policies = this.#residencies.map((residency) => make(residency, pageCount))
    this.#hearsHits = this.#policies.some((policy) => policy.hit !== undefined)
    this.#settledOnLoad = settlesOnLoad ? -1 : 0
  }

  /** Tells every size for which `reference` is pending. */
  tell(reference: number): void {
    const states = this.#states
    const page = reference >>> 2
    const kind = reference & 3
    const pending = this.pending[reference]!
    const hits = states.residentOf(page, pending)
    if (hits !== 0) states.reference(page, kind, hits, this.#hearsHits ? this.#hit(page, hits) : hits)
    const misses = pending ^ hits
    if (misses === 0) return
    this.#miss(page, misses)
    states.reference(page, kind, misses, misses & this.#settledOnLoad)
  }

  #miss(page: number, misses: number): void {
    for (let left = misses; left !== 0; left &= left - 1) {
      const index = 31 - Math.clz32(left & -left)
      this.#policies[index]!.miss(page)
      this.#residencies[index]!.countMiss(page)
    }
  }

  /** Tells of hits where the page is not settled; those of `hits` where it is settled now. */
  #hit(page: number, hits: number): number {
    let settled = this.#states.settledOf(page, hits)
    for (let left = hits & ~settled; left !== 0; left &= left - 1) {
      const index = 31 - Math.clz32(left & -left)
      if (this.#policies[index]!.hit?.(page) ?? true) settled |= 1 << index
    }
    return settled
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
    const { pending } = sizes
    const end = references.length
    for (let i = nextPending(references, pending, 0); i < end; i = nextPending(references, pending, i + 1))
      sizes.tell(references[i]!)
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
    const { stamps } = recency
    const { pending } = sizes
    const end = references.length
    const first = recency.begin(end)
    for (let i = 0; ; i++) {
      i = stampToNextPending(references, pending, i, stamps, first)
      if (i === end) return
      recency.now = first + i
      sizes.tell(references[i]!)
    }
  }

  results(): SizeResult[] {
    return this.#sizes.results()
  }
}
