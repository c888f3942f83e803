import { describe, expect, it } from 'vitest'
import type { SweepResult } from '../../../electron/contract/sweep.ts'
import { chartFields, sweepAnswer, sweepChart, ticksTo } from './sweepChart.ts'
import { draftOf, fileOf, textOf, valuesOf } from './sweepDraft.ts'

const cell = (index: number, point: (number | string)[], faults: number) => ({ index, point, key: String(index), run: index + 1, status: 'finished', problem: null, measures: { faults } })
const result: SweepResult = {
  name: 's',
  warmup: 0,
  fields: [
    { field: 'machine.frames', values: [100, 200, 400] },
    { field: 'daemon.policy', values: ['lru', 'fifo'] },
  ],
  measures: [{ name: 'faults', unit: 'faults', meaning: '' }],
  cells: [cell(0, [100, 'lru'], 90), cell(1, [100, 'fifo'], 95), cell(2, [200, 'lru'], 50), cell(3, [200, 'fifo'], 60), { ...cell(4, [400, 'lru'], 0), measures: null }, cell(5, [400, 'fifo'], 10)],
  groups: [],
}

describe('values as a person types them', () => {
  it.each<[string, unknown[]]>([
    ['1000, 2000', [1000, 2000]],
    ['lru, clock ,', ['lru', 'clock']],
    ['0.5, 1e3, true, null', [0.5, 1000, true, null]],
    ['[[], [{"image": "a.img"}]]', [[], [{ image: 'a.img' }]]],
    ['["a,b"]', ['a,b']],
    ['', []],
    ['[1, 2', ['[1', 2]],
  ])('%s', (text, values) => {
    expect(valuesOf(text)).toEqual(values)
  })

  it('come back as they were', () => {
    for (const values of [[1, 2.5], ['lru', 'clock'], [null, 7], [true, false], [[], [{ image: 'a' }]], ['', 'x.ts'], ['a,b']]) expect(valuesOf(textOf(values))).toEqual(values)
  })

  it('make a sweep, which makes them again', () => {
    const draft = { name: 'sizes', experiment: { seed: 2 }, fields: [{ field: 'machine.frames', text: '64, 128' }], warmup: 10 }
    expect(fileOf({ ...draft, fields: [...draft.fields, { field: ' ', text: 'x' }] })).toEqual({ name: 'sizes', experiment: { seed: 2 }, vary: { 'machine.frames': [64, 128] }, warmup: 10 })
    expect(draftOf({ name: 'sizes', experiment: { seed: 2 }, vary: { 'machine.frames': [64, 128] }, warmup: 10 })).toEqual(draft)
  })
})

describe('the chart of a sweep', () => {
  it('has a line for each value of the other fields, numbers in proportion', () => {
    const chart = sweepChart(result, 'machine.frames', 'faults')
    expect(chart?.xTicks.map(({ x }) => x)).toEqual([0, 1 / 3, 1])
    expect(chart?.lines.map(({ label, points }) => [label, points.map(({ value }) => value)])).toEqual([
      ['Page daemon lru', [90, 50]],
      ['Page daemon fifo', [95, 60, 10]],
    ])
    expect(chart?.yTicks).toEqual([0, 25, 50, 75, 100])
    expect(chart?.lines[0]?.points[0]).toMatchObject({ run: 1, text: 'RAM 100 frames, Page daemon lru: 90' })
  })

  it('is answered in words: least, most, and the steepest step', () => {
    const chart = sweepChart(result, 'machine.frames', 'faults')
    expect(chart && sweepAnswer(chart, 'Faults', '')).toBe(
      'Faults: least 10 at RAM 400 frames, Page daemon fifo, most 95 at RAM 100 frames, Page daemon fifo: 9.5 times that. The steepest step, 6 times, is from 60 at RAM 200 frames, Page daemon fifo to 10 at RAM 400 frames, Page daemon fifo.',
    )
  })

  it('puts words one next to the other', () => {
    expect(sweepChart(result, 'daemon.policy', 'faults')?.xTicks).toEqual([
      { x: 0, label: 'lru' },
      { x: 1, label: 'fifo' },
    ])
  })

  it('shows means and intervals where seeds were varied, and offers no seed as an axis', () => {
    const seeds: SweepResult = { ...result, fields: [{ field: 'machine.frames', values: [100, 200] }, { field: 'seed', values: [1, 2] }], groups: [{ point: [100], count: 2, measures: { faults: { mean: 12, half: 3 } } }, { point: [200], count: 0, measures: {} }] }
    expect(chartFields(seeds)).toEqual(['machine.frames'])
    const chart = sweepChart(seeds, 'machine.frames', 'faults')
    expect(chart?.lines).toMatchObject([{ label: '', points: [{ value: 12, half: 3, run: null, text: 'RAM 100 frames: 12 ± 3' }] }])
    expect(chart?.yMax).toBeGreaterThanOrEqual(15)
  })

  it('is none where nothing was measured', () => {
    expect(sweepChart({ ...result, cells: [] }, 'machine.frames', 'faults')).toBeNull()
    expect(sweepChart(result, 'seed', 'faults')).toBeNull()
  })

  it.each([
    [0, [0, 1]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
    [23.1, [0, 10, 20, 30]],
    [10_492, [0, 5000, 10_000, 15_000]],
  ])('its axis goes to %d in round steps', (highest, ticks) => {
    expect(ticksTo(highest)).toEqual(ticks)
  })
})
