/**
 * Page frames, VM objects and the pages that join them.
 *
 * A frame is an integer 0..frames-1. Its state is one row over the columns below; its 4096 bytes, where contents are
 * kept, lie at frame * 4096 in one buffer (contents.ts). A page is a frame that belongs to an object at a page index.
 * An object is an integer too; where its pages are is in a table (pageTable.ts), so neighbours in index order are found
 * from either side. Free frames are a stack threaded through `next`.
 *
 * Life of a page: allocate() takes a free frame, puts it into an object, exclusively busy and invalid -> a pager makes it
 * valid, or the fault handler fills it -> it is released onto a queue -> free() takes it out again.
 *
 * The columns carry what all three kernels' pagers need: valid and dirty masks by 512-byte sector (8 of them), an exclusive
 * and a shared busy count, wire count, FreeBSD's paging and swap marks, and a word of flags for the other kernels.
 */
import type { Columns } from '../sim/columns.ts'
import { PageTable } from './pageTable.ts'

export const PAGE_SIZE = 4096
export const SECTOR_SIZE = 512
export const SECTORS_PER_PAGE = PAGE_SIZE / SECTOR_SIZE
/** All sectors of a page valid, or dirty. FreeBSD's VM_PAGE_BITS_ALL. */
export const ALL_SECTORS = 0xff

export const Queue = { none: 0, free: 1, active: 2, inactive: 3, laundry: 4, unswappable: 5 } as const
export const QUEUES = 6

/** How a page was last sent to a queue. */
export const QueueRequest = {
  none: 0,
  activate: 1,
  deactivate: 2,
  deactivateNoReuse: 3,
  launder: 4,
  unswappable: 5,
} as const

/** Bits of `flags`: FreeBSD's PGA_SWAP_SPACE, PGA_SWAP_FREE, PGA_REFERENCED, and VPO_SWAPINPROG, VPO_SWAPSLEEP. */
export const PageFlag = {
  swapSpace: 1,
  swapFree: 2,
  referenced: 4,
  swapInProgress: 8,
  swapSleep: 16,
  noSync: 32,
  /** MADV_FREE took the page's contents away: until it is written again it may vanish. */
  mayVanish: 64,
} as const

/** A row without an object has type none; `kernel` is memory that is never paged (OBJT_PHYS). */
export const ObjectType = { none: 0, default: 1, swap: 2, file: 3, dead: 4, kernel: 5 } as const

/** Bits of an object's `flags`: OBJ_ANON, OBJ_SPLIT, OBJ_DEAD, OBJ_DISCONNECTWNT, OBJ_NOMSYNC, OBJ_ONEMAPPING. */
export const ObjectFlag = {
  anonymous: 1,
  split: 2,
  dead: 4,
  disconnectWanted: 8,
  noMsync: 16,
  oneMapping: 32,
  /** Ours: its pages were given swap blocks that nobody had written to. */
  reserved: 64,
} as const

/** Told when a page with a deferred free of its swap block leaves its object. */
export type SwapFreeHook = (frame: number) => void

export class VmPages {
  declare readonly frames: number
  /** Frame columns. */
  declare object: Int32Array
  declare pageIndex: Float64Array
  declare valid: Uint8Array
  declare dirty: Uint8Array
  declare exclusiveBusy: Uint8Array
  declare sharedBusy: Int32Array
  declare wired: Int32Array
  declare flags: Uint8Array
  /** Flags of the NetBSD and DragonFly page models. */
  declare kernelFlags: Uint16Array
  declare queue: Uint8Array
  declare queueRequest: Uint8Array
  declare activity: Uint8Array
  declare next: Int32Array
  declare previous: Int32Array
  /** What the processor's mappings have seen since the bits were last taken: referenced, modified. */
  declare hardwareReferenced: Uint8Array
  declare hardwareModified: Uint8Array
  /** Mappings: first of the chain of this frame (addressSpace.ts), -1 none. */
  declare firstMapping: Int32Array
  /** Place in the contents ledger, -1 none. */
  declare slot: Int32Array
  /** Somebody sleeps until this page is no longer busy. */
  declare wanted: Uint8Array
  /** The pages of an object in order of insertion: neighbours of this one, -1 at the ends. */
  declare listNext: Int32Array
  declare listPrevious: Int32Array
  /** Number of the insertion that put the page there: it grows along an object's list, so a place outlives the page that had it. */
  declare listOrder: Float64Array

