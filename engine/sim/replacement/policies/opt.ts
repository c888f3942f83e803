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
 * References that the optimum cannot notice at a size are left out first (reduction.ts); on programs they are nearly all.
 *
 * Which of the pages never needed again goes first makes no difference to misses and swapins. Here it is the one
 * referenced longest ago: the pages that have gone at the end are those referenced longest ago.
 */
import { ReferenceKind } from '../../../workload/workload.ts'
import { Reduction, Row } from '../reduction.ts'
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
  readonly #row = new Row(ROW)
  /** From the smallest size to the greatest, the order of reduction. */
  readonly #sizes: OptSize[]
  /** In the order in which the sizes were given. */
  readonly #given: OptSize[]
  #lastPage = -1

  constructor(pageCount: number, frames: readonly number[]) {
    this.#given = frames.map((size) => new OptSize(size, pageCount))
    this.#sizes = [...this.#given].sort((a, b) => a.frames - b.frames)
  }

  take(references: Uint32Array): void {
    for (let at = 0; at < references.length; at += ROW) this.#take(references, at, Math.min(at + ROW, references.length))
  }

  #take(references: Uint32Array, start: number, end: number): void {
    const row = this.#row
    const { pages, isWrite, places } = row
    let lastPage = this.#lastPage
    let count = 0
    for (let i = start; i < end; i++) {
      const reference = references[i]!
      const page = reference >>> 2
      const writes = (reference & 3) === ReferenceKind.write ? 1 : 0
      if (page === lastPage) {
        // nothing was referenced between, so it is resident at every size; the first of the two may as well be the write
        if (count > 0) isWrite[count - 1]! |= writes
        else if (writes !== 0) for (const size of this.#sizes) size.write(page)
        continue
      }
      lastPage = page
      pages[count] = page
      isWrite[count] = writes
      places[count] = count
      count += 1
    }
    this.#lastPage = lastPage
    row.count = count
    for (const size of this.#sizes) size.take(row, count)
  }

  results(): SizeResult[] {
    return this.#given.map((size) => size.result())
  }
}

/** References that are reduced and decided at one size before the next one's turn comes. */
const ROW = 32768
/** Slots beside twice the pages. */
const SPARE_SLOTS = 8192

/** The decisions at one size. */
class OptSize {
  readonly frames: number
  #misses = 0
  #swapins = 0
  #pageouts = 0
  readonly #reduction: Reduction
  readonly #state: Uint8Array
  /** The number (its slot, from 1 on) of each page's last reference; 0: none. */
  readonly #slotOf: Int32Array
  /** Which page was referenced in a slot. */
  readonly #pageAt: Int32Array
  /** The newest slot. */
  #slot = 0
  #pagesSeen = 0
  /** Of each slot; 0 where it has joined the slots before it. */
  readonly #surplus: Int32Array
  /** A slot that has joined leads to an earlier one, one that has not to itself. */
  readonly #leader: Int32Array
  /** Pages that can be kept over a reference. */
  readonly #limit: number
  /** The latest slot over which no further page can be kept. */
  #full = 0
  #load = 0

  constructor(frames: number, pageCount: number) {
    // at least half of the slots are free after each renumbering
    const slots = 2 * pageCount + SPARE_SLOTS
    this.frames = frames
    this.#limit = frames - 1
    this.#reduction = new Reduction(pageCount, frames)
    this.#state = new Uint8Array(pageCount)
    this.#slotOf = new Int32Array(pageCount)
    this.#pageAt = new Int32Array(slots)
    this.#surplus = new Int32Array(slots)
    this.#leader = new Int32Array(slots)
  }

  result(): SizeResult {
    // pages that are not resident any more, though nothing told of it: those referenced longest ago
    let gone = Math.max(0, this.#pagesSeen - this.frames)
    let pageouts = this.#pageouts
    for (let slot = 1; gone > 0; slot++) {
      const page = this.#pageAt[slot]!
      if (this.#slotOf[page] !== slot) continue
      gone -= 1
      if ((this.#state[page]! & DIRTY) !== 0) pageouts += 1
    }
    return { frames: this.frames, misses: this.#misses, swapins: this.#swapins, pageouts }
  }

  write(page: number): void {
    this.#state[page]! |= DIRTY
  }

  /** Takes a row whose places are below `length`, and leaves in it what larger sizes need. */
  take(row: Row, length: number): void {
    this.#reduction.reduce(row, length)
    const slots = this.#pageAt.length
    for (let i = 0; i < row.count; ) {
      if (this.#slot + 1 === slots) this.#renumber()
      const end = Math.min(row.count, i + slots - 1 - this.#slot)
      this.#decide(row, i, end)
      i = end
    }
  }

  /** Decides references `start` to `end` of a row, for which there are slots. */
  #decide({ pages, isWrite }: Row, start: number, end: number): void {
    const state = this.#state
    const slotOf = this.#slotOf
    const pageAt = this.#pageAt
    const surplus = this.#surplus
    const leader = this.#leader
    const limit = this.#limit
    let newest = this.#slot
    for (let i = start; i < end; i++) {
      const page = pages[i]!
      const last = slotOf[page]!
      // the same page as before, across two rows: nothing lies between
      if (last === newest && last !== 0) {
        if (isWrite[i] !== 0) state[page]! |= DIRTY
        continue
      }
      if (last === 0) {
        this.#pagesSeen += 1
        this.#misses += 1
      } else if (last < this.#full || limit === 0) this.#miss(page)
      else {
        const giver = this.#find(last)
        surplus[newest]! += 1
        if (giver <= this.#full) this.#rise()
        else if (--surplus[giver]! === 0) leader[giver] = giver - 1
      }
      if (isWrite[i] !== 0) state[page]! |= DIRTY
      // nothing has been kept over the newest slot; one before it over which nothing has been either is not above it
      if (surplus[newest] === 0) leader[newest] = newest - 1
      newest += 1
      leader[newest] = newest
      surplus[newest] = 0
      slotOf[page] = newest
      pageAt[newest] = page
    }
    this.#slot = newest
  }

  #miss(page: number): void {
    const state = this.#state[page]!
    this.#misses += 1
    if (state === 0) return // never written
    // it was evicted since its last reference, written out if it was dirty, and so it may be on the device now
    this.#swapins += 1
    if ((state & DIRTY) !== 0) this.#pageouts += 1
    this.#state[page] = ON_SWAP
  }

  /** The greatest load is one more than it was. */
  #rise(): void {
    this.#load += 1
    if (this.#load < this.#limit) return
    const surplus = this.#surplus
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
  #renumber(): void {
    const slotOf = this.#slotOf
    const pageAt = this.#pageAt
    const surplus = this.#surplus
    const leader = this.#leader
    const full = this.#full
    let next = 0
    let carried = 0
    let isFullPlaced = full === 0
    for (let slot = 1; slot <= this.#slot; slot++) {
      if (slot > full) carried += surplus[slot]!
      const page = pageAt[slot]!
      if (slotOf[page] !== slot) continue
      next += 1
      if (!isFullPlaced && slot >= full) {
        // what is carried can be asked for from this slot on only, as if it were full: it counts as taken
        isFullPlaced = true
        this.#full = next
        this.#load -= carried
        carried = 0
      }
      slotOf[page] = next
      pageAt[next] = page
      surplus[next] = carried
      leader[next] = carried > 0 ? next : next - 1
      carried = 0
    }
    leader[next] = next
    this.#slot = next
  }
}
