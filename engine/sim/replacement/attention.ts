/**
 * Which references change anything. Of a hundred references of a program, ninety and more are to a page that is resident,
 * whose reference bit is set and which is dirty if they write it: whatever the policy, nothing changes. This table says so for
 * each of the three kinds of reference to each page, for all memory sizes at once, so that the loop over a trace does one
 * load and one test per reference and calls a policy only where one of its sizes has something to do.
 *
 * Entries are indexed by the reference itself, (page << 2) | kind. Bit s of `pending` is set where size s must be told;
 * `flags` is 1 where any must. `flags` is a byte an entry so that it stays in the innermost cache.
 */

/** Sizes that one table serves: the bits of an entry of `pending`. */
export const SIZES_PER_TABLE = 32

export class Attention {
  readonly flags: Uint8Array
  readonly pending: Uint32Array

  /** At first every reference to any page is pending for `sizes` sizes: no page is resident. */
  constructor(pageCount: number, sizes: number) {
    this.flags = new Uint8Array(pageCount * 4).fill(1)
    this.pending = new Uint32Array(pageCount * 4).fill(sizes === SIZES_PER_TABLE ? 0xffffffff : (1 << sizes) - 1)
  }

  /** From now on the size of `bit` must be told of any reference to `page`. */
  raise(page: number, bit: number): void {
    const entry = page << 2
    this.pending[entry]! |= bit
    this.pending[entry + 1]! |= bit
    this.pending[entry + 2]! |= bit
    this.flags[entry] = 1
    this.flags[entry + 1] = 1
    this.flags[entry + 2] = 1
  }

  /** Reads and fetches of `page` change nothing in the size of `bit`, writes neither if it is dirty already. */
  lower(page: number, bit: number, isDirty: boolean): void {
    const entry = page << 2
    this.#lower(entry, bit)
    this.#lower(entry + 2, bit)
    if (isDirty) this.#lower(entry + 1, bit)
  }

  #lower(entry: number, bit: number): void {
    const left = this.pending[entry]! & ~bit
    this.pending[entry] = left
    if (left === 0) this.flags[entry] = 0
  }
}
