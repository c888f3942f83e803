/**
 * LRU's misses at every memory size: exact from stack distances, or estimated from a sample of the pages; and its knee.
 *
 * A sample (SHARDS: Waldspurger and others, 2015) takes the pages whose hash is below a threshold, with all of their references.
 * Among them a distance is `rate` of what it is among all pages, and one reference stands for 1 / rate.
 *
 * The error that is shown is the standard error of what chance does in the choice of the pages, in two parts that are added as
 * squares. Whose references are counted: the pages are dealt into GROUPS groups by another hash, each group's references give an
 * estimate of their own, and the standard error of the mean of those is the one part. How long distances come out: among `frames`
 * pages the number in the sample is binomial, and half of the change of the curve over one standard deviation to either side
 * is the other.
 */
import { naturalLogarithm, power } from '../../workload/arithmetic.ts'
import { ReplacementError, checkSizes } from './simulator.ts'
import { StackDistances } from './stackDistance.ts'

export interface MissCurvePoint {
  frames: number
  misses: number
  /** Standard error of `misses`; only where the curve is sampled. */
  error?: number
}

export interface MissCurve {
  references: number
  /** Different pages referenced. */
  footprint: number
  /** Misses at a size, 0 for the references of no memory at all. */
  at(frames: number): MissCurvePoint
}

/** The exact curve. The distances may go on growing; the curve is of now. */
export function exactCurve(distances: StackDistances): MissCurve {
  const { references, footprint } = distances
  const misses = missesBySize(distances)
  return {
    references,
    footprint,
    at: (frames) => ({ frames, misses: misses[Math.min(frames, footprint)]! }),
  }
}

interface Distances {
  /** [d]: references at distance d; [0]: first ones. */
  histogram: Float64Array
  footprint: number
}

/** [n]: misses with n frames, for n from 0 to the footprint. */
function missesBySize({ histogram, footprint }: Distances): Float64Array {
  const misses = new Float64Array(footprint + 1)
  misses[footprint] = histogram[0]!
  for (let frames = footprint - 1; frames >= 0; frames--) misses[frames] = misses[frames + 1]! + histogram[frames + 1]!
  return misses
}

const GROUPS = 16
const HASH_SPAN = 4294967296

/** Stack distances of a sample of the pages. */
export class SampledDistances {
  references = 0
  footprint = 0
  /** Number of a page within the sample, -1 where it is not in it. */
  readonly #numbers: Int32Array
  readonly #isSeen: Uint8Array
  readonly #distances: StackDistances
  readonly #groups: Distances[]
  readonly #seed: number

  /** `rate` is the share of the pages that are in the sample, above 0 and at most 1. Throws ReplacementError. */
  constructor(pageCount: number, rate: number, seed = 1) {
    checkSizes(pageCount, [1])
    if (!(rate > 0 && rate <= 1))
      throw new ReplacementError('rate', `a sampling rate of ${rate}; it is a share of the pages, above 0 and at most 1`)
    this.#seed = seed
    this.#numbers = new Int32Array(pageCount).fill(-1)
    this.#isSeen = new Uint8Array(pageCount)
    let count = 0
    for (let page = 0; page < pageCount; page++)
      if (mix(page, seed) >>> 0 < rate * HASH_SPAN) this.#numbers[page] = count++
    this.#distances = new StackDistances(count)
    this.#groups = Array.from({ length: GROUPS }, () => ({ histogram: new Float64Array(count + 1), footprint: 0 }))
  }

  /** Pages of the sample seen so far. */
  get sampledPages(): number {
    return this.#distances.footprint
  }

  /** Takes the next references, `(page << 2) | kind`, in order. */
  take(references: Uint32Array): void {
    const isSeen = this.#isSeen
    const numbers = this.#numbers
    for (let i = 0; i < references.length; i++) {
      const page = references[i]! >>> 2
      if (isSeen[page] === 0) {
        isSeen[page] = 1
        this.footprint += 1
      }
      if (numbers[page]! >= 0) this.#sample(page)
    }
    this.references += references.length
  }

