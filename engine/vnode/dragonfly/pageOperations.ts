/**
 * What DragonFly's page layer does to a page beyond the columns of vm/pages.ts: the helpers that its vnode pager stands on.
 *
 * Two kinds of busy: exclusive (PG_BUSY) and soft (the count `sharedBusy`), which the buffer cache holds while a transfer is on its
 * way. A page that needs a commit, is wired or is soft-busy cannot be freed.
 */
import { ALL_SECTORS, PAGE_SIZE, SECTOR_SIZE } from '../../vm/pages.ts'
import type { Operation } from '../operation.ts'
import type { PagerState } from './state.ts'

/** Bits of `kernelFlags`: PG_NEED_COMMIT, PG_RAM (a fault here is to read ahead). PG_REFERENCED is PageFlag.referenced. */
export const DragonflyPageFlag = { needCommit: 1, readAheadMark: 2 } as const

/** Waits until no one has a page exclusively busy and takes it so. Soft-busy does not matter. vm_page_busy_wait. */
export function* busyPage(state: PagerState, frame: number): Operation<void> {
  const { pages } = state
  while (pages.exclusiveBusy[frame] !== 0) yield* sleepOnPage(state, frame)
  pages.exclusiveBusy[frame] = 1
}

/** The page at an index, exclusively busy and not soft-busy, or -1 if there is none. vm_page_lookup_busy_wait. */
export function* lookupBusyPage(state: PagerState, object: number, pageIndex: number): Operation<number> {
  const { pages } = state
  for (;;) {
    // looked up anew after each wait: the page may have gone
    const frame = pages.lookup(object, pageIndex)
    if (frame < 0) return -1
    if (!pages.isBusy(frame)) {
      pages.exclusiveBusy[frame] = 1
      return frame
    }
    yield* sleepOnPage(state, frame)
  }
}

function* sleepOnPage(state: PagerState, frame: number): Operation<void> {
  state.pages.wanted[frame] = 1
  yield { on: 'page', frame }
}

/** Turns exclusive busy into soft busy, for the buffer cache wants the page itself. vm_page_io_start, vm_page_wakeup. */
export function startPageIo(state: PagerState, frame: number): void {
  state.pages.sharedBusy[frame]! += 1
  state.host.releaseBusy(frame)
}

/** The reverse of startPageIo. vm_page_busy_wait, vm_page_io_finish. */
export function* finishPageIo(state: PagerState, frame: number): Operation<void> {
  yield* busyPage(state, frame)
  state.pages.sharedBusy[frame]! -= 1
}

/** The same where nobody has the page busy, as is nearly always so; false: it must be waited for. */
export function finishPageIoNow(state: PagerState, frame: number): boolean {
  const { pages } = state
  if (pages.exclusiveBusy[frame] !== 0) return false
  pages.exclusiveBusy[frame] = 1
  pages.sharedBusy[frame]! -= 1
  return true
}

/** Zeros what is not valid and makes the page wholly valid. vm_page_zero_invalid. */
export function zeroInvalid(state: PagerState, frame: number): void {
  const { pages, host } = state
  const valid = pages.valid[frame]!
  for (let sector = 0; sector * SECTOR_SIZE < PAGE_SIZE; sector++)
    if ((valid & (1 << sector)) === 0) host.zero(frame, sector * SECTOR_SIZE, SECTOR_SIZE)
  pages.valid[frame] = ALL_SECTORS
}

/** Cleans the sectors that begin at byte `base` of a page or later; the one that `base` cuts stays. vm_page_clear_dirty_beg_nonincl. */
export function clearDirtyFrom(state: PagerState, frame: number, base: number): void {
  const sector = Math.ceil(base / SECTOR_SIZE)
  state.pages.dirty[frame]! &= (1 << sector) - 1
}

/**
 * Takes the resident pages of [first, end) from an object, waiting for busy ones. A wired page cannot go: it stays, unmapped and
 * invalid, and keeps its dirty bits. vm_object_page_remove.
 */
export function* removePages(state: PagerState, object: number, first: number, end: number): Operation<void> {
  const { pages, host } = state
  for (let index = first; ; index++) {
    let frame = pages.lookupFrom(object, index)
    if (frame < 0 || pages.pageIndex[frame]! >= end) return
    index = pages.pageIndex[frame]!
    frame = yield* lookupBusyPage(state, object, index)
    if (frame < 0) continue
    host.unmapPage(frame)
    if (pages.wired[frame] !== 0) {
      pages.valid[frame] = 0
      host.releaseBusy(frame)
    } else host.freePage(frame)
  }
}
