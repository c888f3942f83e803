/**
 * Replacement-only simulation: which page a policy throws out when memory is full, and nothing of a pager. Time, devices and
 * contents do not exist here; what is left runs through a trace of 10^8 references in a second or so.
 *
 * Definitions (they are those of the golden tables): every reference is to one page, memory starts empty, a reference to
 * a page that is not resident is a miss and loads it. A resident page is dirty once it was written since it was loaded,
 * the loading reference included. `pageouts` counts evictions of dirty pages (not what is still in memory at the end),
 * `swapins` misses on a page that has been paged out before.
 */

/** What a policy did with one memory size. */
export interface SizeResult {
  frames: number
  misses: number
  swapins: number
  pageouts: number
}

/** One policy running over one stream at any number of sizes. */
export interface Simulator {
  /** Takes the next references, `(page << 2) | kind`, in order. The array is read during the call only. */
  take(references: Uint32Array): void
  /** The counts so far, in the order in which the sizes were given. */
  results(): SizeResult[]
}

/** A policy: one file in policies/, one line in its index. */
export interface ReplacementPolicy {
  /** What the command line calls it. */
  name: string
  title: string
  /** A sentence that says which page it evicts. */
  description: string
  /** A simulator of pages 0..pageCount-1 at each of `frames` (whole numbers from 1 on). */
  create(pageCount: number, frames: readonly number[]): Simulator
}

/** What was asked for cannot be simulated. */
export class ReplacementError extends Error {
  readonly code = 'bad-simulation'
  readonly field: string

  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

/** 256 GiB in pages of 4096 bytes: up to here a page and a stamp fit one double (recency.ts). */
export const SIMULATED_PAGES_MAX = 1 << 26

/** Throws ReplacementError unless every size is a whole number from 1 on and there is at least one. */
export function checkSizes(pageCount: number, frames: readonly number[]): void {
  if (!Number.isSafeInteger(pageCount) || pageCount < 0 || pageCount > SIMULATED_PAGES_MAX)
    throw new ReplacementError('pageCount', `${pageCount} pages, at most ${SIMULATED_PAGES_MAX} can be simulated`)
  if (frames.length === 0) throw new ReplacementError('frames', 'no memory size is given')
  for (const size of frames)
    if (!Number.isSafeInteger(size) || size < 1)
      throw new ReplacementError('frames', `a memory of ${size} frames; a size is a whole number from 1 on`)
}
