/**
 * What is to be seen in a machine between two calls of run(): its swap devices block by block, its objects, and an object's pages.
 * Looking changes nothing. Each view walks what it shows, so it takes time in proportion to that.
 */
import { META_PAGES, NO_BLOCK } from '../swap/metadata.ts'
import { ObjectType } from '../vm/pages.ts'
import type { Machine } from './machine.ts'

/** Cells of a device's map: each stands for `blocksPerCell` blocks from its own on. */
export interface BlockMap {
  blocksPerCell: number
  /** Blocks of the device; the last cell may stand for fewer. */
  blocks: number
  /** Blocks of the cell that hold a page's only copy in swap. */
  used: Int32Array
  /** Object and page of the cell's first such block; -1 where there is none. */
  object: Int32Array
  page: Float64Array
}

/** A device's blocks in at most `cells` cells of 2^n blocks. A device that is not attached holds nothing. */
export function blockMap(machine: Machine, device: number, cells: number): BlockMap {
  const { devices } = machine.pager
  const blocks = machine.devices[device]!.sizePages
  let blocksPerCell = 1
  while (Math.ceil(blocks / blocksPerCell) > cells) blocksPerCell *= 2
  const count = Math.ceil(blocks / blocksPerCell)
  const used = new Int32Array(count)
  const object = new Int32Array(count).fill(-1)
  const page = new Float64Array(count).fill(-1)
  const first = new Float64Array(count).fill(Infinity)
  const slot = devices.slotOf(device)
  if (slot >= 0)
    for (const owner of objectsOf(machine))
      for (const [index, block] of blocksOf(machine, owner)) {
        if (!devices.isOnDevice(block, slot)) continue
        const at = block - devices.firstBlock[slot]!
        const cell = Math.floor(at / blocksPerCell)
        used[cell]! += 1
        if (at > first[cell]!) continue
        first[cell] = at
        object[cell] = owner
        page[cell] = index
      }
  return { blocksPerCell, blocks, used, object, page }
}

/** How the free space of a device is cut up: sysctl vm.swap_fragmentation. */
export interface Fragmentation {
  ranges: number
  largest: number
  average: number
}

/** Null for a device that is not attached. */
export function fragmentation(machine: Machine, device: number): Fragmentation | null {
  const { devices } = machine.pager
  const slot = devices.slotOf(device)
  const list = slot < 0 ? null : devices.lists[slot]
  if (!list) return null
  const { ranges, largest, average } = list.statistics()
  return { ranges, largest, average }
}

export interface ObjectRow {
  object: number
  /** Name of its ObjectType. */
  type: string
  /** Pages. */
  size: number
  resident: number
  /** Swap blocks. */
  swapped: number
  references: number
  /** The object behind it, whose pages show through where it has none itself; -1: none. */
  backing: number
}

const typeNames = Object.fromEntries(Object.entries(ObjectType).map(([name, type]) => [type, name]))

export function objectRows(machine: Machine): ObjectRow[] {
  const { pages } = machine
  return [...objectsOf(machine)].map((object) => ({
    object,
    type: typeNames[pages.objectType[object]!] ?? 'none',
    size: pages.objectSize[object]!,
    resident: pages.residentPages[object]!,
    swapped: [...blocksOf(machine, object)].length,
    references: pages.references[object]!,
    backing: pages.backing[object]!,
  }))
}

/** Bits of a page's state in objectPages. */
export const PageState = { resident: 1, swapped: 2, dirty: 4, shadowed: 8 } as const

/**
 * The state of each page of an object, from `from` on: in memory, in swap, written since, or seen through it from an object behind. Empty for
 * an object that there is not.
 */
export function objectPages(machine: Machine, object: number, from: number, count: number): Uint8Array {
  const { pages } = machine
  if (object < 0 || object >= pages.objectType.length || pages.objectType[object] === ObjectType.none)
    return new Uint8Array(0)
  const states = new Uint8Array(Math.max(0, Math.min(count, pages.objectSize[object]! - from)))
  for (let at = 0; at < states.length; at++) states[at] = ownState(machine, object, from + at)
  let offset = from
  for (let at = object; pages.backing[at]! >= 0; at = pages.backing[at]!) {
    offset += pages.backingOffset[at]!
    const behind = pages.backing[at]!
    const length = Math.min(states.length, pages.objectSize[behind]! - offset)
    for (let i = 0; i < length; i++)
      if (states[i] === 0) {
        const state = ownState(machine, behind, offset + i)
        if (state !== 0) states[i] = state | PageState.shadowed
      }
  }
  return states
}

function ownState({ pages, pager }: Machine, object: number, page: number): number {
  const frame = pages.lookup(object, page)
  const isSwapped = pages.objectType[object] === ObjectType.swap && pager.metadata.lookup(object, page) !== NO_BLOCK
  if (frame < 0) return isSwapped ? PageState.swapped : 0
  const isDirty = pages.dirty[frame] !== 0 || pages.hardwareModified[frame] !== 0
  return PageState.resident | (isSwapped ? PageState.swapped : 0) | (isDirty ? PageState.dirty : 0)
}

function* objectsOf({ pages }: Machine): Generator<number> {
  for (let object = pages.firstObject; object >= 0; object = pages.objectNext[object]!) yield object
}

/** Pages of an object that are in swap, each with its block. */
function* blocksOf(
  { pages, pager: { metadata } }: Machine,
  object: number,
): Generator<readonly [page: number, block: number]> {
  if (pages.objectType[object] !== ObjectType.swap) return
  for (let node = metadata.nodeFrom(object, 0); node >= 0;) {
    const index = metadata.nodeIndex[node]!
    for (let place = 0; place < META_PAGES; place++) {
      const block = metadata.blocks[node * META_PAGES + place]!
      if (block !== NO_BLOCK) yield [index + place, block]
    }
    node = metadata.nodeFrom(object, index + META_PAGES)
  }
}
