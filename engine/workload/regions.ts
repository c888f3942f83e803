/**
 * Page numbers -> regions: how a page-reference trace becomes memory. A region is a maximal run of virtual page
 * numbers in which at most 16 neighbouring pages at a time are missing; each becomes one map entry and one object.
 * Neighbours in a region are neighbours in the program's address space, which is what clusters and read-ahead live on;
 * the dense order of first reference would invent adjacency.
 */

/** Unreferenced pages between two referenced ones that a region bridges at most. */
export const REGION_GAP_PAGES_MAX = 16

export interface Region {
  /** Virtual page number of the first page. */
  startPage: number
  /** From the first page to the last, gaps included. */
  pageCount: number
}

export interface RegionTable {
  /** Ascending by startPage, disjoint. */
  regions: Region[]
  /** Per dense page: its region. */
  regionOf: Int32Array
  /** Per dense page: its index in the region, page number - region start. */
  pageIndex: Float64Array
}

/** Groups `pageNumbers` (one per dense page, in any order) into regions. */
export function buildRegions(pageNumbers: Float64Array): RegionTable {
  const regions: Region[] = []
  let region: Region | undefined
  for (const page of pageNumbers.slice().sort()) {
    if (region === undefined || page - (region.startPage + region.pageCount) > REGION_GAP_PAGES_MAX) {
      region = { startPage: page, pageCount: 1 }
      regions.push(region)
    } else region.pageCount = page - region.startPage + 1
  }
  const starts = Float64Array.from(regions, (each) => each.startPage)
  const regionOf = new Int32Array(pageNumbers.length)
  const pageIndex = new Float64Array(pageNumbers.length)
  for (let page = 0; page < pageNumbers.length; page++) {
    const index = lastAtMost(starts, pageNumbers[page]!)
    regionOf[page] = index
    pageIndex[page] = pageNumbers[page]! - starts[index]!
  }
  return { regions, regionOf, pageIndex }
}

/** The last index whose value is at most `value`, in ascending `sorted`, the first of which is. */
function lastAtMost(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (sorted[middle]! <= value) low = middle
    else high = middle - 1
  }
  return low
}