  /** Object columns. */
  declare objectType: Uint8Array
  declare objectFlags: Uint16Array
  declare objectSize: Float64Array
  declare references: Int32Array
  declare pagingInProgress: Int32Array
  declare residentPages: Int32Array
  /** Root of the swap metadata trie; -1: none yet. */
  declare metadataRoot: Int32Array
  declare metadataNodes: Int32Array
  /** -1: no handle. */
  declare handle: Float64Array
  /** User whose credential is charged, -1: none. */
  declare chargedUser: Int32Array
  /** Bytes of swap reserved for the object. */
  declare charge: Float64Array
  declare writeMappings: Float64Array
  declare backing: Int32Array
  declare backingOffset: Float64Array
  declare shadowCount: Int32Array
  /** First of this object's places in the contents ledger, -1: none. */
  declare slotBase: Int32Array
  declare objectNext: Int32Array
  declare objectPrevious: Int32Array
  /** First and last page in order of insertion, -1: none. */
  declare firstPage: Int32Array
  declare lastPage: Int32Array

  /** Queue heads, tails and lengths by Queue. */
  declare queueHead: Int32Array
  declare queueTail: Int32Array
  declare queueLength: Int32Array

  /** [0] first object of the list, [1] last, [2] free object rows, [3] objects. */
  #objectList!: Int32Array
  /** [0] insertions so far. */
  #insertions!: Float64Array
  readonly #columns: Columns
  readonly #table: PageTable
  swapFreeHook: SwapFreeHook = () => {}
  /** A plain replacement policy keeps all pages on the active queue, in its own order: requests to move one are only noted. */
  isOneQueue = false

  /** `expected` is how many pages the objects will have together about; there may be more. */
  constructor(columns: Columns, frames: number, expected = 0) {
    this.frames = frames
    this.#columns = columns
    this.#table = new PageTable(columns, frames, 64, expected)
    for (const [name, kind] of frameColumns) columns.define(`vm.frame.${name}`, kind, frames)
    for (const [name, kind] of objectColumns) columns.define(`vm.object.${name}`, kind, 64)
    columns.define('vm.queueHead', 'i32', QUEUES).fill(-1)
    columns.define('vm.queueTail', 'i32', QUEUES).fill(-1)
    columns.define('vm.queueLength', 'i32', QUEUES)
    columns.define('vm.objectList', 'i32', 4).set([-1, -1, -1, 0])
    columns.define('vm.insertions', 'f64', 1)
    this.#rebind()
    columns.onRebind(() => this.#rebind())
    this.object.fill(-1)
    this.firstMapping.fill(-1)
    this.slot.fill(-1)
    // frame 0 is handed out first
    for (let frame = 0; frame < frames; frame++) this.#append(frame, Queue.free)
    this.#chainFreeObjects(0)
  }

  #rebind(): void {
    const c = this.#columns
    this.object = c.get('vm.frame.object', 'i32')
    this.pageIndex = c.get('vm.frame.pageIndex', 'f64')
    this.valid = c.get('vm.frame.valid', 'u8')
    this.dirty = c.get('vm.frame.dirty', 'u8')
    this.exclusiveBusy = c.get('vm.frame.exclusiveBusy', 'u8')
    this.sharedBusy = c.get('vm.frame.sharedBusy', 'i32')
    this.wired = c.get('vm.frame.wired', 'i32')
    this.flags = c.get('vm.frame.flags', 'u8')
    this.kernelFlags = c.get('vm.frame.kernelFlags', 'u16')
    this.queue = c.get('vm.frame.queue', 'u8')
    this.queueRequest = c.get('vm.frame.queueRequest', 'u8')
    this.activity = c.get('vm.frame.activity', 'u8')
    this.next = c.get('vm.frame.next', 'i32')
    this.previous = c.get('vm.frame.previous', 'i32')
    this.hardwareReferenced = c.get('vm.frame.hardwareReferenced', 'u8')
    this.hardwareModified = c.get('vm.frame.hardwareModified', 'u8')
    this.firstMapping = c.get('vm.frame.firstMapping', 'i32')
    this.slot = c.get('vm.frame.slot', 'i32')
    this.wanted = c.get('vm.frame.wanted', 'u8')
    this.listNext = c.get('vm.frame.listNext', 'i32')
    this.listPrevious = c.get('vm.frame.listPrevious', 'i32')
    this.listOrder = c.get('vm.frame.listOrder', 'f64')
    this.objectType = c.get('vm.object.type', 'u8')
    this.objectFlags = c.get('vm.object.flags', 'u16')
    this.objectSize = c.get('vm.object.size', 'f64')
    this.references = c.get('vm.object.references', 'i32')
    this.pagingInProgress = c.get('vm.object.pagingInProgress', 'i32')
    this.residentPages = c.get('vm.object.residentPages', 'i32')
    this.metadataRoot = c.get('vm.object.metadataRoot', 'i32')
    this.metadataNodes = c.get('vm.object.metadataNodes', 'i32')
    this.handle = c.get('vm.object.handle', 'f64')
    this.chargedUser = c.get('vm.object.chargedUser', 'i32')
    this.charge = c.get('vm.object.charge', 'f64')
    this.writeMappings = c.get('vm.object.writeMappings', 'f64')
    this.backing = c.get('vm.object.backing', 'i32')
    this.backingOffset = c.get('vm.object.backingOffset', 'f64')
    this.shadowCount = c.get('vm.object.shadowCount', 'i32')
    this.slotBase = c.get('vm.object.slotBase', 'i32')
    this.objectNext = c.get('vm.object.next', 'i32')
    this.objectPrevious = c.get('vm.object.previous', 'i32')
    this.firstPage = c.get('vm.object.firstPage', 'i32')
    this.lastPage = c.get('vm.object.lastPage', 'i32')
    this.queueHead = c.get('vm.queueHead', 'i32')
    this.queueTail = c.get('vm.queueTail', 'i32')
    this.queueLength = c.get('vm.queueLength', 'i32')
    this.#objectList = c.get('vm.objectList', 'i32')
    this.#insertions = c.get('vm.insertions', 'f64')
  }

