/**
 * S3-FIFO, with the decisions of libCacheSim at its defaults: a small queue of a tenth of the frames, a main queue for
 * the rest, and a ghost queue that remembers as many evicted pages as nine tenths of the frames.
 *
 * A missed page enters the main queue if the ghost queue remembers it, else the small one, which may grow beyond its share while
 * memory fills. Room is made in the main queue while it holds more than its share (or the small one is empty), else in
 * the small one. The small queue moves a page on to the main queue if it was hit at least twice there, otherwise evicts and
 * remembers it. The main queue puts a page with hits back, with one hit less (of at most three), and evicts one without.
 *
 * Where a tenth of the frames is less than one the small queue has one page.
 */
import { drive, type SizePolicy } from '../drive.ts'
import { PageLinks, PageList } from '../pageList.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const s3fifo: ReplacementPolicy = {
  name: 's3fifo',
  title: 'S3-FIFO',
  description: 'A small queue for new pages, a main queue for pages hit again, and a memory of what was evicted.',
  create: (pageCount, frames) => drive(pageCount, frames, { settlesOnLoad: false }, (residency) => new S3Fifo(residency, pageCount)),
}

const PROMOTION_HITS = 2
const HITS_MAX = 3
const SMALL_SHARE = 0.1
const GHOST_SHARE = 0.9

/** Where a page is. */
const Place = { nowhere: 0, small: 1, main: 2, ghost: 3 } as const

class S3Fifo implements SizePolicy {
  readonly #residency: Residency
  readonly #place: Uint8Array
  readonly #hits: Uint8Array
  readonly #small: PageList
  readonly #main: PageList
  readonly #ghost: PageList
  readonly #mainSize: number
  readonly #ghostSize: number

  constructor(residency: Residency, pageCount: number) {
    const links = new PageLinks(pageCount)
    this.#residency = residency
    this.#place = new Uint8Array(pageCount)
    this.#hits = new Uint8Array(pageCount)
    this.#small = new PageList(links)
    this.#main = new PageList(links)
    this.#ghost = new PageList(links)
    this.#mainSize = residency.frames - Math.max(1, Math.floor(residency.frames * SMALL_SHARE))
    this.#ghostSize = Math.floor(residency.frames * GHOST_SHARE)
  }

  hit(page: number): boolean {
    const hits = this.#hits[page]! + 1
    this.#hits[page] = hits
    return hits >= (this.#place[page] === Place.small ? PROMOTION_HITS : HITS_MAX)
  }

  miss(page: number): void {
    const place = this.#place[page]!
    if (place === Place.ghost) {
      this.#ghost.remove(page)
      this.#place[page] = Place.nowhere
    }
    if (this.#residency.isFull) this.#makeRoom()
    this.#hits[page] = 0
    this.#enter(page, place === Place.ghost ? Place.main : Place.small)
  }

  #enter(page: number, place: typeof Place.small | typeof Place.main): void {
    this.#place[page] = place
    if (place === Place.small) this.#small.add(page)
    else this.#main.add(page)
  }

  #makeRoom(): void {
    while (this.#residency.isFull)
      if (this.#main.count > this.#mainSize || this.#small.count === 0) this.#evictFromMain()
      else this.#evictFromSmall()
  }

  /** Evicts one page, unless all of the small queue moves on. */
  #evictFromSmall(): void {
    const small = this.#small
    while (small.count > 0) {
      const page = small.oldest
      small.remove(page)
      if (this.#hits[page]! >= PROMOTION_HITS) {
        this.#hits[page] = 0
        this.#enter(page, Place.main)
        this.#residency.unsettle(page)
        continue
      }
      this.#remember(page)
      this.#residency.evict(page)
      return
    }
  }

  #remember(page: number): void {
    const ghost = this.#ghost
    if (this.#ghostSize === 0) {
      this.#place[page] = Place.nowhere
      return
    }
    if (ghost.count === this.#ghostSize) {
      const forgotten = ghost.oldest
      ghost.remove(forgotten)
      this.#place[forgotten] = Place.nowhere
    }
    ghost.add(page)
    this.#place[page] = Place.ghost
  }

  #evictFromMain(): void {
    const main = this.#main
    for (;;) {
      const page = main.oldest
      main.remove(page)
      const hits = this.#hits[page]!
      if (hits === 0) {
        this.#place[page] = Place.nowhere
        this.#residency.evict(page)
        return
      }
      this.#hits[page] = hits - 1
      main.add(page)
      this.#residency.unsettle(page)
    }
  }
}
