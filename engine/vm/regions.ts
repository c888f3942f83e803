/**
 * Map entries: which object backs which part of a process's address space, with what rights, and how faults in it read ahead.
 *
 * A row per region. The regions of a process are a chain through `next`, ascending by `start` and disjoint; rows that are not in use
 * are chained too. Source: FreeBSD's struct vm_map_entry.
 */
import type { Columns } from '../sim/columns.ts'

/** Bits of `flags`: MAP_ENTRY_NEEDS_COPY, MAP_ENTRY_COW, no right to read, none to write, shared with children, wired, MAP_ENTRY_NOSYNC. */
export const RegionFlag = {
  needsCopy: 1,
  copyOnWrite: 2,
  noRead: 4,
  noWrite: 8,
  shared: 16,
  locked: 32,
  noSync: 64,
} as const

/** How faults read around: MAP_ENTRY_BEHAV_NORMAL, _SEQUENTIAL, _RANDOM. */
export const RegionAdvice = { normal: 0, sequential: 1, random: 2 } as const

const integers = ['process', 'object', 'readAhead', 'chargedUser', 'next'] as const
const numbers = ['start', 'pages', 'offset', 'nextRead'] as const
const bytes = ['flags', 'advice'] as const

export class RegionTable {
  declare process: Int32Array
  /** First virtual page number, and pages. */
  declare start: Float64Array
  declare pages: Float64Array
  declare object: Int32Array
  /** Page index in the object of the region's first page. */
  declare offset: Float64Array
  declare flags: Uint8Array
  declare advice: Uint8Array
  /** User who is charged for the copy that this region may yet make of its object (the entry's cred); -1: none. */
  declare chargedUser: Int32Array
  /** Pages read ahead by the last sequential fault; the virtual page number that would continue it. */
  declare readAhead: Int32Array
  declare nextRead: Float64Array
  /** Next region of the same process, -1 at the end; of a free row the next free one. */
  declare next: Int32Array
  /** First region of each process, -1: it has none. */
  declare first: Int32Array
  /** [0] first free row, -1 none; [1] regions in use. */
  #state!: Int32Array
  readonly #columns: Columns

  constructor(columns: Columns, processes: number) {
    this.#columns = columns
    for (const name of integers) columns.define(`region.${name}`, 'i32', 16)
    for (const name of numbers) columns.define(`region.${name}`, 'f64', 16)
    for (const name of bytes) columns.define(`region.${name}`, 'u8', 16)
    columns.define('region.first', 'i32', processes).fill(-1)
    columns.define('region.state', 'i32', 2)
    this.#rebind()
    columns.onRebind(() => this.#rebind())
    this.#state[0] = -1
    this.#chainFree(0)
  }

  #rebind(): void {
    const c = this.#columns
    this.process = c.get('region.process', 'i32')
    this.start = c.get('region.start', 'f64')
    this.pages = c.get('region.pages', 'f64')
    this.object = c.get('region.object', 'i32')
    this.offset = c.get('region.offset', 'f64')
    this.flags = c.get('region.flags', 'u8')
    this.advice = c.get('region.advice', 'u8')
    this.chargedUser = c.get('region.chargedUser', 'i32')
    this.readAhead = c.get('region.readAhead', 'i32')
    this.nextRead = c.get('region.nextRead', 'f64')
    this.next = c.get('region.next', 'i32')
    this.first = c.get('region.first', 'i32')
    this.#state = c.get('region.state', 'i32')
  }

  #chainFree(from: number): void {
    for (let region = this.process.length - 1; region >= from; region--) {
      this.process[region] = -1
      this.object[region] = -1
      this.next[region] = this.#state[0]!
      this.#state[0] = region
    }
  }

  /** Regions in use. */
  get count(): number {
    return this.#state[1]!
  }

  /** Adds a region where the process has none; its number. */
  add(process: number, start: number, pages: number, object: number, offset: number): number {
    if (this.#state[0]! < 0) {
      const old = this.process.length
      for (const name of integers) this.#columns.resize(`region.${name}`, 'i32', old * 2)
      for (const name of numbers) this.#columns.resize(`region.${name}`, 'f64', old * 2)
      for (const name of bytes) this.#columns.resize(`region.${name}`, 'u8', old * 2)
      this.#rebind()
      this.#chainFree(old)
    }
    const region = this.#state[0]!
    this.#state[0] = this.next[region]!
    this.#state[1]! += 1
    this.process[region] = process
    this.start[region] = start
    this.pages[region] = pages
    this.object[region] = object
    this.offset[region] = offset
    this.flags[region] = 0
    this.advice[region] = RegionAdvice.normal
    this.chargedUser[region] = -1
    this.readAhead[region] = 0
    this.nextRead[region] = -1
    const before = this.#before(process, start)
    if (before < 0) {
      this.next[region] = this.first[process]!
      this.first[process] = region
    } else {
      this.next[region] = this.next[before]!
      this.next[before] = region
    }
    return region
  }

  /** Takes a region out; its row is used again. */
  remove(region: number): void {
    const process = this.process[region]!
    const before = this.#before(process, this.start[region]!)
    if (before < 0) this.first[process] = this.next[region]!
    else this.next[before] = this.next[region]!
    this.process[region] = -1
    this.object[region] = -1
    this.next[region] = this.#state[0]!
    this.#state[0] = region
    this.#state[1]! -= 1
  }

  /** The last region of a process that begins before `page`, or -1. */
  #before(process: number, page: number): number {
    let before = -1
    for (let region = this.first[process]!; region >= 0 && this.start[region]! < page; region = this.next[region]!)
      before = region
    return before
  }

  /** The region of a process that holds a virtual page, or the first one beyond it; -1: none. */
  from(process: number, page: number): number {
    let region = this.first[process]!
    while (region >= 0 && this.start[region]! + this.pages[region]! <= page) region = this.next[region]!
    return region
  }
}
