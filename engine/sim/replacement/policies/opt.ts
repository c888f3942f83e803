/**
 * OPT: Belady's offline optimum with demand loading, exact, and yet in one pass forwards.
 *
 * Instead of asking which page is needed latest, it asks of each reference, when it comes, whether the optimum would have
 * kept the page since its last one: yes if and only if at each reference in between fewer than frames - 1 pages are kept
 * already by earlier such decisions (each also needs a frame for its own page). This greedy choice misses as often as
 * evicting the page needed latest.
 *
 * A page that is kept until now is kept over a *suffix* of the references so far, which makes it cheap to know where memory
 * is full. Let load(s) be the pages kept over reference s. Only references with a load above all later ones can become the
 * latest full one; between two of those neighbours the loads differ by at least one, the *surplus* of the first. To keep a
 * page since reference p adds one to each load after p: the surplus of the latest such reference up to p sinks by one, that
 * of the newest rises by one. One whose surplus has gone joins its predecessor (union-find). `load` below is the greatest
 * load, the sum of all surpluses; when it reaches frames - 1 the first such reference is full, and no page can be kept over it
 * any more.
 *
 * Which of the pages never needed again goes first makes no difference to misses and swapins. Here it is the one
 * referenced longest ago: the pages that have gone at the end are those referenced longest ago.
 */
import { ReferenceKind } from '../../../workload/workload.ts'
import { checkSizes, type ReplacementPolicy, type SizeResult, type Simulator } from '../simulator.ts'

export const opt: ReplacementPolicy = {
  name: 'opt',
  title: 'OPT',
  description: "Belady's offline optimum: evicts the page whose next reference is farthest away.",
  create: (pageCount, frames) => {
    checkSizes(pageCount, frames)
    return new Opt(pageCount, frames)
  },
}

/** Bits of a page's state at a size. */
const DIRTY = 1
const ON_SWAP = 2

class Opt implements Simulator {
  /** The number (its slot, from 1 on) of each page's last reference; 0: none. */
  readonly #slotOf: Int32Array
  /** Which page was referenced in a slot. */
  readonly #pageAt: Int32Array
  readonly #sizes: OptSize[]
  /** The newest slot. */
  #slot = 0
  #lastPage = -1
  #pagesSeen = 0

  constructor(pageCount: number, frames: readonly number[]) {
    // at least half of the slots are free after each compaction
    const slots = Math.max(MIN_SLOTS, 2 * pageCount + 2)
    this.#slotOf = new Int32Array(pageCount)
    this.#pageAt = new Int32Array(slots)
    this.#sizes = frames.map((size) => new OptSize(size, pageCount, slots))
  }

  take(references: Uint32Array): void {
    const slotOf = this.#slotOf
    const pageAt = this.#pageAt
    const sizes = this.#sizes
    for (let i = 0; i < references.length; i++) {
      const reference = references[i]!
      const page = reference >>> 2
      const isWrite = (reference & 3) === ReferenceKind.write
      if (page === this.#lastPage) {
        // the same page again: no reference lies between, so it is resident whatever the size
        if (isWrite) for (const size of sizes) size.write(page)
        continue
      }
      this.#lastPage = page
      if (this.#slot + 1 === pageAt.length) this.#compact()
      const before = slotOf[page]!
      if (before === 0) this.#pagesSeen += 1
      const slot = this.#slot + 1
      for (const size of sizes) size.reference(page, before, slot, isWrite)
      this.#slot = slot
      slotOf[page] = slot
      pageAt[slot] = page
    }
  }

  results(): SizeResult[] {
    // what is no longer resident at the end, of the pages referenced longest ago
    return this.#sizes.map((size) => {
      let gone = Math.max(0, this.#pagesSeen - size.frames)
      let pageouts = size.pageouts
      for (let slot = 1; gone > 0; slot++) {
        const page = this.#pageAt[slot]!
        if (this.#slotOf[page] !== slot) continue
        gone -= 1
        if (size.isDirty(page)) pageouts += 1
      }
      return { frames: size.frames, misses: size.misses, swapins: size.swapins, pageouts }
    })
  }

  /** Renumbers the slots without those that are no page's last one. */
  #compact(): void {
    const slotOf = this.#slotOf
    const pageAt = this.#pageAt
    for (const size of this.#sizes) size.compact(slotOf, pageAt, this.#slot)
    let next = 0
    for (let slot = 1; slot <= this.#slot; slot++) {
      const page = pageAt[slot]!
      if (slotOf[page] !== slot) continue
      next += 1
      slotOf[page] = next
      pageAt[next] = page
    }
    this.#slot = next
  }
}

const MIN_SLOTS = 4096

/** The decisions at one size. */
class OptSize {
  readonly frames: number
  misses = 0
  swapins = 0
  pageouts = 0
  readonly #state: Uint8Array
  /** Of each slot; 0 where it has joined the slots before it. */
  readonly #surplus: Int32Array
  /** A slot that has joined leads to an earlier one, one that has not to itself. */
  readonly #leader: Int32Array
  /** Pages that can be kept over a reference. */
  readonly #limit: number
  /** The latest slot over which no further page can be kept. */
  #full = 0
  #load = 0

