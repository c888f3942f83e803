/**
 * What is in the pages, and what must be.
 *
 * The ledger has a row (a *slot*) for every page of every object: a version, which each write reference raises, and the
 * identity the contents are made from. The 4096 bytes of a page are a function of the run's seed, its identity and its version;
 * version 0 is all zeros. They are made when a page is paged out and compared whole when one is paged in. The ledger knows nothing of frames,
 * blocks or metadata, so a lost dirty bit, a block mixed up with another or a torn write cannot hide.
 *
 * A page's bytes: a window of 4096 bytes out of a pool of random ones, chosen by a hash of identity and version, with
 * identity, version and place stamped into each 512-byte sector. The pool and a page to compare with lie behind the frames in one buffer.
 */
import type { Columns } from '../sim/columns.ts'
import { alignedBuffer } from './alignedBuffer.ts'
import { PAGE_SIZE, SECTORS_PER_PAGE } from './pages.ts'

const WORDS = PAGE_SIZE / 4
const SECTOR_WORDS = WORDS / SECTORS_PER_PAGE
/** Pages of random bytes; windows begin at any 16-byte step in all but the last. */
const POOL_PAGES = 65

/** A page that came in with other bytes than went out, or did not come in at all. */
export class ContentsError extends Error {
  readonly code = 'contents-differ'
}

export class Contents {
  /** Version by slot. */
  declare version: Uint32Array
  /** Identity by slot: the slot whose identity the contents were made from. */
  declare identity: Int32Array
  /** Version and identity that a slot's page had when it was last written to a device. */
  #storedVersion: Uint32Array
  #storedIdentity: Int32Array
  /** Ranges of slots that were given back, first slot and count of each; [0] slots given out ever, [1] ranges. */
  #freeStart: Float64Array
  #freeCount: Float64Array
  #state: Float64Array
  readonly #columns: Columns
  readonly #seed: number
  /** Whether there are bytes at all. */
  declare readonly isReal: boolean
  readonly #words: Int32Array
  readonly #bytes: Buffer
  readonly #frames: number
  readonly #views: (Uint8Array | undefined)[] = []

  /** `slots` is how many there will be about; there may be more. */
  constructor(
    columns: Columns,
    { frames, slots, seed, isReal }: { frames: number; slots: number; seed: number; isReal: boolean },
  ) {
    this.#columns = columns
    this.#seed = seed | 0
    this.isReal = isReal
    this.#frames = frames
    const room = Math.max(1024, slots)
    this.version = columns.define('contents.version', 'u32', room)
    this.identity = columns.define('contents.identity', 'i32', room)
    this.#storedVersion = columns.define('contents.storedVersion', 'u32', 0)
    this.#storedIdentity = columns.define('contents.storedIdentity', 'i32', 0)
    this.#freeStart = columns.define('contents.freeStart', 'f64', 16)
    this.#freeCount = columns.define('contents.freeCount', 'f64', 16)
    this.#state = columns.define('contents.state', 'f64', 2)
    columns.onRebind(() => {
      this.version = columns.get('contents.version', 'u32')
      this.identity = columns.get('contents.identity', 'i32')
      this.#storedVersion = columns.get('contents.storedVersion', 'u32')
      this.#storedIdentity = columns.get('contents.storedIdentity', 'i32')
      this.#freeStart = columns.get('contents.freeStart', 'f64')
      this.#freeCount = columns.get('contents.freeCount', 'f64')
      this.#state = columns.get('contents.state', 'f64')
    })
    const buffer = isReal ? alignedBuffer((frames + POOL_PAGES + 1) * PAGE_SIZE) : new ArrayBuffer(0)
    this.#words = new Int32Array(buffer)
    this.#bytes = Buffer.from(buffer)
    if (isReal) {
      let word = (seed ^ 0x9e3779b9) | 1
      for (let i = frames * WORDS; i < (frames + POOL_PAGES) * WORDS; i++) {
        word ^= word << 13
        word ^= word >>> 17
        word ^= word << 5
        this.#words[i] = word
      }
    }
  }

  /** Slots for an object of `pages` pages, all of version 0; the first of them. */
  allocateSlots(pages: number): number {
    const first = this.#reuse(pages)
    if (first >= 0) return first
    const fresh = this.#state[0]!
    const end = fresh + pages
    if (end > this.version.length) {
      const capacity = Math.max(end, Math.min(this.version.length * 2, 0x7fffffff))
      this.version = this.#columns.resize('contents.version', 'u32', capacity)
      this.identity = this.#columns.resize('contents.identity', 'i32', capacity)
    }
    for (let slot = fresh; slot < end; slot++) this.identity[slot] = slot
    this.#state[0] = end
    return fresh
  }

