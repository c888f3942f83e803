/**
 * The one time range that all tabs of a run share: pure functions over a small value, so that a strip, eight charts, a
 * table and the keyboard all mean the same by it. Times are virtual nanoseconds.
 *
 *   extent     the whole run as far as it is known
 *   range      what is looked at; null is the whole extent, and follows it while a run goes on
 *   selection  what was dragged over within it: totals and log follow it at once; null is none
 *   cursor     the moment under the pointer, or moved by the arrow keys
 */

export interface Span {
  from: number
  to: number
}

export interface RangeState {
  readonly extent: Span
  readonly range: Span | null
  readonly selection: Span | null
  readonly cursor: number | null
}

/** The shortest range that can be zoomed into, in ns. */
export const SHORTEST_NS = 1000

/** Places that a cursor can have within what is shown: more than any window has pixels. */
const CURSOR_PLACES = 40_000

export const emptyRange: RangeState = { extent: { from: 0, to: 0 }, range: null, selection: null, cursor: null }

/** What is shown. */
export const visible = (state: RangeState): Span => state.range ?? state.extent
/** What totals are summed over: the selection, else what is shown. */
export const counted = (state: RangeState): Span => state.selection ?? visible(state)
/** Whether the totals of the whole run are wanted. */
export const isWhole = (state: RangeState): boolean => state.range === null && state.selection === null

const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value))

/** The span between two moments in either order, cut to `within`; null if nothing of it lies inside. */
export function spanBetween(a: number, b: number, within: Span): Span | null {
  const from = Math.max(within.from, Math.min(a, b))
  const to = Math.min(within.to, Math.max(a, b))
  return to > from ? { from, to } : null
}

/** The run has grown, or another is shown. Range, selection and cursor are kept as far as they still lie inside. */
export function withExtent(state: RangeState, extent: Span): RangeState {
  if (extent.from === state.extent.from && extent.to === state.extent.to) return state
  return {
    extent,
    range: state.range && spanBetween(state.range.from, state.range.to, extent),
    selection: state.selection && spanBetween(state.selection.from, state.selection.to, extent),
    cursor: state.cursor !== null && state.cursor <= extent.to ? state.cursor : null,
  }
}

/** Dragged from a to b. */
export function select(state: RangeState, a: number, b: number): RangeState {
  return { ...state, selection: spanBetween(a, b, visible(state)) }
}

/** Shows a span; the whole extent becomes null so that it follows. A span shorter than SHORTEST_NS is widened. */
export function show(state: RangeState, span: Span | null): RangeState {
  if (span === null) return { ...state, range: null, selection: null }
  const { extent } = state
  const whole = extent.to - extent.from
  const length = clamp(span.to - span.from, Math.min(SHORTEST_NS, whole), whole)
  const middle = (span.from + span.to) / 2
  const from = clamp(middle - length / 2, extent.from, extent.to - length)
  const range = length >= whole ? null : { from, to: from + length }
  return { ...state, range, selection: null }
}

/** Enter: the selection becomes the range. */
export const zoomToSelection = (state: RangeState): RangeState => (state.selection ? show(state, state.selection) : state)

/** Esc: drops the selection; without one, goes back to the whole run. */
export const goBack = (state: RangeState): RangeState => (state.selection ? { ...state, selection: null } : show(state, null))

/** `factor` below 1 zooms in, above 1 out; the moment `at` keeps its place (the cursor, else the middle). */
export function zoomBy(state: RangeState, factor: number, at: number | null = state.cursor): RangeState {
  const span = visible(state)
  const fixed = at !== null && at >= span.from && at <= span.to ? at : (span.from + span.to) / 2
  const zoomed = { from: fixed - (fixed - span.from) * factor, to: fixed + (span.to - fixed) * factor }
  return { ...show(state, zoomed), selection: null }
}

/** Moves the range by a share of its length; negative is towards the beginning. */
export function panBy(state: RangeState, share: number): RangeState {
  if (state.range === null) return state
  const length = state.range.to - state.range.from
  const from = clamp(state.range.from + share * length, state.extent.from, state.extent.to - length)
  return { ...state, range: { from, to: from + length } }
}

/** Moves the cursor by a share of what is shown; from the middle if there was none. */
export function moveCursor(state: RangeState, share: number): RangeState {
  const span = visible(state)
  const start = state.cursor ?? (span.from + span.to) / 2
  return { ...state, cursor: clamp(start + share * (span.to - span.from), span.from, span.to) }
}

/** A pointer at rest is heard again when what is below it changes: by less than a tenth of a pixel nothing moves. */
export function withCursor(state: RangeState, cursor: number | null): RangeState {
  if (cursor !== null && state.cursor !== null) {
    const { from, to } = visible(state)
    if (Math.abs(cursor - state.cursor) < (to - from) / CURSOR_PLACES) return state
  }
  return cursor === state.cursor ? state : { ...state, cursor }
}

/** Where a moment lies in a span, 0 to 1. */
export function positionIn(span: Span, moment: number): number {
  const length = span.to - span.from
  return length > 0 ? (moment - span.from) / length : 0
}

/** The next round length above `ns`: the end of a running run's strip, so that its scale seldom changes. */
export function roundUp(ns: number): number {
  if (!(ns > 0)) return 1e6
  let power = 1
  while (power * 10 <= ns) power *= 10
  for (const step of [1, 1.5, 2, 3, 4, 5, 6, 8, 10]) if (step * power >= ns) return step * power
  return power * 10
}

/** Round tick values inside [from, to], about `count` of them, and the step between them. */
export function ticksOf(from: number, to: number, count: number): { ticks: number[]; step: number } {
  const span = to - from
  if (!(span > 0) || count < 1) return { ticks: [], step: 0 }
  const rough = span / count
  let power = 1
  while (power * 10 <= rough) power *= 10
  while (power > rough) power /= 10
  const ratio = rough / power
  const step = (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10) * power
  const ticks: number[] = []
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to * (1 + 1e-12) + 1e-9; n++) ticks.push(n * step + 0)
  return { ticks, step }
}
