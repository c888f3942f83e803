/**
 * The states of a page as UVM has them, over the shared page columns: busy is `exclusiveBusy`, wanted is `wanted`, and the rest
 * are bits of `kernelFlags`. A page is dirty if it is not marked clean or if its mappings have seen a store (`hardwareModified`, `dirty`).
 */
import type { PagerState } from './state.ts'

/** Bits of `kernelFlags`: PG_CLEAN, PG_RELEASED, PG_FAKE (not filled yet), PG_RDONLY (has no place on the device), PG_PAGEOUT. */
export const PageState = { clean: 1, released: 2, fake: 4, readOnly: 8, pageout: 16 } as const

/** What an array of pages holds where there is none: nothing, or PGO_DONTCARE, a page that the caller does not want. */
export const NO_PAGE = -1
export const DO_NOT_CARE = -2

export function hasState(state: PagerState, frame: number, bits: number): boolean {
  return (state.pages.kernelFlags[frame]! & bits) !== 0
}

export function setState(state: PagerState, frame: number, bits: number): void {
  state.pages.kernelFlags[frame]! |= bits
}

export function clearState(state: PagerState, frame: number, bits: number): void {
  state.pages.kernelFlags[frame]! &= ~bits
}

/** pmap_clear_modify: takes what the mappings have seen. Where a mapping has gone since, that is in the page's dirty bits. */
export function takeModified(state: PagerState, frame: number): boolean {
  const { hardwareModified, dirty } = state.pages
  const wasModified = hardwareModified[frame] !== 0 || dirty[frame] !== 0
  hardwareModified[frame] = 0
  dirty[frame] = 0
  return wasModified
}

/** Marks a page clean and tells whether it had been dirty. */
export function takeDirty(state: PagerState, frame: number): boolean {
  const isDirty = takeModified(state, frame) || !hasState(state, frame, PageState.clean)
  setState(state, frame, PageState.clean)
  return isDirty
}

/** uvm_pageactivate, uvm_pageenqueue: a wired page is on no queue. */
export function activate(state: PagerState, frame: number): void {
  if (state.pages.wired[frame] === 0) state.pages.activate(frame)
}

export function deactivate(state: PagerState, frame: number): void {
  if (state.pages.wired[frame] === 0) state.pages.deactivate(frame)
}

/** uvm_pagefree, which a wired page does not survive either. */
export function freePage(state: PagerState, frame: number): void {
  state.pages.wanted[frame] = 0
  state.pages.wired[frame] = 0
  state.pages.kernelFlags[frame] = 0
  state.host.freePage(frame)
}

/** uvm_page_unbusy: lets go of busy pages; who wants one is woken, and those marked as released are freed. */
export function unbusyPages(state: PagerState, frames: Int32Array): void {
  const { pages, host } = state
  for (const frame of frames) {
    if (frame < 0) continue
    if (pages.wanted[frame] !== 0) host.wakePage(frame)
    if (hasState(state, frame, PageState.released)) freePage(state, frame)
    else {
      pages.wanted[frame] = 0
      pages.exclusiveBusy[frame] = 0
    }
  }
}

/** genfs_rel_pages: the same where what was not filled is of no use. */
export function releasePages(state: PagerState, frames: Int32Array): void {
  markFakeReleased(state, frames)
  unbusyPages(state, frames)
}

export function markFakeReleased(state: PagerState, frames: Int32Array): void {
  for (const frame of frames)
    if (frame >= 0 && hasState(state, frame, PageState.fake)) setState(state, frame, PageState.released)
}