  get freeCount(): number {
    return this.queueLength[Queue.free]!
  }

  // ---- objects ---------------------------------------------------------------------------------------------

  /** A new object of `size` pages with one reference. Objects are listed in the order of their creation. */
  createObject(type: number, size: number): number {
    const list = this.#objectList
    if (list[2]! < 0) this.#growObjects()
    const object = this.#objectList[2]!
    this.#objectList[2] = this.objectNext[object]!
    this.#table.begin(object, size)
    this.objectType[object] = type
    this.objectFlags[object] = 0
    this.objectSize[object] = size
    this.references[object] = 1
    this.pagingInProgress[object] = 0
    this.residentPages[object] = 0
    this.metadataRoot[object] = 0
    this.metadataNodes[object] = 0
    this.handle[object] = -1
    this.chargedUser[object] = -1
    this.charge[object] = 0
    this.writeMappings[object] = 0
    this.backing[object] = -1
    this.backingOffset[object] = 0
    this.shadowCount[object] = 0
    this.slotBase[object] = -1
    this.firstPage[object] = -1
    this.lastPage[object] = -1
    const last = this.#objectList[1]!
    this.objectPrevious[object] = last
    this.objectNext[object] = -1
    if (last < 0) this.#objectList[0] = object
    else this.objectNext[last] = object
    this.#objectList[1] = object
    this.#objectList[3]! += 1
    return object
  }

  /** Takes an object without pages off the list; its number is used again. */
  destroyObject(object: number): void {
    if (this.residentPages[object] !== 0) throw new Error(`object ${object} still has pages`)
    const before = this.objectPrevious[object]!
    const after = this.objectNext[object]!
    if (before < 0) this.#objectList[0] = after
    else this.objectNext[before] = after
    if (after < 0) this.#objectList[1] = before
    else this.objectPrevious[after] = before
    this.#table.end(object)
    this.objectType[object] = ObjectType.none
    this.objectNext[object] = this.#objectList[2]!
    this.#objectList[2] = object
    this.#objectList[3]! -= 1
  }

  /** First object in order of creation, -1 if there is none; go on with `objectNext`. */
  get firstObject(): number {
    return this.#objectList[0]!
  }

  get objectCount(): number {
    return this.#objectList[3]!
  }

