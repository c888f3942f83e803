import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  counted,
  emptyRange,
  goBack,
  isWhole,
  moveCursor,
  panBy,
  positionIn,
  roundUp,
  select,
  show,
  spanBetween,
  ticksOf,
  visible,
  withCursor,
  withExtent,
  zoomBy,
  zoomToSelection,
} from './range.ts'

const run = withExtent(emptyRange, { from: 0, to: 100e9 })

describe('the shared range', () => {
  it('shows the whole run and follows its growth until a range is chosen', () => {
    expect(visible(run)).toEqual({ from: 0, to: 100e9 })
    expect(visible(withExtent(run, { from: 0, to: 120e9 }))).toEqual({ from: 0, to: 120e9 })
    const zoomed = show(run, { from: 10e9, to: 20e9 })
    expect(visible(withExtent(zoomed, { from: 0, to: 120e9 }))).toEqual({ from: 10e9, to: 20e9 })
  })
  it('counts over the selection, zooms to it on Enter, and Esc goes back level by level', () => {
    const selected = select(run, 40e9, 30e9)
    expect(counted(selected)).toEqual({ from: 30e9, to: 40e9 })
    const zoomed = zoomToSelection(selected)
    expect(visible(zoomed)).toEqual({ from: 30e9, to: 40e9 })
    expect(zoomed.selection).toBeNull()
    const again = select(zoomed, 31e9, 32e9)
    expect(goBack(again).range).toEqual(zoomed.range)
    expect(isWhole(goBack(goBack(again)))).toBe(true)
  })
  it('drops a selection of no length', () => {
    expect(select(run, 5, 5).selection).toBeNull()
    expect(spanBetween(-20, -10, { from: 0, to: 10 })).toBeNull()
  })
  it('keeps the cursor where it is while zooming', () => {
    const zoomed = zoomBy(withCursor(run, 25e9), 0.5)
    expect(positionIn(visible(zoomed), 25e9)).toBeCloseTo(0.25, 9)
  })
  it('becomes the whole run again when it is zoomed out far enough', () => {
    expect(zoomBy(zoomBy(run, 0.5), 4).range).toBeNull()
  })
  it('never leaves the run, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('zoom'), value: fc.double({ min: 0.05, max: 20, noNaN: true }) }),
      fc.record({ kind: fc.constant('pan'), value: fc.double({ min: -3, max: 3, noNaN: true }) }),
      fc.record({ kind: fc.constant('select'), value: fc.double({ min: -1e10, max: 2e11, noNaN: true }) }),
      fc.record({ kind: fc.constant('cursor'), value: fc.double({ min: -2, max: 2, noNaN: true }) }),
      fc.record({ kind: fc.constant('enter'), value: fc.constant(0) }),
      fc.record({ kind: fc.constant('escape'), value: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state = run
        for (const { kind, value } of steps) {
          if (kind === 'zoom') state = zoomBy(state, value)
          else if (kind === 'pan') state = panBy(state, value)
          else if (kind === 'select') state = select(state, value, value + 5e9)
          else if (kind === 'cursor') state = moveCursor(state, value)
          else state = kind === 'enter' ? zoomToSelection(state) : goBack(state)
          const span = visible(state)
          expect(span.from).toBeGreaterThanOrEqual(0)
          expect(span.to).toBeLessThanOrEqual(100e9 * (1 + 1e-12))
          expect(span.to - span.from).toBeGreaterThan(0)
        }
      }),
    )
  })
})

describe('axes', () => {
  it('rounds the end of a running run up, so that its scale seldom changes', () => {
    expect(roundUp(148.3e9)).toBe(150e9)
    expect(roundUp(150e9)).toBe(150e9)
    expect(roundUp(151e9)).toBe(200e9)
    expect(roundUp(0)).toBe(1e6)
  })
  it('puts ticks at round values inside the range', () => {
    expect(ticksOf(0, 100, 4)).toEqual({ ticks: [0, 50, 100], step: 50 })
    expect(ticksOf(91.16, 91.24, 4).ticks.length).toBeGreaterThan(2)
    expect(ticksOf(5, 5, 4).ticks).toEqual([])
  })
})
