/** The plainest possible models of the policies, and streams to try them on: what the tests compare with. */
import { ReferenceKind } from '../../workload/workload.ts'
import type { SizeResult } from './simulator.ts'

/** Decides only what is resident: told of each reference, answers which page it evicts for it, if any. */
interface Model {
  isResident(page: number): boolean
  hit(page: number, at: number): void
  /** A miss at reference number `at`; the page evicted for it, or undefined. */
  miss(page: number, at: number): number | undefined
}

/** What a model of the policy counts. */
export function simulateNaively(policy: string, pages: number[], kinds: number[], frames: number): SizeResult {
  const model = makeModel(policy, pages, frames)
  const result: SizeResult = { frames, misses: 0, swapins: 0, pageouts: 0 }
  const dirty = new Set<number>()
  const onSwap = new Set<number>()
  pages.forEach((page, at) => {
    if (model.isResident(page)) model.hit(page, at)
    else {
      result.misses += 1
      if (onSwap.has(page)) result.swapins += 1
      const victim = model.miss(page, at)
      if (victim !== undefined && dirty.delete(victim)) {
        result.pageouts += 1
        onSwap.add(victim)
      }
    }
    if (kinds[at] === ReferenceKind.write) dirty.add(page)
  })
  return result
}

function makeModel(policy: string, pages: number[], frames: number): Model {
  switch (policy) {
    case 'fifo':
      return queueModel(frames, () => undefined)
    case 'lru':
      return queueModel(frames, (queue, page) => {
        queue.splice(queue.indexOf(page), 1)
        queue.push(page)
      })
    case 'clock':
      return clockModel(frames, false)
    case 'clock1':
      return clockModel(frames, true)
    case 'opt':
      return optModel(pages, frames)
    case 'sieve':
      return sieveModel(frames)
    case 's3fifo':
      return s3fifoModel(frames)
    default:
      return arcModel(frames)
  }
}

function queueModel(frames: number, onHit: (queue: number[], page: number) => void): Model {
  const queue: number[] = []
  return {
    isResident: (page) => queue.includes(page),
    hit: (page) => onHit(queue, page),
    miss(page) {
      const victim = queue.length === frames ? queue.shift() : undefined
      queue.push(page)
      return victim
    },
  }
}

/** Second chance as a queue: a page whose bit is set goes to the end with its bit clear. */
function clockModel(frames: number, isSetOnLoad: boolean): Model {
  const queue: { page: number; bit: boolean }[] = []
  return {
    isResident: (page) => queue.some((each) => each.page === page),
    hit(page) {
      for (const each of queue) if (each.page === page) each.bit = true
    },
    miss(page) {
      let victim: number | undefined
      while (queue.length === frames) {
        const first = queue.shift()!
        if (first.bit) queue.push({ page: first.page, bit: false })
        else victim = first.page
      }
      queue.push({ page, bit: isSetOnLoad })
      return victim
    },
  }
}

/** Belady by looking ahead; of pages never needed again the one referenced longest ago. */
function optModel(pages: number[], frames: number): Model {
  const resident = new Map<number, number>()
  return {
    isResident: (page) => resident.has(page),
    hit: (page, at) => resident.set(page, at),
    miss(page, at) {
      let victim: number | undefined
      if (resident.size === frames) {
        const uses = [...resident].map(([each, last]) => {
          const next = pages.indexOf(each, at)
          return { each, last, next: next < 0 ? Infinity : next }
        })
        uses.sort((a, b) => (a.next === b.next ? a.last - b.last : b.next - a.next))
        victim = uses[0]!.each
        resident.delete(victim)
      }
      resident.set(page, at)
      return victim
    },
  }
}

function sieveModel(frames: number): Model {
  // oldest first; the hand is an index into it
  const queue: { page: number; bit: boolean }[] = []
  let hand = 0
  return {
    isResident: (page) => queue.some((each) => each.page === page),
    hit(page) {
      for (const each of queue) if (each.page === page) each.bit = true
    },
    miss(page) {
      let victim: number | undefined
      if (queue.length === frames) {
        for (;;) {
          if (hand >= queue.length) hand = 0
          const each = queue[hand]!
          if (!each.bit) break
          each.bit = false
          hand += 1
        }
        victim = queue.splice(hand, 1)[0]!.page
        // at the newest page the next search starts at the oldest, also if another page comes meanwhile
        if (hand === queue.length) hand = 0
      }
      queue.push({ page, bit: false })
      return victim
    },
  }
}

