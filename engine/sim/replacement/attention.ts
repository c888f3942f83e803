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
const ALL_BUT_WRITE = wordOf([ReferenceKind.read, ReferenceKind.fetch])

export class Attention {
  readonly pending: Uint8Array
  readonly #words: Int32Array

  /** At first every reference to any page is pending for `sizes` sizes: no page is resident. */
  constructor(pageCount: number, sizes: number) {
    this.#words = new Int32Array(pageCount).fill(Math.imul(ALL, (1 << sizes) - 1))
    this.pending = new Uint8Array(this.#words.buffer)
  }

  /** From now on the size of `bit` must be told of any reference to `page`. */
  raise(page: number, bit: number): void {
    this.#words[page]! |= Math.imul(ALL, bit)
  }

  /** Reads and fetches of `page` change nothing in the size of `bit`, writes neither if it is dirty already. */
  lower(page: number, bit: number, isDirty: boolean): void {
    this.#words[page]! &= ~Math.imul(isDirty ? ALL : ALL_BUT_WRITE, bit)
  }
}
