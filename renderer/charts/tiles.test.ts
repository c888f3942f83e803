import { describe, expect, it } from 'vitest'
import { DataKind, encodeTable } from '../../electron/contract/dataPlane.ts'
import { busyOf, decodeSamples, greatestOf, leastOf, meanOf, quotientOf, rateOf, rowAt, sumOver, timesOf, valuesOf } from './tiles.ts'

const f64 = (...values: number[]) => Float64Array.from(values)

/** Two rows of 4 ms and one of 2 ms, over base buckets of 1 ms. */
const tiles = decodeSamples(
  encodeTable({
    kind: DataKind.samples,
    rows: 3,
    extra: [4, 0, 0],
    columns: [
      f64(0, 4e6, 8e6),
      f64(4e6, 4e6, 2e6),
      f64(8, 0, 4),
      ...[f64(400, 800, 100), f64(90, 150, 40), f64(110, 300, 60)],
      f64(2e6, 4e6, 0),
    ],
  }),
  ['faults', 'freePages', 'device0.busyNs'],
  ['freePages'],
  1e6,
)

describe('sample tiles', () => {
  it('gives counters as rates per second', () => {
    expect(rateOf('faults')(tiles, 0)).toBe(2000)
    expect(rateOf('faults')(tiles, 2)).toBe(2000)
  })
  it('gives gauges as means, also of a last row that holds fewer buckets', () => {
    expect(meanOf('freePages')(tiles, 0)).toBe(100)
    expect(meanOf('freePages')(tiles, 2)).toBe(50)
  })
  it('gives busy time as a percentage and quotients only where there is something to divide by', () => {
    expect(busyOf('device0.busyNs')(tiles, 1)).toBe(100)
    expect(quotientOf('freePages', ['faults'], 1)(tiles, 0)).toBe(50)
    expect(quotientOf('freePages', ['faults'], 1)(tiles, 1)).toBeNaN()
  })
  it('gives least and greatest values where they were asked for', () => {
    expect([leastOf('freePages')(tiles, 1), greatestOf('freePages')(tiles, 1)]).toEqual([150, 300])
  })
  it('holds the last value to the end of its row', () => {
    expect(timesOf(tiles).at(-1)).toBe(10e6)
    expect(valuesOf(tiles, rateOf('faults')).at(-1)).toBe(2000)
  })
  it('finds the row of a moment, the end of the run included', () => {
    expect([rowAt(tiles, 0), rowAt(tiles, 4e6), rowAt(tiles, 9.9e6), rowAt(tiles, 10e6), rowAt(tiles, 11e6)]).toEqual([0, 1, 2, 2, -1])
  })
  it('sums over a span, rows at its ends by the part inside', () => {
    expect(sumOver(tiles, 'faults', { from: 0, to: 10e6 })).toBe(12)
    expect(sumOver(tiles, 'faults', { from: 2e6, to: 9e6 })).toBe(6)
  })
  it('refuses an answer that lacks columns', () => {
    const buffer = encodeTable({ kind: DataKind.samples, rows: 0, extra: [1, 0, 0], columns: [f64(), f64()] })
    expect(() => decodeSamples(buffer, ['faults'], [], 1e6)).toThrow('samples lack column 2')
  })
})
