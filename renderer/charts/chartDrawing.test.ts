import { describe, expect, it } from 'vitest'
import { drawingOf } from './chartDrawing.ts'
import type { ChartSpec } from './chartTypes.ts'
import { rateOf, type SampleTiles } from './tiles.ts'

const tiles: SampleTiles = {
  rows: 2,
  begin: Float64Array.of(0, 1e9),
  length: Float64Array.of(1e9, 1e9),
  bucketNs: 1e9,
  metrics: new Map([['faults', { sum: Float64Array.of(10, 30), min: Float64Array.of(10, 30), max: Float64Array.of(10, 30) }]]),
}
const spec: ChartSpec = {
  id: 'faults',
  title: 'Faults',
  unit: 'faults/s',
  hint: '',
  format: 'si',
  atMost: 100,
  thresholds: [{ label: 'much', value: 20 }],
  series: [{ label: 'faults', metric: 'faults', colour: '--ev-fault', value: rateOf('faults'), dash: [2, 3] }],
}
const on = { width: 300, height: 100, ratio: 2, token: (name: string) => `colour of ${name}` }

describe('what a chart has painted', () => {
  it('is numbers and colours, which another thread can be sent', () => {
    const drawing = drawingOf(spec, tiles, { from: 0, to: 2e9 }, null, on)
    expect(structuredClone(drawing)).toEqual(drawing)
    expect([...drawing.series[0]!.x]).toEqual([0, 1e9, 2e9])
    expect(Array.from(drawing.series[0]!.y, Math.round)).toEqual([10, 30, 30])
    expect(drawing.series[0]!.colour).toBe('colour of --ev-fault')
  })
  it('ends at a cut below where the chart would', () => {
    expect(drawingOf(spec, tiles, { from: 0, to: 2e9 }, null, on).atMost).toBe(100)
    expect(drawingOf(spec, tiles, { from: 0, to: 2e9 }, 25, on).atMost).toBe(25)
  })
  it('has the times of the run that a series is of', () => {
    const other = { ...tiles, begin: Float64Array.of(5, 6) }
    const series = spec.series.map((each) => ({ ...each, tiles: other }))
    expect(drawingOf({ ...spec, series }, tiles, { from: 0, to: 2e9 }, null, on).series[0]!.x[0]).toBe(5)
  })
})