  #growObjects(): void {
    const old = this.objectType.length
    for (const [name, kind] of objectColumns) this.#columns.resize(`vm.object.${name}`, kind, old * 2)
    this.#table.growObjects(old * 2)
    this.#rebind()
    this.#chainFreeObjects(old)
  }

  #chainFreeObjects(from: number): void {
    for (let object = this.objectType.length - 1; object >= from; object--) {
      this.objectNext[object] = this.#objectList[2]!
      this.#objectList[2] = object
    }
  }

  // ---- pages -----------------------------------------------------------------------------------------------

  /** The frame of a page, or -1. */
  lookup(object: number, pageIndex: number): number {
    return this.#table.lookup(object, pageIndex)
  }

  /** The resident page at the least index from `pageIndex` to `last`, or -1. */
  lookupFrom(object: number, pageIndex: number, last = Number.MAX_SAFE_INTEGER): number {
    return this.#table.lookupFrom(object, pageIndex, last)
  }

  /** The resident page at the greatest index from `pageIndex` down to `first`, or -1. */
  lookupUpTo(object: number, pageIndex: number, first = 0): number {
    return this.#table.lookupUpTo(object, pageIndex, first)
  }

  /** Takes a free frame for a page: exclusively busy, invalid, clean, on no queue. -1 if no frame is free. */
  allocate(object: number, pageIndex: number): number {
    const frame = this.queueHead[Queue.free]!
    if (frame < 0) return -1
    this.removeFromQueue(frame)
    this.valid[frame] = 0
    this.dirty[frame] = 0
    this.exclusiveBusy[frame] = 1
    this.flags[frame] = 0
    this.kernelFlags[frame] = 0
    this.queueRequest[frame] = QueueRequest.none
    this.activity[frame] = 5 // ACT_INIT
    this.hardwareReferenced[frame] = 0
    this.hardwareModified[frame] = 0
    this.#insert(frame, object, pageIndex)
    return frame
  }

  #insert(frame: number, object: number, pageIndex: number): void {
    this.object[frame] = object
    this.pageIndex[frame] = pageIndex
    this.#table.insert(object, pageIndex, frame)
    this.residentPages[object]! += 1
    const base = this.slotBase[object]!
    this.slot[frame] = base < 0 ? -1 : base + pageIndex
    const last = this.lastPage[object]!
    this.listPrevious[frame] = last
    this.listNext[frame] = -1
    if (last < 0) this.firstPage[object] = frame
    else this.listNext[last] = frame
    this.lastPage[object] = frame
    this.listOrder[frame] = this.#insertions[0]!
    this.#insertions[0]! += 1
  }

  /** The `listOrder` that the next page to be inserted anywhere will have. */
  get nextListOrder(): number {
    return this.#insertions[0]!
  }

  /** Takes a page out of its object. FreeBSD's vm_page_object_remove: a deferred free of its swap block is done now. */
  removeFromObject(frame: number): void {
    if ((this.flags[frame]! & PageFlag.swapFree) !== 0) this.swapFreeHook(frame)
    const object = this.object[frame]!
    this.#table.remove(object, this.pageIndex[frame]!)
    this.residentPages[object]! -= 1
    const before = this.listPrevious[frame]!
    const after = this.listNext[frame]!
    if (before < 0) this.firstPage[object] = after
    else this.listNext[before] = after
    if (after < 0) this.lastPage[object] = before
    else this.listPrevious[after] = before
    this.object[frame] = -1
    this.slot[frame] = -1
  }

  /** Takes a page out of its object and its frame back to the free ones. It must not be mapped. */
  free(frame: number): void {
    this.removeFromObject(frame)
    this.removeFromQueue(frame)
    this.valid[frame] = 0
    this.dirty[frame] = 0
    this.exclusiveBusy[frame] = 0
    this.sharedBusy[frame] = 0
    this.flags[frame] = 0
    this.queueRequest[frame] = QueueRequest.none
    this.#giveBack(frame)
  }

  /** Moves a page to another object and index: FreeBSD's vm_page_rename. Its contents' identity goes with it. */
  rename(frame: number, object: number, pageIndex: number): void {
    this.removeFromObject(frame)
    this.#insert(frame, object, pageIndex)
    this.flags[frame]! &= ~PageFlag.swapSpace
  }

  isBusy(frame: number): boolean {
    return this.exclusiveBusy[frame] !== 0 || this.sharedBusy[frame] !== 0
  }

  // ---- queues ----------------------------------------------------------------------------------------------

  removeFromQueue(frame: number): void {
    const queue = this.queue[frame]!
    if (queue === Queue.none) return
    const before = this.previous[frame]!
    const after = this.next[frame]!
    if (before < 0) this.queueHead[queue] = after
    else this.next[before] = after
    if (after < 0) this.queueTail[queue] = before
    else this.previous[after] = before
    this.queueLength[queue]! -= 1
    this.queue[frame] = Queue.none
  }

  #append(frame: number, queue: number): void {
    const last = this.queueTail[queue]!
    this.previous[frame] = last
    this.next[frame] = -1
    if (last < 0) this.queueHead[queue] = frame
    else this.next[last] = frame
    this.queueTail[queue] = frame
    this.queueLength[queue]! += 1
    this.queue[frame] = queue
  }

  #prepend(frame: number, queue: number): void {
    const first = this.queueHead[queue]!
    this.next[frame] = first
    this.previous[frame] = -1
    if (first < 0) this.queueTail[queue] = frame
    else this.previous[first] = frame
    this.queueHead[queue] = frame
    this.queueLength[queue]! += 1
    this.queue[frame] = queue
  }

  /**
   * To the head of the free frames, or, as kernels join free memory, behind the frame that lies before it in memory: what was freed in
   * order is taken in order, and a row of pages is one piece of memory for the host too.
   */
  #giveBack(frame: number): void {
    if (frame === 0 || this.queue[frame - 1] !== Queue.free) return this.#prepend(frame, Queue.free)
    const after = this.next[frame - 1]!
    this.previous[frame] = frame - 1
    this.next[frame] = after
    this.next[frame - 1] = frame
    if (after < 0) this.queueTail[Queue.free] = frame
    else this.previous[after] = frame
    this.queueLength[Queue.free]! += 1
    this.queue[frame] = Queue.free
  }

  /** Moves a page to the tail of a queue. */
  enqueue(frame: number, queue: number): void {
    this.removeFromQueue(frame)
    if (this.wired[frame] === 0 || this.isOneQueue) this.#append(frame, queue)
  }

  #keep(frame: number): void {
    if (this.queue[frame] === Queue.none) this.enqueue(frame, Queue.active)
  }

  /** FreeBSD's vm_page_activate: raises the activity count to its initial value at least. */
  activate(frame: number): void {
    this.queueRequest[frame] = QueueRequest.activate
    if (this.isOneQueue) return this.#keep(frame)
    if (this.activity[frame]! < 5) this.activity[frame] = 5
    if (this.queue[frame] !== Queue.active) this.enqueue(frame, Queue.active)
  }

  /** FreeBSD's vm_page_deactivate: to the tail of the inactive queue, unless it is there. */
  deactivate(frame: number): void {
    this.queueRequest[frame] = QueueRequest.deactivate
    if (this.isOneQueue) return this.#keep(frame)
    if (this.queue[frame] !== Queue.inactive) this.enqueue(frame, Queue.inactive)
  }

  /** FreeBSD's vm_page_deactivate_noreuse: to the head of the inactive queue, where the daemon looks first. */
  deactivateNoReuse(frame: number): void {
    this.queueRequest[frame] = QueueRequest.deactivateNoReuse
    if (this.isOneQueue) return this.#keep(frame)
    this.removeFromQueue(frame)
    if (this.wired[frame] === 0) this.#prepend(frame, Queue.inactive)
  }

  /** FreeBSD's vm_page_launder. */
  launder(frame: number): void {
    this.queueRequest[frame] = QueueRequest.launder
    if (this.isOneQueue) return this.#keep(frame)
    if (this.queue[frame] !== Queue.laundry) this.enqueue(frame, Queue.laundry)
  }

  /** FreeBSD's vm_page_unswappable: kept apart until a device is swapped on. */
  unswappable(frame: number): void {
    this.queueRequest[frame] = QueueRequest.unswappable
    if (this.isOneQueue) return this.#keep(frame)
    if (this.queue[frame] !== Queue.unswappable) this.enqueue(frame, Queue.unswappable)
  }
}

