import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanInterval, studentT } from './statistics.ts'

describe('the mean of repeated measurements', () => {
  it('has the interval that the textbooks give', () => {
    // mean 5, s = sqrt(2.5), t(4) = 2.776445
    const { mean, half } = meanInterval([3, 4, 5, 6, 7])
    expect(mean).toBe(5)
    expect(half).toBeCloseTo((2.7764451 * Math.sqrt(2.5)) / Math.sqrt(5), 6)
  })

  it('of one value has no interval, of equal values one of no width', () => {
    expect(meanInterval([42])).toEqual({ mean: 42, half: null })
    fc.assert(
      fc.property(
        // the sum of minus zeros is plus zero
        fc.double({ noNaN: true, min: -1e12, max: 1e12 }).map((value) => value + 0),
        fc.integer({ min: 2, max: 40 }),
        (value, count) => {
          expect(meanInterval(Array.from({ length: count }, () => value))).toEqual({ mean: value, half: 0 })
        },
      ),
    )
  })
})

it.each([
  [1, 12.7062],
  [10, 2.22814],
  [20, 2.08596],
  [21, 2.07961],
  [30, 2.04227],
  [60, 2.0003],
  [120, 1.97993],
  [100_000, 1.95999],
])("Student's t of %d degrees of freedom", (degrees, expected) => {
  expect(studentT(degrees)).toBeCloseTo(expected, 4)
})
