/**
 * LRU's misses at every memory size: exact from stack distances, or estimated from a sample of the pages; and its knee.
 *
 * A sample (SHARDS: Waldspurger and others, 2015) takes the pages whose hash is below a threshold, with all of their references.
 * Among them a distance is `rate` of what it is among all pages, and there is one reference for 1 / rate. The pages of the sample are
 * split by their hash into GROUPS smaller samples, each with a curve of its own; the error that is shown is the standard
 * error of their mean. It says how much chance there is in the choice of pages. A tenth of the sample each, they scatter more than
 * the mean of so many does, so the true error is rarely above twice what is shown, as long as the sample has some hundreds of pages.
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

/** [n]: misses with n frames, for n from 0 to the footprint. */
function missesBySize({ histogram, footprint }: StackDistances): Float64Array {
  const misses = new Float64Array(footprint + 1)
  misses[footprint] = histogram[0]!
  for (let frames = footprint - 1; frames >= 0; frames--) misses[frames] = misses[frames + 1]! + histogram[frames + 1]!
  return misses
}

/** Samples by which the error is estimated: powers of two, by bits of the hash. */
const GROUPS = 8
const HASH_SPAN = 4294967296

/** Stack distances of a sample of the pages. */
export class SampledDistances {
  readonly rate: number
  references = 0
  footprint = 0
  /** Number of a page in the sample and in its group, from 1 on; 0: not seen, -1: not in the sample. */
  readonly #all: StackDistances
  readonly #groups: StackDistances[]
  /** 1: not seen before. */
  readonly #isNew: Uint8Array
  readonly #numbers: Int32Array
  readonly #groupNumbers: Int32Array
  readonly #seed: number

  /** `rate` is the share of the pages in the sample, above 0 and at most 1. Throws ReplacementError. */
  constructor(pageCount: number, rate: number, seed = 1) {
    checkSizes(pageCount, [1])
    if (!(rate > 0 && rate <= 1))
      throw new ReplacementError('rate', `a sampling rate of ${rate}; it is a share of the pages, above 0 and at most 1`)
    this.rate = rate
    this.#seed = seed
    const threshold = rate * HASH_SPAN
    this.#numbers = new Int32Array(pageCount).fill(-1)
    this.#groupNumbers = new Int32Array(pageCount)
    this.#isNew = new Uint8Array(pageCount).fill(1)
    const groupSizes = new Array<number>(GROUPS).fill(0)
    let count = 0
    for (let page = 0; page < pageCount; page++) {
      if (this.#hash(page) >= threshold) continue
      const group = this.#group(page)
      this.#numbers[page] = count++
      this.#groupNumbers[page] = groupSizes[group]!++
    }
    this.#all = new StackDistances(count)
    this.#groups = groupSizes.map((size) => new StackDistances(size))
  }

  /** Pages in the sample. */
  get sampledPages(): number {
    return this.#all.footprint
  }

  /** Takes the next references, `(page << 2) | kind`, in order. */
  take(references: Uint32Array): void {
    const numbers = this.#numbers
    for (let i = 0; i < references.length; i++) {
      const page = references[i]! >>> 2
      if (this.#isNew[page] !== 0) {
        this.#isNew[page] = 0
        this.footprint += 1
      }
      const number = numbers[page]!
      if (number < 0) continue
      this.#all.takePage(number)
      this.#groups[this.#group(page)]!.takePage(this.#groupNumbers[page]!)
    }
    this.references += references.length
  }

  curve(): MissCurve {
    const { references, footprint } = this
    const all = scaled(this.#all, references, footprint)
    const groups = this.#groups.filter((group) => group.footprint > 0).map((group) => scaled(group, references, footprint))
    return {
      references,
      footprint,
      at: (frames) => {
        if (frames >= footprint) return { frames, misses: footprint, error: 0 }
        const of = groups.map((group) => group(frames))
        const mean = of.reduce((sum, misses) => sum + misses, 0) / of.length
        const squares = of.reduce((sum, misses) => sum + (misses - mean) * (misses - mean), 0)
        const error = of.length > 1 ? Math.sqrt(squares / (of.length - 1) / of.length) : references
        return { frames, misses: Math.round(all(frames)), error: Math.round(error) }
      },
    }
  }

  #group(page: number): number {
    return mix(page + 1, this.#seed ^ 0x5bd1e995) & (GROUPS - 1)
  }

  #hash(page: number): number {
    return mix(page + 1, this.#seed) >>> 0
  }
}

/**
 * Misses by size from a sample. The share of the pages that it really has counts, not the intended one; distances are
 * read between the sizes that the sample can tell apart.
 */
function scaled(sample: StackDistances, references: number, footprint: number): (frames: number) => number {
  if (sample.footprint === 0) return () => footprint
  const share = sample.footprint / footprint
  const misses = missesBySize(sample)
  return (frames) => {
    const place = frames * share
    const below = Math.min(Math.floor(place), sample.footprint)
    const above = Math.min(below + 1, sample.footprint)
    const between = misses[below]! + (misses[above]! - misses[below]!) * (place - below)
    return Math.max(footprint, Math.min(references, between / share))
  }
}

/** A well mixed 32-bit number of two. */
function mix(value: number, seed: number): number {
  let h = Math.imul(value ^ seed, 0x9e3779b1)
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
  // each next size is at least one above the last, and by as much above it as leaves equal factors for the rest
  for (let frames = 1, left = count - 1; left >= 0; left--) {
    sizes.push(frames)
    if (left === 0) break
    const factor = rootOf(footprint / frames, left)
    frames = left === 1 ? footprint : Math.min(footprint, Math.max(frames + 1, Math.round(frames * factor)))
    if (frames >= footprint) left = 1
  }
  return sizes
}

/** The `root`-th root of a value of at least 1. */
function rootOf(value: number, root: number): number {
  return power(value, 1 / root)
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
