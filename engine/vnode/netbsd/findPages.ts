/** Finding the pages of a range and making them busy: uvn_findpages. */
import type { Operation } from '../operation.ts'
import { hasState, NO_PAGE, PageState, setState, takeDirty } from './pageStates.ts'
import type { PagerState } from './state.ts'

/** Bits of what is looked for: UFP_NOALLOC, UFP_NORDONLY. */
export const Find = { residentOnly: 1, writableOnly: 2 } as const

/** Why a place stayed empty. */
const NOT_WANTED = -1
const BUSY = -2
const NO_MEMORY = -3

/**
 * Fills the empty places of an array with the pages from an index on, busy, without waiting (UFP_NOWAIT): a page that is busy,
 * or that there is no memory for, is left out. Answers how many were found.
 */
export function findPagesNow(
  state: PagerState,
  object: number,
  firstPage: number,
  frames: Int32Array,
  how: number,
): number {
  let found = 0
  for (let i = 0; i < frames.length; i++) {
    if (frames[i] !== NO_PAGE) continue
    const frame = findPage(state, object, firstPage + i, how)
    if (frame < 0) continue
    frames[i] = frame
    found += 1
  }
  return found
}

/**
 * The same up to the first place whose page cannot be had at once; that place, where it leaves the reason for findPagesFrom(), or
 * `frames.length`.
 */
export function findPagesUntil(state: PagerState, object: number, firstPage: number, frames: Int32Array): number {
  for (let i = 0; i < frames.length; i++) {
    if (frames[i] !== NO_PAGE) continue
    frames[i] = findPage(state, object, firstPage + i, 0)
    if (frames[i]! < 0) return i
  }
  return frames.length
}

/** Goes on at once from where findPagesUntil() stopped, waiting for busy pages and for memory (UFP_ALL). */
export function* findPagesFrom(
  state: PagerState,
  object: number,
  firstPage: number,
  frames: Int32Array,
  first: number,
): Operation<void> {
  for (let i = first; i < frames.length; i++) {
    if (i !== first && frames[i] !== NO_PAGE) continue
    let frame = i === first ? frames[i]! : findPage(state, object, firstPage + i, 0)
    while (frame < 0) {
      if (frame === NO_MEMORY) yield { on: 'memory' }
      else {
        const busy = state.pages.lookup(object, firstPage + i)
        state.pages.wanted[busy] = 1
        yield { on: 'page', frame: busy }
      }
      frame = findPage(state, object, firstPage + i, 0)
    }
    frames[i] = frame
  }
}

/** Fills the empty places, waiting for what has to be waited for. */
export function* findPages(state: PagerState, object: number, firstPage: number, frames: Int32Array): Operation<void> {
  const first = findPagesUntil(state, object, firstPage, frames)
  if (first < frames.length) yield* findPagesFrom(state, object, firstPage, frames, first)
}

/**
 * Takes resident dirty pages next to each other, marking them busy and clean (UFP_DIRTYONLY), up to the first that is not one
 * or is busy. `step` 1 goes up, -1 down (UFP_BACKWARD). They are put into `frames` from `at` on, always upwards in the
 * order in which they were found. Answers how many.
 */
export function takeDirtyRun(
  state: PagerState,
  object: number,
  pageIndex: number,
  step: 1 | -1,
  most: number,
  frames: Int32Array,
  at: number,
): number {
  let taken = 0
  while (taken < most) {
    const frame = state.pages.lookup(object, pageIndex + step * taken)
    if (frame < 0 || state.pages.exclusiveBusy[frame] !== 0 || !takeDirty(state, frame)) break
    state.pages.exclusiveBusy[frame] = 1
    frames[at + taken] = frame
    taken += 1
  }
  return taken
}

function findPage(state: PagerState, object: number, pageIndex: number, how: number): number {
  const { pages } = state
  const resident = pages.lookup(object, pageIndex)
  if (resident < 0) {
    if ((how & Find.residentOnly) !== 0) return NOT_WANTED
    const frame = state.host.allocatePage(object, pageIndex)
    if (frame < 0) return NO_MEMORY
    pages.wanted[frame] = 0
    setState(state, frame, PageState.clean | PageState.fake)
    return frame
  }
  if (pages.exclusiveBusy[resident] !== 0) return BUSY
  if ((how & Find.writableOnly) !== 0 && hasState(state, resident, PageState.readOnly)) return NOT_WANTED
  pages.exclusiveBusy[resident] = 1
  return resident
}
