/**
 * What the pages of a recorded program were: file, heap, stack or anonymous memory, from /proc/PID/maps, which is read again
 * and again while the program runs, so that libraries that are loaded later are seen.
 *
 * Under valgrind the kernel does not know the program's heap and stack as such: the map calls valgrind's own stack
 * [stack], and the program's is anonymous memory like its heap. So the two are told by how valgrind lays a program
 * out: the stack is the mapping that the program's first write goes to, the heap (what brk moves) the lowest
 * anonymous mapping that is executable too when the program is first looked at.
 */

import { REGION_GAP_PAGES_MAX } from '../../../engine/workload/regions.ts'

/** Where a mapping lies, in pages, and what the kernel calls it. */
export interface Mapping {
  startPage: number
  /** The first page after it. */
  endPage: number
  isWritable: boolean
  isExecutable: boolean
  /** Path of the file, a name in brackets, or empty for anonymous memory. */
  path: string
}

/** Pages of a process with the same label, from the first to the last; at most 16 neighbours at a time were not referenced. */
export interface LabelledPages {
  startPage: number
  pageCount: number
  label: string
}

/** The text of /proc/PID/maps. Lines that are not a mapping are passed over. */
export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = []
  for (const line of text.split('\n')) {
    const found = /^([0-9a-f]+)-([0-9a-f]+) (....) [0-9a-f]+ \S+ \d+ *(.*)$/.exec(line)
    if (!found) continue
    const [, start = '', end = '', rights = '', path = ''] = found
    mappings.push({
      startPage: pageOf(start),
      endPage: pageOf(end),
      isWritable: rights[1] === 'w',
      isExecutable: rights[2] === 'x',
      path: path.replace(/ \(deleted\)$/, ''),
    })
  }
  return mappings
}

/** Addresses are multiples of a page: the last three digits are zeros, and what is left is exact in a number. */
const pageOf = (hexAddress: string): number => Number.parseInt(hexAddress.slice(0, -3) || '0', 16)

const UNKNOWN = 'unknown'

/** Labels of the pages of one process. A page gets its label at the first look after its first reference, and keeps it. */
export class PageLabels {
  readonly #labels: string[] = [UNKNOWN]
  /** By dense page: an index of #labels; 0 where no look has found a mapping. */
  #labelOf = new Uint16Array(1024)
  #heapStart = -1

  /**
   * Looks for the pages 0..pageCount-1 that have no label yet. `pageNumber` gives a page's number; `stackPage` is one of the stack's, or
   * -1 where it is not known. Pages without a mapping are looked for again the next time.
   */
  look(mappings: readonly Mapping[], pageCount: number, pageNumber: (page: number) => number, stackPage: number): void {
    if (this.#heapStart < 0)
      this.#heapStart = mappings.find((each) => each.path === '' && each.isWritable && each.isExecutable)?.startPage ?? -1
    while (this.#labelOf.length < pageCount) {
      const wider = new Uint16Array(this.#labelOf.length * 2)
      wider.set(this.#labelOf)
      this.#labelOf = wider
    }
    for (let page = 0; page < pageCount; page++) {
      if (this.#labelOf[page] !== 0) continue
      const index = mappingAt(mappings, pageNumber(page))
      if (index >= 0) this.#labelOf[page] = this.#indexOf(this.#labelFor(mappings, index, stackPage))
    }
  }

  /** Runs of pages with the same label, ascending. `pageNumbers` are those of the dense pages. */
  labelled(pageNumbers: Float64Array): LabelledPages[] {
    const order = Uint32Array.from(pageNumbers, (_, page) => page).sort((a, b) => pageNumbers[a]! - pageNumbers[b]!)
    const runs: LabelledPages[] = []
    for (const page of order) {
      const startPage = pageNumbers[page]!
      const label = this.#labels[this.#labelOf[page] ?? 0] ?? UNKNOWN
      const last = runs.at(-1)
      if (last !== undefined && last.label === label && startPage - last.startPage - last.pageCount <= REGION_GAP_PAGES_MAX)
        last.pageCount = startPage - last.startPage + 1
      else runs.push({ startPage, pageCount: 1, label })
    }
    return runs
  }

  #labelFor(mappings: readonly Mapping[], index: number, stackPage: number): string {
    const mapping = mappings[index]!
    if (mapping.path !== '') return mapping.path
    if (stackPage >= mapping.startPage && stackPage < mapping.endPage) return 'stack'
    if (mapping.startPage === this.#heapStart) return 'heap'
    const before = mappings[index - 1]
    const isTail = before !== undefined && before.endPage === mapping.startPage && before.isWritable
    return isTail && before.path.startsWith('/') ? `${before.path} (zero-filled data)` : 'anonymous'
  }

  #indexOf(label: string): number {
    const known = this.#labels.indexOf(label)
    if (known >= 0) return known
    // more than a Uint16Array counts are not worth telling apart
    if (this.#labels.length > 65535) return 0
    return this.#labels.push(label) - 1
  }
}

/** The mapping that a page lies in, by its place in `mappings` (ascending); -1 if there is none. */
function mappingAt(mappings: readonly Mapping[], pageNumber: number): number {
  let low = 0
  let high = mappings.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (mappings[middle]!.endPage <= pageNumber) low = middle + 1
    else high = middle
  }
  return low < mappings.length && mappings[low]!.startPage <= pageNumber ? low : -1
}