const frameColumns = [
  ['object', 'i32'],
  ['pageIndex', 'f64'],
  ['valid', 'u8'],
  ['dirty', 'u8'],
  ['exclusiveBusy', 'u8'],
  ['sharedBusy', 'i32'],
  ['wired', 'i32'],
  ['flags', 'u8'],
  ['kernelFlags', 'u16'],
  ['queue', 'u8'],
  ['queueRequest', 'u8'],
  ['activity', 'u8'],
  ['next', 'i32'],
  ['previous', 'i32'],
  ['hardwareReferenced', 'u8'],
  ['hardwareModified', 'u8'],
  ['firstMapping', 'i32'],
  ['slot', 'i32'],
  ['wanted', 'u8'],
  ['listNext', 'i32'],
  ['listPrevious', 'i32'],
  ['listOrder', 'f64'],
] as const

const objectColumns = [
  ['type', 'u8'],
  ['flags', 'u16'],
  ['size', 'f64'],
  ['references', 'i32'],
  ['pagingInProgress', 'i32'],
  ['residentPages', 'i32'],
  ['metadataRoot', 'i32'],
  ['metadataNodes', 'i32'],
  ['handle', 'f64'],
  ['chargedUser', 'i32'],
  ['charge', 'f64'],
  ['writeMappings', 'f64'],
  ['backing', 'i32'],
  ['backingOffset', 'f64'],
  ['shadowCount', 'i32'],
  ['slotBase', 'i32'],
  ['firstPage', 'i32'],
  ['lastPage', 'i32'],
  ['next', 'i32'],
  ['previous', 'i32'],
] as const