  /** The slots of a range that was given back, or -1 if none is large enough. */
  #reuse(pages: number): number {
    const ranges = this.#state[1]!
    for (let range = 0; range < ranges; range++) {
      const count = this.#freeCount[range]!
      if (count < pages) continue
      const first = this.#freeStart[range]!
      this.#freeStart[range] = first + pages
      this.#freeCount[range] = count - pages
      if (count === pages) {
        this.#freeStart[range] = this.#freeStart[ranges - 1]!
        this.#freeCount[range] = this.#freeCount[ranges - 1]!
        this.#state[1] = ranges - 1
      }
      for (let slot = first; slot < first + pages; slot++) {
        this.version[slot] = 0
        this.identity[slot] = slot
      }
      return first
    }
    return -1
  }

  /** Gives the slots of an object back. */
  freeSlots(first: number, pages: number): void {
    if (pages === 0) return
    const range = this.#state[1]!
    if (range === this.#freeStart.length) {
      this.#freeStart = this.#columns.resize('contents.freeStart', 'f64', range * 2)
      this.#freeCount = this.#columns.resize('contents.freeCount', 'f64', range * 2)
    }
    this.#freeStart[range] = first
    this.#freeCount[range] = pages
    this.#state[1] = range + 1
  }

  /** A slot's page was written to a device as it is now. */
  noteStored(slot: number): void {
    if (slot >= this.#storedVersion.length) {
      this.#storedVersion = this.#columns.resize('contents.storedVersion', 'u32', this.version.length)
      this.#storedIdentity = this.#columns.resize('contents.storedIdentity', 'i32', this.version.length)
    }
    this.#storedVersion[slot] = this.version[slot]!
    this.#storedIdentity[slot] = this.identity[slot]!
  }

  /** What is on the device is all that is left of a slot's page. */
  revertToStored(slot: number): void {
    this.version[slot] = this.#storedVersion[slot]!
    this.identity[slot] = this.#storedIdentity[slot]!
  }

  /** The block of slot `from` is slot `to`'s now. */
  moveStored(from: number, to: number): void {
    if (from >= this.#storedVersion.length) return
    if (to >= this.#storedVersion.length) this.noteStored(to)
    this.#storedVersion[to] = this.#storedVersion[from]!
    this.#storedIdentity[to] = this.#storedIdentity[from]!
  }

  /** The page of slot `to` becomes a copy of that of slot `from`. */
  copy(from: number, to: number): void {
    this.version[to] = this.version[from]!
    this.identity[to] = this.identity[from]!
  }

  /** The bytes of a frame, 4096 of them. */
  view(frame: number): Uint8Array {
    return (this.#views[frame] ??= new Uint8Array(this.#words.buffer, frame * PAGE_SIZE, PAGE_SIZE))
  }

  /** The bytes of `count` frames that follow each other. */
  row(first: number, count: number): Uint8Array {
    return new Uint8Array(this.#words.buffer, first * PAGE_SIZE, count * PAGE_SIZE)
  }

  /** Makes a page's bytes in its frame. */
  fill(frame: number, slot: number): void {
    this.#make(frame * WORDS, slot)
  }

  /** Whether a frame holds the bytes that the page of this slot must have. */
  isAsExpected(frame: number, slot: number): boolean {
    const scratch = this.#frames + POOL_PAGES
    this.#make(scratch * WORDS, slot)
    const bytes = this.#bytes
    return (
      bytes.compare(
        bytes,
        scratch * PAGE_SIZE,
        (scratch + 1) * PAGE_SIZE,
        frame * PAGE_SIZE,
        (frame + 1) * PAGE_SIZE,
      ) === 0
    )
  }

  /** The bytes that the page of a slot must have by its version; good until the next call of this class. */
  expected(slot: number): Uint8Array {
    const scratch = this.#frames + POOL_PAGES
    this.#make(scratch * WORDS, slot)
    return this.view(scratch)
  }

  /** First byte of [from, to) of a frame that differs from `other`, which begins at the same place of the page; -1: none does. */
  firstDifferent(frame: number, from: number, to: number, other: Uint8Array, otherStart: number): number {
    const at = frame * PAGE_SIZE
    if (this.#bytes.compare(other, otherStart, otherStart + to - from, at + from, at + to) === 0) return -1
    for (let i = from; i < to; i++) if (this.#bytes[at + i] !== other[otherStart + i - from]) return i
    return -1
  }

  /** First byte of a frame that is not as expected, and both values; after isAsExpected() said no. */
  firstDifference(frame: number): { offset: number; expected: number; got: number } {
    const scratch = (this.#frames + POOL_PAGES) * PAGE_SIZE
    for (let offset = 0; offset < PAGE_SIZE; offset++) {
      const expected = this.#bytes[scratch + offset]!
      const got = this.#bytes[frame * PAGE_SIZE + offset]!
      if (expected !== got) return { offset, expected, got }
    }
    return { offset: PAGE_SIZE, expected: 0, got: 0 }
  }

  #make(at: number, slot: number): void {
    const words = this.#words
    const version = this.version[slot]!
    if (version === 0) {
      words.fill(0, at, at + WORDS)
      return
    }
    const identity = this.identity[slot]!
    let hash = Math.imul(identity ^ this.#seed, 0x85ebca6b) ^ Math.imul(version, 0xc2b2ae35)
    hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2f)
    hash ^= hash >>> 13
    const window = (this.#frames * WORDS + (hash & (((POOL_PAGES - 1) * WORDS - 1) & ~3))) | 0
    words.copyWithin(at, window, window + WORDS)
    for (let sector = 0, word = at; sector < SECTORS_PER_PAGE; sector++, word += SECTOR_WORDS) {
      words[word] = identity
      words[word + 1] = version
      words[word + 2] = this.#seed ^ sector
      words[word + 3] = hash
    }
  }
}
