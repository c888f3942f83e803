import { describe, expect, it } from 'vitest'
import { overviewCharts } from './runCharts.ts'
import { cutAt, heightsOf } from './peaks.ts'
import { rateOf, type SampleTiles } from './tiles.ts'

const f64 = (...values: number[]) => Float64Array.from(values)

describe('peaks', () => {
  it('are cut where they would flatten the rest', () => {
    const values = Array.from({ length: 200 }, (_, i) => (i === 0 ? 4000 : 80 + (i % 20)))
    expect(cutAt(values)).toEqual({ end: 150, peak: 4000 })
  })
  it('stay where the values are of one size, few, or nothing', () => {
    expect(cutAt(Array.from({ length: 200 }, (_, i) => 50 + (i % 50)))).toBeNull()
    expect(cutAt([1, 1, 1000])).toBeNull()
    expect(cutAt(new Float64Array(200))).toBeNull()
  })
  it('are measured over piled-up series, in whichever direction', () => {
    const metric = (...sum: number[]) => ({ sum: f64(...sum), min: f64(), max: f64() })
    const tiles: SampleTiles = { rows: 2, begin: f64(0, 1e9), length: f64(1e9, 1e9), bucketNs: 1e9, metrics: new Map([['a', metric(1, 2)], ['b', metric(3, 4)], ['c', metric(9, 1)]]) }
    const series = (label: string, stack: string, sign = 1) => ({ label, metric: '', colour: '', stack, value: (t: SampleTiles, row: number) => sign * rateOf(label)(t, row) })
    const chart = overviewCharts({ thresholds: {}, devices: [] })[0]
    if (!chart) throw new Error('there is no first chart')
    expect([...heightsOf({ ...chart, series: [series('a', 'in'), series('b', 'in'), series('c', 'out', -1)] }, tiles)]).toEqual([9, 6])
  })
})
