import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { REGION_GAP_PAGES_MAX, buildRegions } from './regions.ts'

describe('regions', () => {
  it('bridge a gap of 16 missing pages and end at one of 17', () => {
    const { regions, regionOf, pageIndex } = buildRegions(Float64Array.of(100, 117, 135))
    expect(regions).toEqual([
      { startPage: 100, pageCount: 18 },
      { startPage: 135, pageCount: 1 },
    ])
    expect([...regionOf]).toEqual([0, 0, 1])
    expect([...pageIndex]).toEqual([0, 17, 0])
  })

  it('are in the order of addresses whatever the order of first reference', () => {
    const { regions, regionOf, pageIndex } = buildRegions(Float64Array.of(34359738367, 5, 3, 4, 4503599627370495))
    expect(regions.map((region) => region.startPage)).toEqual([3, 34359738367, 4503599627370495])
    expect([...regionOf]).toEqual([1, 0, 0, 0, 2])
    expect([...pageIndex]).toEqual([0, 2, 0, 1, 0])
  })

  it('of no pages are none', () => {
    expect(buildRegions(new Float64Array(0)).regions).toEqual([])
  })

  it('hold every page once, are apart by more than the gap, and begin and end with a page', () => {
    const pages = fc.uniqueArray(fc.oneof(fc.nat(300), fc.nat(4503599627370495)), { minLength: 1, maxLength: 100 })
    fc.assert(
      fc.property(pages, (numbers) => {
        const { regions, regionOf, pageIndex } = buildRegions(Float64Array.from(numbers))
        const present = new Set(numbers)
        numbers.forEach((number, page) => {
          const region = regions[regionOf[page]!]!
          expect(region.startPage + pageIndex[page]!).toBe(number)
          expect(pageIndex[page]).toBeLessThan(region.pageCount)
        })
        regions.forEach((region, index) => {
          expect(present.has(region.startPage) && present.has(region.startPage + region.pageCount - 1)).toBe(true)
          const next = regions[index + 1]
          if (next !== undefined)
            expect(next.startPage - (region.startPage + region.pageCount)).toBeGreaterThan(REGION_GAP_PAGES_MAX)
        })
      }),
    )
  })
})
