import fc from 'fast-check'
import { expect, test } from 'vitest'
import { spreadOrder } from './spreadOrder.ts'

test('every number comes once, and after each power of two of them none is far from one that came', () => {
  expect(spreadOrder(8)).toEqual([0, 4, 2, 6, 1, 3, 5, 7])
  fc.assert(
    fc.property(fc.nat(500), (count) => {
      const order = spreadOrder(count)
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i))
      for (let taken = 1; taken <= order.length; taken *= 2) {
        const came = order.slice(0, taken)
        const furthest = Math.max(...order.map((at) => Math.min(...came.map((other) => Math.abs(other - at)))))
        expect(furthest).toBeLessThanOrEqual((2 * count) / taken)
      }
    }),
    { numRuns: 30 },
  )
})
