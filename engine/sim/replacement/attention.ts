/**
 * Which references change anything. Of a hundred references of a program, ninety and more are to a page that is resident,
 * whose reference bit is set and which is dirty if they write it: whatever the policy, nothing changes. This table says so for
 * each of the three kinds of reference to each page, for several memory sizes at once, so that the loop over a trace does one
 * load and one test per reference and calls a policy only where one of its sizes has something to do.
 *
 * Entries are indexed by the reference itself, (page << 2) | kind. Bit s of an entry is set where size s must be told. An entry
 * is a byte, so that the table stays in the innermost cache and the entries of a page are one word.
 */
import { ReferenceKind } from '../../workload/workload.ts'

/** Sizes that one table serves: the bits of an entry. */
export const SIZES_PER_TABLE = 8

/** The word of a page that has bit 0 in the entries of these kinds, whatever the order of bytes in a word. */
function wordOf(kinds: readonly number[]): number {
  const bytes = new Uint8Array(4)
  for (const kind of kinds) bytes[kind] = 1
  return new Int32Array(bytes.buffer)[0]!
}

const ALL = wordOf([ReferenceKind.read, ReferenceKind.write, ReferenceKind.fetch])
const WRITE = wordOf([ReferenceKind.write])
const ALL_BUT_WRITE = wordOf([ReferenceKind.read, ReferenceKind.fetch])

export class Attention {
  readonly pending: Uint8Array
  readonly #words: Int32Array

  /** At first every reference to any page is pending for `sizes` sizes: no page is resident. */
  constructor(pageCount: number, sizes: number) {
    this.#words = new Int32Array(pageCount).fill(Math.imul(ALL, (1 << sizes) - 1))
    this.pending = new Uint8Array(this.#words.buffer)
  }

  /** From now on the sizes of `bits` must be told of any reference to `page`. */
  raise(page: number, bits: number): void {
    this.#words[page]! |= Math.imul(ALL, bits)
  }

  /** Reads and fetches of `page` change nothing in the sizes of `bits`, writes neither in those of them where it is dirty. */
  lower(page: number, bits: number, dirtyBits: number): void {
    this.#words[page]! &= ~(Math.imul(ALL_BUT_WRITE, bits) | Math.imul(WRITE, dirtyBits))
  }
}

/**
 * Index of the first reference from `from` on that is pending for any size; their number if there is none. Eight share a
 * branch, since it is nearly always none of them; which of the eight it is is computed, since a branch on it would be foreseen
 * as often as not.
 */
export function nextPending(references: Uint32Array, pending: Uint8Array, from: number): number {
  const end = references.length
  let i = from
  for (; i + 8 <= end; i += 8) {
    const first =
      pending[references[i]!]! |
      (pending[references[i + 1]!]! << 8) |
      (pending[references[i + 2]!]! << 16) |
      (pending[references[i + 3]!]! << 24)
    const second =
      pending[references[i + 4]!]! |
      (pending[references[i + 5]!]! << 8) |
      (pending[references[i + 6]!]! << 16) |
      (pending[references[i + 7]!]! << 24)
    if ((first | second) === 0) continue
    return first === 0 ? i + 4 + lowestByte(second) : i + lowestByte(first)
  }
  while (i < end && pending[references[i]!] === 0) i++
  return i
}

/** The same for those who want a stamp stored for every reference that is passed, and for the one that is found. */
export function stampToNextPending(
  references: Uint32Array,
  pending: Uint8Array,
  from: number,
  stamps: Int32Array,
  firstStamp: number,
): number {
  const end = references.length
  let i = from
  for (; i + 4 <= end; i += 4) {
    const a = references[i]!
    const b = references[i + 1]!
    const c = references[i + 2]!
    const d = references[i + 3]!
    const stamp = firstStamp + i
    const any = pending[a]! | (pending[b]! << 8) | (pending[c]! << 16) | (pending[d]! << 24)
    if (any !== 0) {
      const found = i + lowestByte(any)
      for (let each = i; each <= found; each++) stamps[references[each]!] = firstStamp + each
      return found
    }
    stamps[a] = stamp
    stamps[b] = stamp + 1
    stamps[c] = stamp + 2
    stamps[d] = stamp + 3
  }
  for (; i < end; i++) {
    stamps[references[i]!] = firstStamp + i
    if (pending[references[i]!] !== 0) return i
  }
  return end
}

/** Which byte of a word is the first, from the lowest on, that is not 0. */
const lowestByte = (word: number): number => (31 - Math.clz32(word & -word)) >>> 3
