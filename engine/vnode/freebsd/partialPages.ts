/**
 * Valid and dirty bits of parts of a page, by sector.
 */
import { SECTOR_SIZE } from '../../vm/pages.ts'
import type { PagerState } from './state.ts'

/** The bits of all sectors that [base, base + length) touches, bytes within a page: vm_page_bits. */
export function sectorMask(base: number, length: number): number {
  if (length === 0) return 0
  const first = Math.floor(base / SECTOR_SIZE)
  const last = Math.floor((base + length - 1) / SECTOR_SIZE)
  return (2 << last) - (1 << first)
}

/**
 * Makes [base, base + length) valid: vm_page_set_valid_range. A sector that is only partly inside becomes valid as a whole, so
 * where it was not valid before, its bytes outside are zeroed.
 */
export function setValidRange(state: PagerState, frame: number, base: number, length: number): void {
  if (length === 0) return
  const { pages, host } = state
  const before = base % SECTOR_SIZE
  const end = base + length
  const beyond = end % SECTOR_SIZE
  if (before !== 0 && (pages.valid[frame]! & sectorMask(base, 1)) === 0) host.zero(frame, base - before, before)
  if (beyond !== 0 && (pages.valid[frame]! & sectorMask(end, 1)) === 0) host.zero(frame, end, SECTOR_SIZE - beyond)
  pages.valid[frame]! |= sectorMask(base, length)
}

/** Forgets that [base, base + length) was written, sectors in part included: vm_page_clear_dirty. */
export function clearDirty(state: PagerState, frame: number, base: number, length: number): void {
  state.pages.dirty[frame]! &= ~sectorMask(base, length)
}
