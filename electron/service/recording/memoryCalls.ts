/** System calls after which a process's memory no longer holds what it held, from the text that valgrind prints of a call. */

import { REGION_GAP_PAGES_MAX } from '../../../engine/workload/regions.ts'

/** Pages by their virtual page numbers. */
export interface PageRange {
  page: number
  pages: number
}

const PAGE_BYTES = 4096
/** MAP_FIXED */
const FIXED = 0x10
/** MADV_DONTNEED, MADV_FREE */
const GIVING_ADVICE = new Set([4, 8])

/**
 * The ranges whose contents are gone after a call that answered `answer`: what was unmapped or mapped over, moved elsewhere, given up by
 * madvise, or lay between a heap's new end and its old one. `breakAt` is where the heap ends, -1: not known.
 */
export function memoryGivenUp(call: string, answer: number, breakAt: number): { ranges: PageRange[]; breakAt: number } {
  const [, name, list = ''] = /^sys_(munmap|madvise|brk|mmap|mremap) *\(([^)]*)\)/.exec(call) ?? []
  const [first = 0, second = 0, third = 0, fourth = 0] = list.split(',').map(Number)
  const gone = (from: number, end: number) => ({ ranges: rangeOf(from, end), breakAt })
  switch (name) {
    case 'munmap':
      return gone(first, first + second)
    case 'madvise':
      return GIVING_ADVICE.has(third) ? gone(first, first + second) : gone(0, 0)
    case 'mmap':
      return (fourth & FIXED) !== 0 ? gone(answer, answer + second) : gone(0, 0)
    case 'mremap':
      return answer === first ? gone(first + third, first + second) : gone(first, first + second)
    case 'brk':
      return { ranges: breakAt < 0 ? [] : rangeOf(upToPage(answer), upToPage(breakAt)), breakAt: answer }
    default:
      return gone(0, 0)
  }
}

const upToPage = (address: number): number => Math.ceil(address / PAGE_BYTES) * PAGE_BYTES

/** The pages of addresses from one on up to another; none where the second is not beyond the first. */
function rangeOf(from: number, end: number): PageRange[] {
  const page = Math.floor(from / PAGE_BYTES)
  const pages = Math.ceil(end / PAGE_BYTES) - page
  return end > from ? [{ page, pages }] : []
}

/** What is known of a process's pages. */
export interface KnownPages {
  count: number
  /** In the order of their first reference. */
  number: (page: number) => number
  isWritten: (page: number) => boolean
}

/**
 * Finds, in ranges that a process gave up, the runs of pages that mattered: written ones, of which some had been referenced by then. Pages
 * that are never written keep coming from their file.
 */
export class GivenUpPages {
  readonly #known: KnownPages
  /** Dense pages by page number. */
  readonly #order: Uint32Array

  constructor(known: KnownPages) {
    this.#known = known
    this.#order = Uint32Array.from({ length: known.count }, (_, page) => page).sort(
      (a, b) => known.number(a) - known.number(b),
    )
  }

  /** `seen`: pages that had been referenced when the range was given up. */
  runs({ page, pages }: PageRange, seen: number): PageRange[] {
    const { number, isWritten } = this.#known
    const runs: PageRange[] = []
    let open: PageRange | null = null
    let isUsed = false
    const close = () => {
      if (open !== null && isUsed) runs.push(open)
      open = null
      isUsed = false
    }
    for (let at = this.#from(page); at < this.#order.length; at++) {
      const dense = this.#order[at]!
      const place = number(dense)
      if (place >= page + pages) break
      if (!isWritten(dense)) {
        close()
        continue
      }
      if (open !== null && place - open.page - open.pages > REGION_GAP_PAGES_MAX) close()
      open = open === null ? { page: place, pages: 1 } : { page: open.page, pages: place - open.page + 1 }
      isUsed ||= dense < seen
    }
    close()
    return runs
  }

  /** The first place in the order from a page number on. */
  #from(page: number): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#known.number(this.#order[middle]!) < page) low = middle + 1
      else high = middle
    }
    return low
  }
}
