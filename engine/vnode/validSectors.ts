/** Which bytes of a row of a file's pages are valid. `base`: the byte of the file at which the first of the pages begins. */
import type { Contents } from '../vm/contents.ts'
import { ALL_SECTORS, PAGE_SIZE, type VmPages } from '../vm/pages.ts'
import { sectorBits } from './context.ts'

/** The first stretch of bytes of [at, end) whose sectors are not valid. */
export function invalidPiece(
  { valid }: VmPages,
  frames: Int32Array,
  base: number,
  at: number,
  end: number,
): { from: number; end: number } {
  const isUntouched = at === base && isNothingValid(valid, frames)
  if (isUntouched) return { from: at, end }
  const from = skipSectors(valid, frames, base, at, end, ALL_SECTORS)
  return { from, end: skipSectors(valid, frames, base, from, end, 0) }
}

/** Zeros bytes [from, end). */
export function zeroPiece(contents: Contents, frames: Int32Array, base: number, from: number, end: number): void {
  if (!contents.isReal) return
  for (let at = from; at < end;) {
    const within = at % PAGE_SIZE
    const to = Math.min(PAGE_SIZE, within + end - at)
    contents.view(frames[Math.floor((at - base) / PAGE_SIZE)]!).fill(0, within, to)
    at += to - within
  }
}

/** Notes that bytes [from, end) are valid. */
export function setValid({ valid }: VmPages, frames: Int32Array, base: number, from: number, end: number): void {
  if (from === base && end - from === frames.length * PAGE_SIZE) {
    for (let i = 0; i < frames.length; i++) valid[frames[i]!] = ALL_SECTORS
    return
  }
  for (let i = Math.floor((from - base) / PAGE_SIZE), at = base + i * PAGE_SIZE; at < end; i++, at += PAGE_SIZE)
    valid[frames[i]!]! |=
      at >= from && at + PAGE_SIZE <= end
        ? ALL_SECTORS
        : sectorBits(Math.max(0, from - at), Math.min(PAGE_SIZE, end - at))
}

function isNothingValid(valid: Uint8Array, frames: Int32Array): boolean {
  for (let i = 0; i < frames.length; i++) if (valid[frames[i]!] !== 0) return false
  return true
}

/** The first byte of [from, end) whose sector is not as `wanted` says: ALL_SECTORS, valid, or 0, not valid. */
function skipSectors(
  valid: Uint8Array,
  frames: Int32Array,
  base: number,
  from: number,
  end: number,
  wanted: number,
): number {
  let at = from
  while (at < end) {
    const within = at % PAGE_SIZE
    const bits = valid[frames[(at - base - within) / PAGE_SIZE]!]!
    // most pages are valid as a whole, or not at all
    if (bits === wanted) at += PAGE_SIZE - within
    else if (((bits ^ wanted) & (1 << Math.floor(within / 512))) === 0) at += 512 - (at % 512)
    else return at
  }
  return end
}
