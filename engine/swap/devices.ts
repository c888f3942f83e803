/**
 * Swap devices: the table of attached devices, their place in the space of global swap blocks, and the allocation of blocks
 * over them.
 *
 * A *unit* is a device the machine knows, attached or not; a *slot* is a row of this table, taken while a unit is
 * attached. Attached devices form a list in order of attachment. Each owns the global blocks first..end-1, with
 * one uncovered block between devices so that no request can run across two of them; the first two blocks of a device may hold a
 * label and are never used.
 *
 * Source: FreeBSD swap_pager.c, swaponsomething(), swp_pager_getswapspace(), swp_pager_freeswapspace(), swp_sizecheck() and the GEOM backend's counting of a
 * consumer's requests.
 */
import type { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { MAX_DEVICES } from '../sim/metrics.ts'
import { BlockList } from './blockList.ts'
import type { SwapDefect } from './defects.ts'
import { NO_BLOCK } from './metadata.ts'

// a constant of this module is folded into the code, one of another module is loaded at each use

/** Blocks at a device's head that are never used: howmany(BBSIZE, PAGE_SIZE). */
export const LABEL_PAGES = 2
/** BLIST_MAX_ALLOC */
const MAX_MINIMUM_REQUEST = 64
/** SW_CLOSING */
export const CLOSING = 4

export const DeviceKind = { disk: 0, networkFile: 1 } as const

/** What the table says to its surroundings. */
export interface DeviceMessages {
  defect?(name: SwapDefect): void
  message(id: SwapMessageId, a: number, b: number): void
}

export type SwapMessageId = 'swap-out-of-space' | 'swap-get-failed' | 'swap-above-recommended' | 'swap-increase-zone'

const S = {
  first: 0,
  head: 1,
  last: 2,
  count: 3,
  available: 4,
  total: 5,
  full: 6,
  almostFull: 7,
  lowWater: 8,
  highWater: 9,
  maximumPages: 10,
} as const

export class SwapDevices {
  declare unit: Int32Array
  declare kind: Uint8Array
  declare firstBlock: Float64Array
  declare endBlock: Float64Array
  declare blocks: Float64Array
  declare used: Float64Array
  declare flags: Uint8Array
  /** Whether there is still something behind the device: sw_id is not NULL. */
  declare present: Uint8Array
  /** Requests on their way plus one for being attached: the GEOM consumer's index. */
  declare consumers: Int32Array
  declare next: Int32Array
  #state: Float64Array
  /** Where the last block was found, -1: nowhere since devices changed. */
  #foundSlot = -1
  readonly lists: (BlockList | null)[] = []
  readonly #columns: Columns
  readonly #messages: DeviceMessages
  /** Repaired defects: a search ends where it began, an orphan's free blocks are not available. */
  readonly #comesRound: boolean
  readonly #forgetsOrphans: boolean
  /** Makes the block list of a device; a variant may put its own allocator here. */
  makeBlockList: (columns: Columns, name: string, blocks: number | 'restored') => BlockList = (columns, name, blocks) =>
    new BlockList(columns, name, blocks)
  /** Blocks got by the last allocate(). */
  allocated = 0

  constructor(
    columns: Columns,
    messages: DeviceMessages,
    lowWater: number,
    highWater: number,
    repairs: Partial<Record<SwapDefect, boolean>> = {},
  ) {
    this.#columns = columns
    this.#messages = messages
    this.#comesRound = repairs['allocator-livelock'] === true
    this.#forgetsOrphans = repairs['orphan-available'] === true
    this.unit = columns.define('swap.device.unit', 'i32', MAX_DEVICES).fill(-1)
    this.kind = columns.define('swap.device.kind', 'u8', MAX_DEVICES)
    this.firstBlock = columns.define('swap.device.first', 'f64', MAX_DEVICES)
    this.endBlock = columns.define('swap.device.end', 'f64', MAX_DEVICES)
    this.blocks = columns.define('swap.device.blocks', 'f64', MAX_DEVICES)
    this.used = columns.define('swap.device.used', 'f64', MAX_DEVICES)
    this.flags = columns.define('swap.device.flags', 'u8', MAX_DEVICES)
    this.present = columns.define('swap.device.present', 'u8', MAX_DEVICES)
    this.consumers = columns.define('swap.device.consumers', 'i32', MAX_DEVICES)
    this.next = columns.define('swap.device.next', 'i32', MAX_DEVICES).fill(-1)
    this.#state = columns.define('swap.devices', 'f64', 11)
    this.#state.set([-1, -1, -1, 0, 0, 0, 2, 1, lowWater, highWater, Infinity])
    for (let slot = 0; slot < MAX_DEVICES; slot++) this.lists.push(null)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.unit = c.get('swap.device.unit', 'i32')
    this.kind = c.get('swap.device.kind', 'u8')
    this.firstBlock = c.get('swap.device.first', 'f64')
    this.endBlock = c.get('swap.device.end', 'f64')
    this.blocks = c.get('swap.device.blocks', 'f64')
    this.used = c.get('swap.device.used', 'f64')
    this.flags = c.get('swap.device.flags', 'u8')
    this.present = c.get('swap.device.present', 'u8')
    this.consumers = c.get('swap.device.consumers', 'i32')
    this.next = c.get('swap.device.next', 'i32')
    this.#state = c.get('swap.devices', 'f64')
    this.#foundSlot = -1
    // a restored state may have devices that were not attached, or lack some that were
    for (let slot = 0; slot < MAX_DEVICES; slot++) {
      if (this.unit[slot]! < 0) this.lists[slot] = null
      else this.lists[slot] ??= this.makeBlockList(c, `swap.list${slot}`, 'restored')
    }
  }

  /** First slot in order of attachment, -1 none; go on with `next`. */
  get firstSlot(): number {
    return this.#state[S.first]!
  }
  /** The slot where the next allocation begins, -1: at the first device. */
  get headSlot(): number {
    return this.#state[S.head]!
  }
  /** Attached devices: nswapdev. */
  get count(): number {
    return this.#state[S.count]!
  }
  /** swap_pager_avail, in pages. */
  get available(): number {
    return this.#state[S.available]!
  }
  /** swap_total, in pages, labels included. */
  get total(): number {
    return this.#state[S.total]!
  }
  /** swap_pager_full: 0, or 2 when an allocation failed. */
  get full(): number {
    return this.#state[S.full]!
  }
  /** swap_pager_almost_full */
  get almostFull(): number {
    return this.#state[S.almostFull]!
  }
  /** What swap_pager_status() reports as used. */
  get usedPages(): number {
    return this.total - this.available - this.count * LABEL_PAGES
  }
  set maximumPages(pages: number) {
    this.#state[S.maximumPages] = pages
  }
  get maximumPages(): number {
    return this.#state[S.maximumPages]!
  }
  get lowWater(): number {
    return this.#state[S.lowWater]!
  }
  get highWater(): number {
    return this.#state[S.highWater]!
  }
  setWaterMarks(low: number, high: number): void {
    this.#state[S.lowWater] = low
    this.#state[S.highWater] = high
  }

  /** The slot of a unit, or -1. */
  slotOf(unit: number): number {
    for (let slot = this.firstSlot; slot >= 0; slot = this.next[slot]!) if (this.unit[slot] === unit) return slot
    return -1
  }

  /** The slot whose device holds a global block, or -1. */
  slotOfBlock(block: number): number {
    const found = this.#foundSlot
    if (found >= 0 && this.isOnDevice(block, found)) return found
    for (let slot = this.#state[S.first]!; slot >= 0; slot = this.next[slot]!)
      if (this.isOnDevice(block, slot)) return (this.#foundSlot = slot)
    return -1
  }

  isOnDevice(block: number, slot: number): boolean {
    return block >= this.firstBlock[slot]! && block < this.endBlock[slot]!
  }

  /** Attaches a unit of `sectors` 512-byte sectors; its slot. FreeBSD's swaponsomething. */
  attach(unit: number, kind: number, sectors: number): number {
    const blocks = Math.floor(sectors / 8)
    const slot = this.unit.indexOf(-1)
    if (slot < 0) throw new Error('all device slots are taken')
    const list = this.makeBlockList(this.#columns, `swap.list${slot}`, blocks)
    if (blocks > LABEL_PAGES) list.free(LABEL_PAGES, blocks - LABEL_PAGES)
    this.lists[slot] = list
    let base = 0
    let last = -1
    for (let other = this.firstSlot; other >= 0; other = this.next[other]!) {
      if (this.endBlock[other]! >= base) base = this.endBlock[other]! + 1
      last = other
    }
    this.unit[slot] = unit
    this.kind[slot] = kind
    this.firstBlock[slot] = base
    this.endBlock[slot] = base + blocks
    this.blocks[slot] = blocks
    this.used[slot] = 0
    this.flags[slot] = 0
    this.present[slot] = 1
    this.consumers[slot] = 1
    this.next[slot] = -1
    if (last < 0) this.#state[S.first] = slot
    else this.next[last] = slot
    this.#state[S.count]! += 1
    this.#state[S.available]! += blocks - LABEL_PAGES
    this.#state[S.total]! += blocks
    const recommended = Math.floor(this.maximumPages / 2)
    if (this.total > recommended) {
      this.#messages.message('swap-above-recommended', this.total, recommended)
      this.#messages.message('swap-increase-zone', 0, 0)
    }
    this.#checkSize()
    return slot
  }

  /** Keeps new allocations off a device: SW_CLOSING, all its blocks taken, its size off the total. */
  beginClosing(slot: number): void {
    this.flags[slot]! |= CLOSING
    this.#state[S.available]! -= this.lists[slot]!.fill(0, this.blocks[slot]!)
    this.#state[S.total]! -= this.blocks[slot]!
  }

  /** Takes a device off the list. */
  detach(slot: number): void {
    let before = -1
    for (let other = this.firstSlot; other !== slot; other = this.next[other]!) before = other
    if (before < 0) this.#state[S.first] = this.next[slot]!
    else this.next[before] = this.next[slot]!
    this.#state[S.count]! -= 1
    if (this.count === 0) {
      this.#state[S.full] = 2
      this.#state[S.almostFull] = 1
    }
    if (this.headSlot === slot) this.#state[S.head] = -1
    this.#foundSlot = -1
    this.unit[slot] = -1
    this.present[slot] = 0
    this.next[slot] = -1
    this.lists[slot]!.destroy()
    this.lists[slot] = null
  }

  /** FreeBSD's swp_sizecheck. */
  #checkSize(): void {
    const state = this.#state
    if (state[S.available]! < state[S.lowWater]!) {
      if (state[S.almostFull] === 0) {
        this.#messages.message('swap-out-of-space', 0, 0)
        state[S.almostFull] = 1
      }
    } else {
      state[S.full] = 0
      if (state[S.available]! > state[S.highWater]!) state[S.almostFull] = 0
    }
  }

  /**
   * Allocates a run of up to `wanted` blocks, round-robin over the devices: the first global block, or NO_BLOCK; `allocated`
   * says how many were got. A search that comes round to where it began halves what it asks for. Where it began at the first device it never
   * comes round: the kernel would search for ever, and a KernelStop says so. FreeBSD's swp_pager_getswapspace.
   */
  allocate(wanted: number): number {
    const state = this.#state
    let most = wanted
    let least = wanted < MAX_MINIMUM_REQUEST ? wanted : MAX_MINIMUM_REQUEST
    let slot = state[S.head]!
    const head = slot
    const endless = head >= 0 && head === state[S.first] && !this.#comesRound
    while (state[S.first]! >= 0) {
      if (slot < 0) slot = state[S.first]!
      if ((this.flags[slot]! & CLOSING) === 0) {
        const list = this.lists[slot]!
        const block = list.allocate(least, most)
        if (block >= 0) {
          const got = list.allocated
          this.allocated = got
          this.used[slot]! += got
          state[S.available]! -= got
          this.#checkSize()
          state[S.head] = this.next[slot]!
          return block + this.firstBlock[slot]!
        }
      }
      slot = this.next[slot]!
      if (slot < 0 && this.#comesRound && head >= 0) slot = state[S.first]!
      if (slot === head) {
        if (least === 1) break
        most = least - 1
        least >>= 1
      } else if (slot < 0 && endless) {
        this.#messages.defect?.('allocator-livelock')
        throw new KernelStop(
          'livelock',
          'swp_pager_getswapspace',
          `no run of ${least} blocks on any device, and the search began at the first device: it never comes round to halve the request`,
        )
      }
    }
    if (state[S.full] !== 2) {
      this.#messages.message('swap-get-failed', wanted, 0)
      state[S.full] = 2
      state[S.almostFull] = 1
    }
    state[S.head] = -1
    return NO_BLOCK
  }

  /** Gives a run of blocks of one device back. FreeBSD's swp_pager_freeswapspace. */
  free(block: number, count: number): void {
    if (count === 0) return
    const slot = this.slotOfBlock(block)
    if (slot < 0) throw new KernelStop('kernel-panic', 'swp_pager_freeswapspace', `no swap device holds block ${block}`)
    this.used[slot]! -= count
    if ((this.flags[slot]! & CLOSING) !== 0) return
    this.lists[slot]!.free(block - this.firstBlock[slot]!, count)
    this.#state[S.available]! += count
    this.#checkSize()
  }

  /** A request sets out to a disk. */
  acquire(slot: number): void {
    this.consumers[slot]! += 1
  }

  /** A request came back; with the last one a device that has gone is gone for good. */
  release(slot: number): void {
    this.consumers[slot]! -= 1
    if (this.consumers[slot] === 0) this.present[slot] = 0
  }

  /** The disk behind a device disappears. FreeBSD's swapgeom_orphan. */
  orphan(slot: number): void {
    this.flags[slot]! |= CLOSING
    const free = this.lists[slot]!.available
    if (this.#forgetsOrphans) this.#state[S.available]! -= this.lists[slot]!.fill(0, this.blocks[slot]!)
    else if (free > 0) this.#messages.defect?.('orphan-available')
    this.release(slot)
  }
}
