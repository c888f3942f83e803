/**
 * Keys -> dense indices in order of first appearance. A key is 64 bits in two halves, wide enough for any page number or
 * object id. Open addressing over one Int32Array of indices, at most half full; the keys stand in dense order beside it, so
 * they are also the table of page numbers.
 */
export class PageIndexMap {
  /** Keys seen so far: indices 0..size-1 are in use. */
  size = 0
  #low = new Uint32Array(1024)
  #high = new Uint32Array(1024)
  /** Dense index + 1, 0 where the slot is empty. */
  #slots = new Int32Array(2048)
  #shift = 21

  /** The key's index; a new key gets the next one. */
  indexOf(high: number, low: number): number {
    const slot = this.#slotOf(high, low)
    const found = this.#slots[slot]!
    if (found !== 0) return found - 1
    if (this.size === this.#low.length) {
      this.#grow()
      return this.indexOf(high, low)
    }
    const index = this.size++
    this.#low[index] = low
    this.#high[index] = high
    this.#slots[slot] = index + 1
    return index
  }

  /** The key's index, or -1 if it has not been seen. */
  find(high: number, low: number): number {
    return this.#slots[this.#slotOf(high, low)]! - 1
  }

  /** Halves of the key of `index`. */
  high(index: number): number {
    return this.#high[index]!
  }

  low(index: number): number {
    return this.#low[index]!
  }

  #slotOf(high: number, low: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = Math.imul((low | 0) ^ Math.imul(high | 0, 0x85ebca6b), 0x9e3779b1) >>> this.#shift
    for (;;) {
      const index = slots[slot]! - 1
      if (index < 0 || (this.#low[index] === low && this.#high[index] === high)) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const low = new Uint32Array(this.#low.length * 2)
    const high = new Uint32Array(low.length)
    low.set(this.#low)
    high.set(this.#high)
    this.#low = low
    this.#high = high
    this.#slots = new Int32Array(low.length * 2)
    this.#shift--
    for (let index = 0; index < this.size; index++) this.#slots[this.#slotOf(high[index]!, low[index]!)] = index + 1
  }
}
