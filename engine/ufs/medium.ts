/**
 * The bytes of a file system: metadata by way of a cache that writes back, data straight to the store.
 *
 * The store is read and written in pages of 4096 bytes, and a page may hold both metadata and data that somebody else writes
 * past this cache. So the cache knows which *sectors* it has changed: when it writes back it reads the page anew and changes
 * only those. Whoever turns metadata into data says so (`forget`). A page that is not dirty may be dropped at any time.
 */
import type { BlockStore } from '../disk/blockStore.ts'
import { PAGE_BYTES, SECTOR_BYTES } from '../disk/units.ts'
import { UfsError } from './ufsError.ts'

interface CachedPage {
  bytes: Uint8Array
  /** Bit n: sector n was changed. */
  dirty: number
}

/** Pages in the cache from which on clean ones are dropped: 16 MiB. */
const PAGES_MAX = 4096

export class Medium {
  /** Bytes that can be reached: whole pages. */
  readonly sizeBytes: number
  readonly #store: BlockStore
  readonly #pages = new Map<number, CachedPage>()
  #dirtyPages = 0
  readonly #scratch = new Uint8Array(PAGE_BYTES)
  readonly #one: Uint8Array[] = [this.#scratch]

  constructor(store: BlockStore) {
    this.#store = store
    this.sizeBytes = store.sizePages * PAGE_BYTES
  }

  // ---- metadata --------------------------------------------------------------------------------------------

  /** A copy of metadata. Throws UfsError `corrupt` outside the device. */
  read(offset: number, length: number): Uint8Array {
    const into = new Uint8Array(length)
    this.#checkRange(offset, length)
    for (let done = 0; done < length;) {
      const within = (offset + done) % PAGE_BYTES
      const count = Math.min(PAGE_BYTES - within, length - done)
      into.set(this.#page((offset + done - within) / PAGE_BYTES).bytes.subarray(within, within + count), done)
      done += count
    }
    return into
  }

  /** Changes metadata; the store sees it at the next flush. */
  write(offset: number, bytes: Uint8Array): void {
    this.#checkRange(offset, bytes.length)
    for (let done = 0; done < bytes.length;) {
      const within = (offset + done) % PAGE_BYTES
      const count = Math.min(PAGE_BYTES - within, bytes.length - done)
      const page = this.#page((offset + done - within) / PAGE_BYTES)
      page.bytes.set(bytes.subarray(done, done + count), within)
      if (page.dirty === 0) this.#dirtyPages++
      const last = Math.floor((within + count - 1) / SECTOR_BYTES)
      for (let sector = Math.floor(within / SECTOR_BYTES); sector <= last; sector++) page.dirty |= 1 << sector
      done += count
    }
  }

  /** These sectors are metadata no longer: what was not written back of them never will be. */
  forget(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at += SECTOR_BYTES) {
      const page = this.#pages.get(Math.floor(at / PAGE_BYTES))
      if (page === undefined || page.dirty === 0) continue
      page.dirty &= ~(1 << ((at % PAGE_BYTES) / SECTOR_BYTES))
      if (page.dirty === 0) this.#dirtyPages--
    }
  }

  /** Writes back what was changed. */
  flush(): void {
    if (this.#dirtyPages === 0) return
    const dirty = [...this.#pages].filter(([, page]) => page.dirty !== 0).sort(([a], [b]) => a - b)
    for (const [number, page] of dirty) {
      if (page.dirty !== 0xff) {
        this.#store.readPages(number, this.#one, 1)
        for (let sector = 0; sector < PAGE_BYTES / SECTOR_BYTES; sector++)
          if ((page.dirty & (1 << sector)) === 0) {
            const at = sector * SECTOR_BYTES
            page.bytes.set(this.#scratch.subarray(at, at + SECTOR_BYTES), at)
          }
      }
      this.#store.writePages(number, [page.bytes], 1)
      page.dirty = 0
      this.#dirtyPages--
    }
  }

  /** Forgets everything that was read or changed: the store has gone back to an earlier state. */
  drop(): void {
    this.#pages.clear()
    this.#dirtyPages = 0
  }

  #page(number: number): CachedPage {
    const known = this.#pages.get(number)
    if (known !== undefined) return known
    if (this.#pages.size - this.#dirtyPages >= PAGES_MAX)
      for (const [old, { dirty }] of this.#pages) if (dirty === 0) this.#pages.delete(old)
    const page: CachedPage = { bytes: new Uint8Array(PAGE_BYTES), dirty: 0 }
    this.#store.readPages(number, [page.bytes], 1)
    this.#pages.set(number, page)
    return page
  }

  // ---- data ------------------------------------------------------------------------------------------------

  /** Fills `into` with data, past the cache. */
  readData(offset: number, into: Uint8Array): void {
    this.#checkRange(offset, into.length)
    this.#eachPiece(offset, into.length, (page, within, done, count, isWhole) => {
      if (isWhole) return this.#store.readPages(page, [into.subarray(done, done + count)], 1)
      this.#store.readPages(page, this.#one, 1)
      into.set(this.#scratch.subarray(within, within + count), done)
    })
  }

  /** Stores data, past the cache. */
  writeData(offset: number, from: Uint8Array): void {
    this.#checkRange(offset, from.length)
    this.#eachPiece(offset, from.length, (page, within, done, count, isWhole) => {
      if (isWhole) return this.#store.writePages(page, [from.subarray(done, done + count)], 1)
      this.#store.readPages(page, this.#one, 1)
      this.#scratch.set(from.subarray(done, done + count), within)
      this.#store.writePages(page, this.#one, 1)
    })
  }

  zeroData(offset: number, length: number): void {
    const zeros = new Uint8Array(Math.min(length, 65536))
    for (let done = 0; done < length; done += zeros.length)
      this.writeData(offset + done, zeros.subarray(0, Math.min(zeros.length, length - done)))
  }

  #eachPiece(
    offset: number,
    length: number,
    move: (page: number, within: number, done: number, count: number, isWhole: boolean) => void,
  ): void {
    for (let done = 0; done < length;) {
      const within = (offset + done) % PAGE_BYTES
      const count = Math.min(PAGE_BYTES - within, length - done)
      move((offset + done - within) / PAGE_BYTES, within, done, count, count === PAGE_BYTES)
      done += count
    }
  }

  #checkRange(offset: number, length: number): void {
    // Written so that a NaN fails as well.
    if (offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return
    throw new UfsError(
      'corrupt',
      `the file system leads to bytes ${offset} to ${offset + length - 1}, past the ${this.sizeBytes} bytes of the device`,
      { offset },
    )
  }
}
