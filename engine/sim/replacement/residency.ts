/**
 * What is resident, dirty and on the swap device at one memory size, and its counts. The same for every policy: a policy
 * decides what to load and evict, and tells when further references to a page would change nothing.
 */
import type { Attention } from './attention.ts'
import type { SizeResult } from './simulator.ts'
import { ReferenceKind } from '../../workload/workload.ts'

/** Bits of `state`. */
const RESIDENT = 1
const DIRTY = 2
const ON_SWAP = 4

export class Residency {
  readonly frames: number
  /** Pages resident now. */
  count = 0
  readonly #attention: Attention
  readonly #bit: number
  readonly #state: Uint8Array
  #misses = 0
  #swapins = 0
  #pageouts = 0

  /** `bit` is this size's in the attention table. */
  constructor(pageCount: number, frames: number, attention: Attention, bit: number) {
    this.frames = frames
    this.#attention = attention
    this.#bit = bit
    this.#state = new Uint8Array(pageCount)
  }

  get isFull(): boolean {
    return this.count === this.frames
  }

  isResident(page: number): boolean {
    return (this.#state[page]! & RESIDENT) !== 0
  }

  /** A hit by a reference of `kind`. */
  touch(page: number, kind: number): void {
    if (kind === ReferenceKind.write) this.#state[page]! |= DIRTY
  }

  /** A miss by a reference of `kind`: the page comes in, and every reference to it is told until it is settled. */
  load(page: number, kind: number): void {
    const state = this.#state[page]!
    this.#misses += 1
    if ((state & ON_SWAP) !== 0) this.#swapins += 1
    this.#state[page] = state | (kind === ReferenceKind.write ? RESIDENT | DIRTY : RESIDENT)
    this.count += 1
  }

  /** The page goes; it is paged out first if it is dirty. */
  evict(page: number): void {
    const state = this.#state[page]!
    if ((state & DIRTY) !== 0) {
      this.#pageouts += 1
      this.#state[page] = ON_SWAP
    } else this.#state[page] = state & ON_SWAP
    this.count -= 1
    this.#attention.raise(page, this.#bit)
  }

  /** The policy need not hear of this resident page again, except that its first write makes it dirty. */
  settle(page: number): void {
    this.#attention.lower(page, this.#bit, (this.#state[page]! & DIRTY) !== 0)
  }

  /** The policy wants to hear of the next reference to this page. */
  unsettle(page: number): void {
    this.#attention.raise(page, this.#bit)
  }

  result(): SizeResult {
    return { frames: this.frames, misses: this.#misses, swapins: this.#swapins, pageouts: this.#pageouts }
  }
}