  curve(): MissCurve {
    const { references, footprint } = this
    const share = footprint === 0 ? 1 : this.sampledPages / footprint
    const all = scaled(this.#distances, this.sampledPages, share)
    const groups = this.#groups
      .filter((group) => group.footprint > 0)
      .map((group) => scaled({ ...group, footprint: this.sampledPages }, this.sampledPages, group.footprint / footprint))
    const within = (misses: number) => Math.round(Math.max(footprint, Math.min(references, misses)))
    return {
      references,
      footprint,
      at: (frames) => {
        if (frames >= footprint) return { frames, misses: footprint, error: 0 }
        const sampled = frames * share
        const misses = within(all(sampled))
        // a group or two say nothing of the others
        if (groups.length < 3) return { frames, misses, error: references }
        const spread = Math.sqrt(sampled * (1 - share))
        const ofReferences = errorOf(groups.map((group) => group(sampled))) * Math.sqrt(1 - share)
        const ofDistances = (all(Math.max(0, sampled - spread)) - all(sampled + spread)) / 2
        return { frames, misses, error: Math.round(Math.sqrt(ofReferences * ofReferences + ofDistances * ofDistances)) }
      },
    }
  }

  #sample(page: number): void {
    const group = this.#groups[mix(page, this.#seed ^ GROUP_SEED) & (GROUPS - 1)]!
    const distance = this.#distances.takePage(this.#numbers[page]!)
    group.histogram[distance]! += 1
    if (distance === 0) group.footprint += 1
  }
}

const GROUP_SEED = 0x5bd1e995

/** Misses by sampled frames, with fractions, where the sample has `share` of the pages; distances are up to `footprint`. */
function scaled(sample: Distances, footprint: number, share: number): (frames: number) => number {
  const misses = missesBySize(sample)
  return (frames) => {
    const below = Math.min(Math.floor(frames), footprint)
    const above = Math.min(below + 1, footprint)
    return (misses[below]! + (misses[above]! - misses[below]!) * (frames - below)) / share
  }
}

/** Standard error of the mean of at least two values. */
function errorOf(values: number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0)
  return Math.sqrt(squares / (values.length - 1) / values.length)
}

/** A well mixed 32-bit number of two. */
function mix(value: number, seed: number): number {
  let h = Math.imul((value + 1) ^ seed, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca77)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae3d)
  return h ^ (h >>> 16)
}

/**
 * At most `count` sizes from 1 to the footprint: all of them where they are not more, else even in their logarithm; both
 * ends are among them.
 */
export function curveSizes(footprint: number, count: number): number[] {
  if (footprint <= count) return Array.from({ length: footprint }, (_, i) => i + 1)
  const sizes: number[] = []
  for (let frames = 1, left = count - 1; left > 0; left--) {
    sizes.push(frames)
    // at least one more, and as many times more as leaves equal factors for the sizes that are left
    frames = Math.max(frames + 1, Math.round(frames * power(footprint / frames, 1 / left)))
  }
  sizes.push(footprint)
  return sizes
}

/**
 * The knee: the size up to which memory pays off and beyond which it pays off less. With both sizes and misses on
 * logarithmic scales, as in a chart of the curve, it is the point farthest below the straight line from the first size to the
 * smallest one with the fewest misses; that end itself where no point is below the line, as for a loop, whose misses stay until
 * all of it fits. Points in order of size; undefined where there are none.
 */
export function knee(points: readonly MissCurvePoint[]): MissCurvePoint | undefined {
  const first = points[0]
  if (first === undefined) return undefined
  const least = points.reduce((fewest, { misses }) => Math.min(fewest, misses), Infinity)
  const end = points.find(({ misses }) => misses === least) ?? first
  const width = logarithm(end.frames) - logarithm(first.frames)
  const height = logarithm(first.misses) - logarithm(end.misses)
  if (width <= 0 || height <= 0) return end
  let best = end
  let deepest = LINE_TOLERANCE
  for (const point of points) {
    if (point.frames >= end.frames) break
    const along = (logarithm(point.frames) - logarithm(first.frames)) / width
    const down = (logarithm(first.misses) - logarithm(point.misses)) / height
    if (down - along > deepest) {
      deepest = down - along
      best = point
    }
  }
  return best
}

/** Shares of the line's height that are rounding, not a knee. */
const LINE_TOLERANCE = 1e-9

const logarithm = (value: number): number => naturalLogarithm(Math.max(1, value))