function s3fifoModel(frames: number): Model {
  const small: number[] = []
  const main: number[] = []
  const ghost: number[] = []
  const hits = new Map<number, number>()
  const smallSize = Math.max(1, Math.floor(frames * 0.1))
  const ghostSize = Math.floor(frames * 0.9)
  return {
    isResident: (page) => small.includes(page) || main.includes(page),
    hit: (page) => hits.set(page, hits.get(page)! + 1),
    miss(page) {
      const remembered = ghost.indexOf(page)
      if (remembered >= 0) ghost.splice(remembered, 1)
      let victim: number | undefined
      let isSmallsTurn = false
      while (victim === undefined && small.length + main.length === frames)
        if (!isSmallsTurn && (main.length > frames - smallSize || small.length === 0)) {
          const first = main.shift()!
          const count = hits.get(first)!
          if (count === 0) victim = first
          else {
            hits.set(first, Math.min(count, 3) - 1)
            main.push(first)
          }
        } else {
          const first = small.shift()!
          if (hits.get(first)! >= 2) {
            hits.set(first, 0)
            main.push(first)
            // the small queue goes on until it has evicted a page, whatever the main one holds meanwhile
            isSmallsTurn = small.length > 0
          } else {
            victim = first
            isSmallsTurn = false
            ghost.push(first)
            if (ghost.length > ghostSize) ghost.shift()
          }
        }
      hits.set(page, 0)
      if (remembered >= 0) main.push(page)
      else small.push(page)
      return victim
    },
  }
}

/** The four lists of the paper; newest first. */
function arcModel(frames: number): Model {
  const t1: number[] = []
  const t2: number[] = []
  const b1: number[] = []
  const b2: number[] = []
  let p = 0
  const remove = (list: number[], page: number) => list.splice(list.indexOf(page), 1)
  const replace = (wasInB2: boolean): number => {
    const fromT1 = (t1.length > 0 && (t1.length > p || (t1.length === p && wasInB2))) || t2.length === 0
    const victim = (fromT1 ? t1 : t2).pop()!
    ;(fromT1 ? b1 : b2).unshift(victim)
    return victim
  }
  return {
    isResident: (page) => t1.includes(page) || t2.includes(page),
    hit(page) {
      remove(t1.includes(page) ? t1 : t2, page)
      t2.unshift(page)
    },
    miss(page) {
      let victim: number | undefined
      if (b1.includes(page)) {
        p = Math.min(frames, p + Math.max(1, b2.length / b1.length))
        remove(b1, page)
        victim = replace(false)
        t2.unshift(page)
        return victim
      }
      if (b2.includes(page)) {
        p = Math.max(0, p - Math.max(1, b1.length / b2.length))
        remove(b2, page)
        victim = replace(true)
        t2.unshift(page)
        return victim
      }
      if (t1.length + t2.length === frames) {
        if (t1.length + b1.length === frames) {
          if (t1.length < frames) {
            b1.pop()
            victim = replace(false)
          } else victim = t1.pop()
        } else {
          if (t1.length + t2.length + b1.length + b2.length >= 2 * frames) b2.pop()
          victim = replace(false)
        }
      }
      t1.unshift(page)
      return victim
    },
  }
}

/** Stack distances by a list: [d] references at distance d, [0] first ones. */
export function histogramNaively(pages: number[], pageCount: number): number[] {
  const histogram = new Array<number>(pageCount + 1).fill(0)
  const stack: number[] = []
  for (const page of pages) {
    const place = stack.indexOf(page)
    histogram[place + 1]! += 1
    if (place >= 0) stack.splice(place, 1)
    stack.unshift(page)
  }
  return histogram
}

/** References of a made-up program: a hot set that moves, loops, and now and then any page at all. Dense page numbers. */
export function programLike(pageCount: number, count: number, seed: number): { pages: number[]; kinds: number[]; references: Uint32Array } {
  let state = seed >>> 0
  const random = (end: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 4294967296) * end)
  }
  const pages: number[] = []
  const kinds: number[] = []
  let hot = 0
  let loop = 0
  for (let i = 0; i < count; i++) {
    if (random(200) === 0) hot = random(pageCount)
    const choice = random(10)
    const page =
      choice < 6 ? (hot + random(Math.max(1, pageCount >> 3))) % pageCount : choice < 9 ? (loop = (loop + 1) % pageCount) : random(pageCount)
    pages.push(page)
    kinds.push(random(4) === 0 ? 1 : random(2) * 2)
  }
  return { pages, kinds, references: Uint32Array.from(pages, (page, i) => (page << 2) | kinds[i]!) }
}