  constructor(frames: number, pageCount: number, slots: number) {
    this.frames = frames
    this.#limit = frames - 1
    this.#state = new Uint8Array(pageCount)
    this.#surplus = new Int32Array(slots)
    this.#leader = new Int32Array(slots)
  }

  isDirty(page: number): boolean {
    return (this.#state[page]! & DIRTY) !== 0
  }

  write(page: number): void {
    this.#state[page]! |= DIRTY
  }

  /** A reference to a page whose last one was in slot `before` (0: none, never the slot just before `slot`). */
  reference(page: number, before: number, slot: number, isWrite: boolean): void {
    if (before === 0 || before < this.#full || this.#limit === 0) this.#miss(page)
    else this.#keep(before, slot - 1)
    if (isWrite) this.#state[page]! |= DIRTY
    // the newest slot has not been kept over; one before it that has not either is no greater
    const leader = this.#leader
    if (this.#surplus[slot - 1] === 0) leader[slot - 1] = slot - 2
    leader[slot] = slot
    this.#surplus[slot] = 0
  }

  #miss(page: number): void {
    const state = this.#state[page]!
    this.misses += 1
    if (state === 0) return
    // it was evicted since its last reference, written out if it was dirty, and so it may be on the device now
    this.swapins += 1
    if ((state & DIRTY) !== 0) this.pageouts += 1
    this.#state[page] = ON_SWAP
  }

  #keep(before: number, newest: number): void {
    const surplus = this.#surplus
    const slot = this.#find(before)
    surplus[newest]! += 1
    if (slot > this.#full) {
      if (--surplus[slot]! === 0) this.#leader[slot] = slot - 1
      return
    }
    this.#load += 1
    if (this.#load < this.#limit) return
    let first = this.#full + 1
    while (surplus[first] === 0) first++
    this.#full = first
    this.#load -= surplus[first]!
  }

  /** The latest slot up to this one with a surplus; one that is full or earlier if there is none. */
  #find(slot: number): number {
    const leader = this.#leader
    const full = this.#full
    while (slot > full) {
      const next = leader[slot]!
      if (next === slot) return slot
      if (next > full) leader[slot] = leader[next]!
      slot = next
    }
    return slot
  }

  /**
   * Renumbers the slots to the last ones of pages, in their order. The surplus of a slot between two of them goes to the
   * next: as no page can be asked to be kept from in between, nothing can tell the two apart.
   */
  compact(slotOf: Int32Array, pageAt: Int32Array, newest: number): void {
    const surplus = this.#surplus
    const leader = this.#leader
    const full = this.#full
    let next = 0
    let carried = 0
    let isFullPlaced = full === 0
    for (let slot = 1; slot <= newest; slot++) {
      if (slot > full) carried += surplus[slot]!
      if (slotOf[pageAt[slot]!] !== slot) continue
      next += 1
      if (!isFullPlaced && slot >= full) {
        // what is carried can be asked for from this slot on only, as if it were full: it counts as taken
        isFullPlaced = true
        this.#full = next
        this.#load -= carried
        carried = 0
      }
      surplus[next] = carried
      leader[next] = carried > 0 ? next : next - 1
      carried = 0
    }
    leader[next] = next
  }
}
