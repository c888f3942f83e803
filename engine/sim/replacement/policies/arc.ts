/**
 * ARC (Megiddo and Modha, 2003): pages referenced once (recent) and pages referenced again (frequent) in two lists, each with a
 * memory of what was evicted from it; a hit in one of those memories moves the share that `recent` may have.
 *
 * The frequent list is in the order of last references, so it is kept by stamps. The recent list is in the order of loading,
 * since a hit moves a page out of it.
 *
 * Where the paper leaves a choice, it is libCacheSim's: the share is not rounded, and the victim comes from the recent list when
 * the frequent one is empty.
 */
import { driveWithRecency, type SizePolicy } from '../drive.ts'
import { PageLinks, PageList } from '../pageList.ts'
import { PageSet, RecencyOrder, type Recency } from '../recency.ts'
import type { Residency } from '../residency.ts'
import type { ReplacementPolicy } from '../simulator.ts'

export const arc: ReplacementPolicy = {
  name: 'arc',
  title: 'ARC',
  description: 'Balances pages referenced once against pages referenced again by what it regrets having evicted.',
  create: (pageCount, frames) =>
    driveWithRecency(
      pageCount,
      frames,
      { settlesOnLoad: false },
      (residency, pages, recency) => new Arc(residency, pages, recency),
    ),
}

/** Where a page is. */
const Place = { nowhere: 0, recent: 1, frequent: 2, recentGhost: 3, frequentGhost: 4 } as const

class Arc implements SizePolicy {
  readonly #residency: Residency
  readonly #place: Uint8Array
  readonly #recent: PageList
  readonly #recentGhost: PageList
  readonly #frequentGhost: PageList
  readonly #frequent: PageSet
  readonly #order: RecencyOrder
  /** Pages that `recent` should have, with a fraction. */
  #share = 0

  constructor(residency: Residency, pageCount: number, recency: Recency) {
    const links = new PageLinks(pageCount)
    const capacity = Math.min(residency.frames, pageCount)
    this.#residency = residency
    this.#place = new Uint8Array(pageCount)
    this.#recent = new PageList(links)
    this.#recentGhost = new PageList(links)
    this.#frequentGhost = new PageList(links)
    this.#frequent = new PageSet(pageCount, capacity)
    this.#order = new RecencyOrder(recency, capacity)
  }

  hit(page: number): boolean {
    if (this.#place[page] === Place.recent) {
      this.#recent.remove(page)
      this.#becomeFrequent(page)
    }
    return true
  }

  miss(page: number): void {
    const frames = this.#residency.frames
    switch (this.#place[page]) {
      case Place.recentGhost: {
        const step = Math.max(1, this.#frequentGhost.count / this.#recentGhost.count)
        this.#share = Math.min(this.#share + step, frames)
        this.#recentGhost.remove(page)
        this.#replace(false)
        this.#becomeFrequent(page)
        return
      }
      case Place.frequentGhost: {
        const step = Math.max(1, this.#recentGhost.count / this.#frequentGhost.count)
        this.#share = Math.max(this.#share - step, 0)
        this.#frequentGhost.remove(page)
        this.#replace(true)
        this.#becomeFrequent(page)
        return
      }
      default:
        if (this.#residency.isFull) this.#makeRoom()
        this.#place[page] = Place.recent
        this.#recent.add(page)
    }
  }

  #becomeFrequent(page: number): void {
    this.#place[page] = Place.frequent
    this.#frequent.add(page)
  }

  /** Room for a page that nothing is remembered of. */
  #makeRoom(): void {
    const frames = this.#residency.frames
    if (this.#recent.count + this.#recentGhost.count >= frames) {
      if (this.#recent.count >= frames) {
        const victim = this.#recent.oldest
        this.#recent.remove(victim)
        this.#place[victim] = Place.nowhere
        this.#residency.evict(victim)
        return
      }
      this.#forgetOldest(this.#recentGhost)
    } else {
      const known = this.#residency.count + this.#recentGhost.count + this.#frequentGhost.count
      if (known >= 2 * frames) this.#forgetOldest(this.#frequentGhost)
    }
    this.#replace(false)
  }

  #forgetOldest(ghost: PageList): void {
    const forgotten = ghost.oldest
    ghost.remove(forgotten)
    this.#place[forgotten] = Place.nowhere
  }

  /** Evicts from the list that has more than its share, and remembers the page. */
  #replace(isFrequentGhostHit: boolean): void {
    const recent = this.#recent
    let victim: number
    const isOverShare = recent.count > this.#share || (recent.count === this.#share && isFrequentGhostHit)
    if ((recent.count > 0 && isOverShare) || this.#frequent.count === 0) {
      victim = recent.oldest
      recent.remove(victim)
      this.#place[victim] = Place.recentGhost
      this.#recentGhost.add(victim)
    } else {
      victim = this.#order.oldest(this.#frequent)
      this.#frequent.remove(victim)
      this.#place[victim] = Place.frequentGhost
      this.#frequentGhost.add(victim)
    }
    this.#residency.evict(victim)
  }
}
