/**
 * The swap pager: pages of anonymous memory to and from swap devices.
 *
 * What it owns: the device table (devices.ts), the metadata that says which block backs which page (metadata.ts), reservation
 * (reservation.ts), the buffers of requests on their way, and the operations that may have to wait. What it calls: the pages (vm/pages.ts)
 * and a host, which is the rest of the kernel: it starts device requests, gives out pages, prints messages, runs out of memory.
 *
 * Nothing here blocks. A read is started by getPages() and is over when the first page's swap-in-progress mark is gone;
 * finishGetPages() then tells how it went. A pageout is an operation (beginPutPages, continuePutPages) that stops where the kernel
 * would sleep and is continued when the host says so. Swapoff is a generator that yields what it waits for.
 *
 * Source: FreeBSD swap_pager.c (2020); each method names its routine.
 */
import type { Columns } from '../sim/columns.ts'
import { KernelStop } from '../sim/kernelStop.ts'
import { ALL_SECTORS, ObjectFlag, ObjectType, PageFlag, type VmPages } from '../vm/pages.ts'
import { CLOSING, DeviceKind, SwapDevices, type SwapMessageId } from './devices.ts'
import { swapDefectNames, type SwapDefect } from './defects.ts'
import { META_PAGES, NODE_BYTES, NO_BLOCK, PLACE, rowOf, SwapMetadata } from './metadata.ts'
import { SwapReservation, type ReservationHost } from './reservation.ts'
import { blockListFactory, type PagerVariant, type SwapRead } from './variant.ts'

/** Nodes of an object after which a swapoff offers a turn. */
const NODES_PER_TURN = 64

/** What getpages and putpages answer, per call or per page. */
export const PagerResult = { ok: 0, bad: 1, fail: 2, pend: 3, error: 4, again: 5 } as const

export const Errno = {
  ENOENT: 2,
  EIO: 5,
  ENXIO: 6,
  ENOMEM: 12,
  ENOTBLK: 15,
  EBUSY: 16,
  ENODEV: 19,
  EINVAL: 22,
} as const

/** What a stopped operation waits for. */
export const Wait = { none: 0, asyncToken: 1, writeBuffer: 2, metadata: 3, io: 4 } as const

/** What swapoff waits for. */
export type SwapoffWait =
  | { on: 'page'; object: number; frame: number }
  | { on: 'paging'; object: number }
  | { on: 'memory' }
  | { on: 'busy'; frame: number }
  | { on: 'read'; frame: number }
  | { on: 'pause'; pass: number; blocksLeft: number }
  /** Nothing: a place where its host may do something else. */
  | { on: 'turn' }

/** Most pages of a read: 31 either way and the page itself. */
const MAX_READ_PAGES = 63
/** Buffer rows are this wide. */
const BUFFER_WIDTH = 64
/** As many nodes as the trie's references can tell apart. */
const METADATA_NODES_MAX = 67_108_864
/** Result of #build when it would have to wait. */
const MUST_WAIT = -2
/** SWB_NPAGES: how far haspage looks either way, plus one. */
const CLUSTER = 32

export interface SwapPagerHost extends ReservationHost {
  /** vm_page_alloc(VM_ALLOC_NORMAL): a page, exclusively busy and invalid, or -1. */
  allocatePage(object: number, pageIndex: number): number
  freePages(): number
  /** Starts a request at a device; the host calls `requestDone` when it is over, from within this call if it likes. */
  startRequest(buffer: number): void
  /** Whether what runs now is the page daemon. */
  isPageDaemon(): boolean
  outOfMemory(reason: 'swap-metadata'): void
  /** Told where the kernel would wait for a metadata zone. Answers whether the wait is over already; if not the operation stops. */
  waitForMetadata(exhausted: boolean): boolean
  /** A page that somebody sleeps on (VPO_SWAPSLEEP) is no longer in progress. */
  wakePage(object: number): void
  /** An asynchronous write token came free, from none. */
  wakeAsyncToken(): void
  /** The shared or exclusive busy state of a page was let go. */
  wakeBusy(frame: number): void
  /** Blocks of an object or a range of it went back to the bitmap. */
  blocksFreed?(block: number, count: number): void
  message(id: SwapMessageId | PagerMessageId, a: number, b: number, c?: number): void
  /** A known defect of the source took effect. */
  defect?(name: SwapDefect): void
  /** swapon and swapoff events. */
  deviceChanged(unit: number, attached: boolean): void
}

export type PagerMessageId =
  | 'swap-pagein-error'
  | 'swap-pageout-error'
  | 'swap-no-bio'
  | 'swap-zone-exhausted'
  | 'swap-zone-ok'
  | 'swap-trie-exhausted'
  | 'swap-trie-ok'
  | 'swap-indefinite-wait'
  | 'swap-off-skipped'
  | 'swap-zone-changed'

/** Constants and thresholds, under their kernel names in the experiment. */
export interface SwapPagerOptions {
  /** v_page_count: sizes the metadata zones where maxZoneBytes is 0. */
  pageCount: number
  /** kern.maxswzone */
  maxZoneBytes: number
  /** nswbuf */
  bufferCount: number
  /** vm.swap_async_max at the start. */
  asyncMax: number
  /** nsw_cluster_max, pages: the most of one write. */
  clusterMax: number
  lowWater: number
  highWater: number
  /** Write buffers at a time, nswbuf / 4 on a machine; more wait. */
  writeBuffers: number
  /** Metadata nodes the zone has room for, where that is not what its size says. */
  metadataNodes?: number
  /** Defects of the source that are repaired. */
  repaired?: readonly SwapDefect[]
  /** Decides where blocks are looked for and what is read around a page. */
  variant?: PagerVariant | undefined
}

const T = {
  asyncFree: 0,
  asyncMax: 1,
  swapins: 2,
  pagesIn: 3,
  swapouts: 4,
  pagesOut: 5,
  freeDeferred: 6,
  freeCompleted: 7,
  zoneExhausted: 8,
  trieExhausted: 9,
  freeBuffer: 10,
  writeBuffersInUse: 11,
  bufferWaits: 12,
  bioFailures: 13,
  freeOperation: 14,
  readBuffersInUse: 15,
} as const

export class SwapPager {
  declare readonly devices: SwapDevices
  declare readonly metadata: SwapMetadata
  declare readonly reservation: SwapReservation
  readonly #columns: Columns
  readonly #pages: VmPages
  readonly #host: SwapPagerHost
  readonly #options: SwapPagerOptions
  #totals: Float64Array
  /** A variant's decision; null: the window is the caller's. */
  readonly #repairs: Readonly<Record<SwapDefect, boolean>>
  readonly #readWindow: PagerVariant['readWindow'] | null
  readonly #read: SwapRead = { pageIndex: 0, pages: 0, behind: 0, ahead: 0, blocksBefore: 0, blocksAfter: 0 }

  /** Requests: write or read, asynchronous, first global block, pages, read-behind, read-ahead, slot of the device, errno, object. */
  declare bufferIsWrite: Uint8Array
  declare bufferIsAsync: Uint8Array
  declare bufferBlock: Float64Array
  declare bufferPages: Int32Array
  declare bufferBehind: Int32Array
  declare bufferAhead: Int32Array
  declare bufferSlot: Int32Array
  declare bufferErrno: Int32Array
  declare bufferObject: Int32Array
  /** The operation that waits for a synchronous write, -1 none. */
  declare bufferOperation: Int32Array
  declare bufferFrames: Int32Array
  #bufferNext: Int32Array

  /** Pageout operations. */
  declare operationObject: Int32Array
  declare operationCount: Int32Array
  declare operationAsync: Uint8Array
  declare operationWait: Uint8Array
  #operationAt: Int32Array
  #operationRun: Int32Array
  #operationPlace: Int32Array
  #operationBlock: Float64Array
  #operationFreeStart: Float64Array
  #operationFreeCount: Float64Array
  #operationNext: Int32Array
  #operationFrames: Int32Array
  #operationResults: Uint8Array
  #operationWidth = 64

  /** Pages got beyond those asked for by the last getPages(). */
  readBehind = 0
  readAhead = 0
  /** The request of the last getPages(). */
  lastBuffer = -1

  constructor(columns: Columns, pages: VmPages, host: SwapPagerHost, options: SwapPagerOptions) {
    this.#columns = columns
    this.#pages = pages
    this.#host = host
    this.#options = options
    this.#repairs = repairsOf(options.repaired ?? [])
    this.devices = new SwapDevices(columns, host, options.lowWater, options.highWater, this.#repairs)
    const nodes =
      options.maxZoneBytes !== 0 ? Math.floor(options.maxZoneBytes / NODE_BYTES) : Math.floor(options.pageCount / 2)
    this.metadata = new SwapMetadata(columns, pages, Math.min(options.metadataNodes ?? nodes, METADATA_NODES_MAX))
    this.reservation = new SwapReservation(columns, host, this.#repairs['limit-units'])
    this.devices.maximumPages = nodes * META_PAGES
    const makeBlockList = blockListFactory(options.variant)
    if (makeBlockList) this.devices.makeBlockList = makeBlockList
    this.#readWindow = options.variant?.readWindow ?? null
    this.#totals = columns.define('swap.pager', 'f64', 16)
    this.#totals[T.asyncFree] = options.asyncMax
    this.#totals[T.asyncMax] = options.asyncMax
    this.#totals[T.freeBuffer] = -1
    this.#totals[T.freeOperation] = -1
    const buffers = 32
    this.bufferIsWrite = columns.define('swap.buffer.isWrite', 'u8', buffers)
    this.bufferIsAsync = columns.define('swap.buffer.isAsync', 'u8', buffers)
    this.bufferBlock = columns.define('swap.buffer.block', 'f64', buffers)
    this.bufferPages = columns.define('swap.buffer.pages', 'i32', buffers)
    this.bufferBehind = columns.define('swap.buffer.behind', 'i32', buffers)
    this.bufferAhead = columns.define('swap.buffer.ahead', 'i32', buffers)
    this.bufferSlot = columns.define('swap.buffer.slot', 'i32', buffers)
    this.bufferErrno = columns.define('swap.buffer.errno', 'i32', buffers)
    this.bufferObject = columns.define('swap.buffer.object', 'i32', buffers)
    this.bufferOperation = columns.define('swap.buffer.operation', 'i32', buffers)
    this.bufferFrames = columns.define('swap.buffer.frames', 'i32', buffers * BUFFER_WIDTH)
    this.#bufferNext = columns.define('swap.buffer.next', 'i32', buffers)
    const operations = 8
    this.operationObject = columns.define('swap.operation.object', 'i32', operations)
    this.operationCount = columns.define('swap.operation.count', 'i32', operations)
    this.operationAsync = columns.define('swap.operation.async', 'u8', operations)
    this.operationWait = columns.define('swap.operation.wait', 'u8', operations)
    this.#operationAt = columns.define('swap.operation.at', 'i32', operations)
    this.#operationRun = columns.define('swap.operation.run', 'i32', operations)
    this.#operationPlace = columns.define('swap.operation.place', 'i32', operations)
    this.#operationBlock = columns.define('swap.operation.block', 'f64', operations)
    this.#operationFreeStart = columns.define('swap.operation.freeStart', 'f64', operations)
    this.#operationFreeCount = columns.define('swap.operation.freeCount', 'f64', operations)
    this.#operationNext = columns.define('swap.operation.next', 'i32', operations)
    this.#operationFrames = columns.define('swap.operation.frames', 'i32', operations * this.#operationWidth)
    this.#operationResults = columns.define('swap.operation.results', 'u8', operations * this.#operationWidth)
    this.#chainBuffers(0)
    this.#chainOperations(0)
    columns.onRebind(() => this.#rebind())
    pages.swapFreeHook = (frame) => {
      if (pages.objectType[pages.object[frame]!] === ObjectType.swap) this.unswapped(frame, true)
    }
  }

  #rebind(): void {
    const c = this.#columns
    this.#totals = c.get('swap.pager', 'f64')
    this.bufferIsWrite = c.get('swap.buffer.isWrite', 'u8')
    this.bufferIsAsync = c.get('swap.buffer.isAsync', 'u8')
    this.bufferBlock = c.get('swap.buffer.block', 'f64')
    this.bufferPages = c.get('swap.buffer.pages', 'i32')
    this.bufferBehind = c.get('swap.buffer.behind', 'i32')
    this.bufferAhead = c.get('swap.buffer.ahead', 'i32')
    this.bufferSlot = c.get('swap.buffer.slot', 'i32')
    this.bufferErrno = c.get('swap.buffer.errno', 'i32')
    this.bufferObject = c.get('swap.buffer.object', 'i32')
    this.bufferOperation = c.get('swap.buffer.operation', 'i32')
    this.bufferFrames = c.get('swap.buffer.frames', 'i32')
    this.#bufferNext = c.get('swap.buffer.next', 'i32')
    this.operationObject = c.get('swap.operation.object', 'i32')
    this.operationCount = c.get('swap.operation.count', 'i32')
    this.operationAsync = c.get('swap.operation.async', 'u8')
    this.operationWait = c.get('swap.operation.wait', 'u8')
    this.#operationAt = c.get('swap.operation.at', 'i32')
    this.#operationRun = c.get('swap.operation.run', 'i32')
    this.#operationPlace = c.get('swap.operation.place', 'i32')
    this.#operationBlock = c.get('swap.operation.block', 'f64')
    this.#operationFreeStart = c.get('swap.operation.freeStart', 'f64')
    this.#operationFreeCount = c.get('swap.operation.freeCount', 'f64')
    this.#operationNext = c.get('swap.operation.next', 'i32')
    this.#operationFrames = c.get('swap.operation.frames', 'i32')
    this.#operationResults = c.get('swap.operation.results', 'u8')
    this.#operationWidth = this.#operationFrames.length / this.operationObject.length
  }

  // ---- counters --------------------------------------------------------------------------------------------

  get asyncFree(): number {
    return this.#totals[T.asyncFree]!
  }
  get asyncMax(): number {
    return this.#totals[T.asyncMax]!
  }
  /** v_swapin, v_swappgsin, v_swapout, v_swappgsout */
  get swapins(): number {
    return this.#totals[T.swapins]!
  }
  get pagesIn(): number {
    return this.#totals[T.pagesIn]!
  }
  get swapouts(): number {
    return this.#totals[T.swapouts]!
  }
  get pagesOut(): number {
    return this.#totals[T.pagesOut]!
  }
  /** vm.stats.swap.free_deferred, free_completed */
  get freeDeferred(): number {
    return this.#totals[T.freeDeferred]!
  }
  get freeCompleted(): number {
    return this.#totals[T.freeCompleted]!
  }
  /** nsw_cluster_max, which sysctl calls vm.dmmax. */
  get clusterMax(): number {
    return this.#options.clusterMax
  }
  /** Waits for a buffer to write or read with. */
  get bufferWaits(): number {
    return this.#totals[T.bufferWaits]!
  }

  /** Whether a read would have to wait for a buffer (nswbuf / 2 of them): then it is counted, and the caller waits. */
  mustWaitToRead(): boolean {
    if (this.#totals[T.readBuffersInUse]! < this.#options.bufferCount / 2) return false
    this.#totals[T.bufferWaits]! += 1
    return true
  }

  /** Makes the next `count` asynchronous bio allocations fail. */
  injectBioFailures(count: number): void {
    this.#totals[T.bioFailures] = count
  }

  // ---- objects ---------------------------------------------------------------------------------------------

  /**
   * A swap object of `size` bytes behind an offset; -1 if its reservation is refused. `handle` names it (-1: nameless): a
   * live object of that name is given another reference instead, whatever its size. FreeBSD's swap_pager_alloc.
   */
  createObject(handle: number, size: number, offset: number, user: number): number {
    const pages = this.#pages
    if (handle >= 0) {
      for (let object = pages.firstObject; object >= 0; object = pages.objectNext[object]!)
        if (
          pages.handle[object] === handle &&
          pages.objectType[object] === ObjectType.swap &&
          (pages.objectFlags[object]! & ObjectFlag.dead) === 0
        ) {
          pages.references[object]! += 1
          return object
        }
    }
    if (user >= 0 && !this.reservation.reserve(size, user)) return -1
    const object = pages.createObject(ObjectType.swap, Math.floor((offset + 4095 + size) / 4096))
    pages.handle[object] = handle
    if (user >= 0) {
      pages.chargedUser[object] = user
      pages.charge[object] = size
    }
    return object
  }

  /** Ends an object's swap: its metadata and blocks. Paging on it must be over. FreeBSD's swap_pager_dealloc. */
  destroyObject(object: number): void {
    this.#pages.handle[object] = -1
    this.#freeAllMetadata(object)
    this.#pages.objectType[object] = ObjectType.dead
  }

  /** swap_pager_update_writecount, swap_pager_release_writecount */
  updateWriteCount(object: number, start: number, end: number): void {
    this.#pages.writeMappings[object]! += end - start
  }
  releaseWriteCount(object: number, start: number, end: number): void {
    this.#pages.writeMappings[object]! -= end - start
  }

  // ---- metadata --------------------------------------------------------------------------------------------

  /** Free-range state of freeing in runs: [start, count] of the run pending. */
  #freeStart = NO_BLOCK
  #freeCount = 0

  #freeBlocks(block: number, count: number): void {
    if (count === 0) return
    this.devices.free(block, count)
    this.#host.blocksFreed?.(block, count)
  }

  #addToFreeRange(block: number): void {
    if (this.#freeStart + this.#freeCount === block) this.#freeCount += 1
    else {
      this.#freeBlocks(this.#freeStart, this.#freeCount)
      this.#freeStart = block
      this.#freeCount = 1
    }
  }

  #endFreeRange(): void {
    this.#freeBlocks(this.#freeStart, this.#freeCount)
    this.#freeStart = NO_BLOCK
    this.#freeCount = 0
  }

  /** Makes an object a swap object. The first half of swp_pager_meta_build. */
  #convert(object: number): void {
    const pages = this.#pages
    if (pages.objectType[object] === ObjectType.swap) return
    pages.objectType[object] = ObjectType.swap
    pages.metadataRoot[object] = 0
    pages.metadataNodes[object] = 0
    pages.writeMappings[object] = 0
  }

  /**
   * Enters a block for a page; the block that was there before, NO_BLOCK, or MUST_WAIT where a zone gives nothing and
   * the host does not wait. FreeBSD's swp_pager_meta_build.
   */
  #build(object: number, pageIndex: number, block: number): number {
    const metadata = this.metadata
    const totals = this.#totals
    this.#convert(object)
    let node = metadata.node(object, pageIndex)
    if (node < 0) {
      if (block === NO_BLOCK) return NO_BLOCK
      for (;;) {
        node = metadata.allocateNode(pageIndex)
        if (node >= 0) {
          if (totals[T.zoneExhausted] !== 0) {
            totals[T.zoneExhausted] = 0
            this.#host.message('swap-zone-ok', 0, 0)
          }
          break
        }
        const exhausted = metadata.exhausted
        if (exhausted) {
          if (totals[T.zoneExhausted] === 0) {
            totals[T.zoneExhausted] = 1
            this.#host.message('swap-zone-exhausted', 0, 0)
          }
          this.#host.outOfMemory('swap-metadata')
        }
        if (!this.#host.waitForMetadata(exhausted)) return MUST_WAIT
        const other = metadata.node(object, pageIndex)
        if (other >= 0) return this.#enter(object, other, pageIndex, block)
      }
      while (!metadata.insertNode(object, node)) {
        const exhausted = metadata.trieExhausted
        if (exhausted) {
          if (totals[T.trieExhausted] === 0) {
            totals[T.trieExhausted] = 1
            this.#host.message('swap-trie-exhausted', 0, 0)
          }
          this.#host.outOfMemory('swap-metadata')
        }
        const over = this.#host.waitForMetadata(exhausted)
        const other = metadata.node(object, pageIndex)
        if (!over || other >= 0) metadata.releaseNode(node)
        if (!over) return MUST_WAIT
        if (other >= 0) return this.#enter(object, other, pageIndex, block)
      }
      if (totals[T.trieExhausted] !== 0) {
        totals[T.trieExhausted] = 0
        this.#host.message('swap-trie-ok', 0, 0)
      }
    }
    return this.#enter(object, node, pageIndex, block)
  }

  #enter(object: number, node: number, pageIndex: number, block: number): number {
    const place = rowOf(node, pageIndex)
    const before = this.metadata.blocks[place]!
    this.metadata.blocks[place] = block
    if (block === NO_BLOCK) this.metadata.removeIfEmpty(object, node)
    return before
  }

  /**
   * Frees the blocks of a range of pages of `source`, or hands them to `destination` (-1: none), whose own blocks win.
   * FreeBSD's swp_pager_meta_transfer.
   */
  #transfer(source: number, destination: number, from: number, count: number): void {
    const metadata = this.metadata
    const pages = this.#pages
    if (pages.objectType[source] !== ObjectType.swap || count === 0) return
    const last = from + count
    let pageIndex = from
    for (;;) {
      const node = metadata.nodeFrom(source, pageIndex - (pageIndex & PLACE))
      if (node < 0) break
      const first = metadata.nodeIndex[node]!
      if (first >= last) break
      const start = pageIndex > first ? pageIndex - first : 0
      const limit = last - first < META_PAGES ? last - first : META_PAGES
      for (let i = start; i < limit; i++) {
        const block = metadata.blocks[node * META_PAGES + i]!
        if (block === NO_BLOCK) continue
        if (destination < 0 || !this.#handOver(destination, first + i - from, block)) this.#addToFreeRange(block)
        metadata.blocks[node * META_PAGES + i] = NO_BLOCK
      }
      pageIndex = first + META_PAGES
      if (metadata.isEmpty(node, 0, start) && metadata.isEmpty(node, limit, META_PAGES))
        metadata.removeNode(source, node)
    }
    this.#endFreeRange()
  }

  #handOver(destination: number, pageIndex: number, block: number): boolean {
    if (
      this.#pages.objectType[destination] === ObjectType.swap &&
      this.metadata.lookup(destination, pageIndex) !== NO_BLOCK
    )
      return false
    if (this.#build(destination, pageIndex, block) === MUST_WAIT)
      throw new KernelStop(
        'kernel-panic',
        'swap_pager_copy',
        'the metadata zone is exhausted while blocks change hands',
      )
    return true
  }

  #freeAllMetadata(object: number): void {
    const metadata = this.metadata
    if (this.#pages.objectType[object] !== ObjectType.swap) return
    for (let pageIndex = 0; ;) {
      const node = metadata.nodeFrom(object, pageIndex)
      if (node < 0) break
      pageIndex = metadata.nodeIndex[node]! + META_PAGES
      for (let i = node * META_PAGES; i < (node + 1) * META_PAGES; i++)
        if (metadata.blocks[i] !== NO_BLOCK) this.#addToFreeRange(metadata.blocks[i]!)
      metadata.removeNode(object, node)
    }
    this.#endFreeRange()
  }

  /** Frees the blocks of a range of pages. FreeBSD's swap_pager_freespace. */
  freeSpace(object: number, start: number, count: number): void {
    this.#transfer(object, -1, start, count)
  }

  /**
   * Gives each page of a range a fresh block; false if there are not enough: the range has none then, and replaced blocks
   * that were not yet freed are lost, as in the source. FreeBSD's swap_pager_reserve.
   */
  reserveSpace(object: number, start: number, count: number): boolean {
    for (let i = 0; i < count;) {
      const block = this.devices.allocate(count - i)
      if (block === NO_BLOCK) {
        if (this.#repairs['reserve-leak']) this.#endFreeRange()
        else if (this.#freeCount > 0) this.#host.defect?.('reserve-leak')
        // the pending run is dropped, not freed: the source loses it
        this.#freeStart = NO_BLOCK
        this.#freeCount = 0
        this.#transfer(object, -1, start, i)
        return false
      }
      const got = this.devices.allocated
      for (let j = 0; j < got; j++) {
        const before = this.#build(object, start + i + j, block + j)
        if (before === MUST_WAIT)
          throw new KernelStop('kernel-panic', 'swap_pager_reserve', 'the metadata zone is exhausted')
        if (before !== NO_BLOCK) this.#addToFreeRange(before)
      }
      i += got
    }
    this.#endFreeRange()
    return true
  }

  /** Moves the blocks of `source` from page `offset` on to `destination`, whose own blocks win. FreeBSD's swap_pager_copy. */
  copy(source: number, destination: number, offset: number, destroySource: boolean): void {
    const pages = this.#pages
    if (destroySource) pages.handle[source] = -1
    this.#transfer(source, destination, offset, pages.objectSize[destination]!)
    if (destroySource) {
      this.#freeAllMetadata(source)
      pages.objectType[source] = ObjectType.default
    }
  }

  /** The least page index >= `pageIndex` with a block; the object's size if there is none. FreeBSD's swap_pager_find_least. */
  findLeast(object: number, pageIndex: number): number {
    const metadata = this.metadata
    if (this.#pages.objectType[object] !== ObjectType.swap) return this.#pages.objectSize[object]!
    let node = metadata.nodeFrom(object, pageIndex - (pageIndex & PLACE))
    while (node >= 0) {
      const first = metadata.nodeIndex[node]!
      for (let i = first < pageIndex ? pageIndex - first : 0; i < META_PAGES; i++)
        if (metadata.blocks[node * META_PAGES + i] !== NO_BLOCK) return first + i
      node = metadata.nodeFrom(object, first + META_PAGES)
    }
    return this.#pages.objectSize[object]!
  }

  /**
   * Blocks of an object's pages `start`..`start + count` - 1, as the kernel counts a map entry's: nodes are looked for from the unrounded start, so blocks in a
   * node that begins before it are missed. The inner loop of vmspace_swap_count.
   */
  countBlocks(object: number, start: number, count: number): number {
    const metadata = this.metadata
    if (this.#pages.objectType[object] !== ObjectType.swap) return 0
    const repairs = this.#repairs['swap-count-start']
    if (!repairs && this.#missesBlocks(object, start, count)) this.#host.defect?.('swap-count-start')
    let sum = 0
    for (let pageIndex = repairs ? start - (start & PLACE) : start; ;) {
      const node = metadata.nodeFrom(object, pageIndex)
      if (node < 0) break
      const first = metadata.nodeIndex[node]!
      if (first >= start + count) break
      for (let i = 0; i < META_PAGES; i++)
        if (
          first + i < start + count &&
          (!repairs || first + i >= start) &&
          metadata.blocks[node * META_PAGES + i] !== NO_BLOCK
        )
          sum += 1
      pageIndex = first + META_PAGES
    }
    return sum
  }

  /** Whether the node that holds page `start` begins before it and has blocks from there on. */
  #missesBlocks(object: number, start: number, count: number): boolean {
    const node = (start & PLACE) === 0 ? -1 : this.metadata.node(object, start)
    if (node < 0) return false
    for (let place = start & PLACE; place < META_PAGES && place < (start & PLACE) + count; place++)
      if (this.metadata.blocks[node * META_PAGES + place] !== NO_BLOCK) return true
    return false
  }

  /** Blocks before and after the page that continue its block, after hasPage(). */
  before = 0
  after = 0
  /** The page's own block. */
  #block = NO_BLOCK

  /** Whether a page has a block, and how far contiguous ones reach: at most 31 either way. FreeBSD's swap_pager_haspage. */
  hasPage(object: number, pageIndex: number): boolean {
    return this.#hasPage(object, pageIndex, CLUSTER - 1, CLUSTER - 1)
  }

  #hasPage(object: number, pageIndex: number, mostBefore: number, mostAfter: number): boolean {
    const metadata = this.metadata
    this.before = 0
    this.after = 0
    let node = metadata.node(object, pageIndex)
    if (node < 0) return false
    const place = pageIndex & PLACE
    const block = metadata.blocks[node * META_PAGES + place]!
    if (block === NO_BLOCK) return false
    this.#block = block
    const centre = node
    let at = place
    let index = pageIndex
    while (this.before < mostBefore && index > 0) {
      index -= 1
      if (at === 0) {
        node = metadata.node(object, index)
        if (node < 0) break
        at = META_PAGES
      }
      at -= 1
      if (metadata.blocks[node * META_PAGES + at] !== block - this.before - 1) break
      this.before += 1
    }
    node = centre
    at = place
    index = pageIndex
    while (this.after < mostAfter) {
      index += 1
      at += 1
      if (at === META_PAGES) {
        node = metadata.node(object, index)
        if (node < 0) break
        at = 0
      }
      if (metadata.blocks[node * META_PAGES + at] !== block + this.after + 1) break
      this.after += 1
    }
    return true
  }

  /**
   * A page became dirty: its block is of no use any more. With the object locked the block is freed; without, the page is only marked, and the
   * daemon or the page's end completes it. FreeBSD's swap_pager_unswapped.
   */
  unswapped(frame: number, objectLocked: boolean): void {
    const pages = this.#pages
    const flags = pages.flags[frame]!
    if (!objectLocked) {
      if ((flags & (PageFlag.swapSpace | PageFlag.swapFree)) === PageFlag.swapSpace) {
        pages.flags[frame] = flags | PageFlag.swapFree
        this.#totals[T.freeDeferred]! += 1
      }
      return
    }
    if ((flags & PageFlag.swapFree) !== 0) this.#totals[T.freeCompleted]! += 1
    pages.flags[frame] = flags & ~(PageFlag.swapFree | PageFlag.swapSpace)
    const object = pages.object[frame]!
    const pageIndex = pages.pageIndex[frame]!
    const node = this.metadata.node(object, pageIndex)
    if (node < 0) return
    const place = rowOf(node, pageIndex)
    const block = this.metadata.blocks[place]!
    if (block === NO_BLOCK) return
    this.#freeBlocks(block, 1)
    this.metadata.blocks[place] = NO_BLOCK
    this.metadata.removeIfEmpty(object, node)
  }

  // ---- page in ---------------------------------------------------------------------------------------------

  /**
   * Starts reading `count` pages (busy, at successive indices, in frames[0..count-1]) with up to `behind` pages before and `ahead` after
   * them (-1: none asked for). Answers PagerResult.fail if the first has no block; else the request is on its way (PagerResult.pend) and `readBehind`,
   * `readAhead` say what was added. FreeBSD's swap_pager_getpages_locked, up to its wait.
   */
  getPages(object: number, frames: Int32Array, count: number, behind: number, ahead: number): number {
    const pages = this.#pages
    const first = frames[0]!
    const firstIndex = pages.pageIndex[first]!
    if (this.#readWindow) {
      if (!this.hasPage(object, firstIndex)) return PagerResult.fail
      const read = this.#read
      read.pageIndex = firstIndex
      read.pages = count
      read.behind = Math.max(0, behind)
      read.ahead = Math.max(0, ahead)
      read.blocksBefore = this.before
      read.blocksAfter = this.after
      const window = this.#readWindow(read)
      behind = window.behind
      ahead = window.ahead
    }
    const reach = count - 1 + (ahead > 0 ? ahead : 0)
    if (
      !this.#hasPage(object, firstIndex, behind > 0 ? Math.min(behind, CLUSTER - 1) : 0, Math.min(reach, CLUSTER - 1))
    )
      return PagerResult.fail
    const block = this.#block
    let mostAhead = this.after
    let mostBehind = this.before
    if (count - 1 > mostAhead)
      throw new KernelStop('kernel-panic', 'swap_pager_getpages', `page count ${count} extends beyond swap block`)
    if ((pages.objectFlags[object]! & (ObjectFlag.split | ObjectFlag.dead)) !== 0) {
      mostAhead = count - 1
      mostBehind = 0
    }
    const lastIndex = firstIndex + count - 1
    let wantedAhead = 0
    let wantedBehind = 0
    if (ahead > 0) {
      wantedAhead = Math.min(ahead, mostAhead - (count - 1))
      if (wantedAhead > 0) {
        const next = pages.lookupFrom(object, lastIndex + 1, lastIndex + wantedAhead)
        if (next >= 0 && pages.pageIndex[next]! - lastIndex - 1 < wantedAhead)
          wantedAhead = pages.pageIndex[next]! - lastIndex - 1
      }
    }
    if (behind > 0) {
      wantedBehind = Math.min(behind, mostBehind)
      if (wantedBehind > 0) {
        const previous = pages.lookupUpTo(object, firstIndex - 1, firstIndex - wantedBehind)
        if (previous >= 0 && firstIndex - pages.pageIndex[previous]! - 1 < wantedBehind)
          wantedBehind = firstIndex - pages.pageIndex[previous]! - 1
      }
    }
    const buffer = this.#takeBuffer()
    const row = buffer * BUFFER_WIDTH
    // behind pages are allocated downwards, and before those ahead: it matters when memory is short
    let gotBehind = 0
    for (; gotBehind < wantedBehind; gotBehind++) {
      const frame = this.#host.allocatePage(object, firstIndex - gotBehind - 1)
      if (frame < 0) break
      pages.flags[frame]! |= PageFlag.swapInProgress
      this.bufferFrames[row + gotBehind] = frame
    }
    reverse(this.bufferFrames, row, row + gotBehind)
    for (let i = 0; i < count; i++) {
      pages.flags[frames[i]!]! |= PageFlag.swapInProgress
      this.bufferFrames[row + gotBehind + i] = frames[i]!
    }
    let gotAhead = 0
    for (; gotAhead < wantedAhead; gotAhead++) {
      const frame = this.#host.allocatePage(object, lastIndex + gotAhead + 1)
      if (frame < 0) break
      pages.flags[frame]! |= PageFlag.swapInProgress
      this.bufferFrames[row + gotBehind + count + gotAhead] = frame
    }
    this.readBehind = gotBehind
    this.readAhead = gotAhead
    const total = gotBehind + count + gotAhead
    if (total > MAX_READ_PAGES) throw new KernelStop('kernel-panic', 'swap_pager_getpages', `a read of ${total} pages`)
    pages.pagingInProgress[object]! += total
    this.bufferIsWrite[buffer] = 0
    this.bufferIsAsync[buffer] = 0
    this.bufferBlock[buffer] = block - gotBehind
    this.bufferPages[buffer] = total
    this.bufferBehind[buffer] = gotBehind
    this.bufferAhead[buffer] = gotAhead
    this.bufferObject[buffer] = object
    this.bufferErrno[buffer] = 0
    this.bufferOperation[buffer] = -1
    this.lastBuffer = buffer
    this.#totals[T.readBuffersInUse]! += 1
    this.#totals[T.swapins]! += 1
    this.#totals[T.pagesIn]! += total
    this.#strategy(buffer)
    return PagerResult.pend
  }

  /** Whether the read that brings this page is still on its way. */
  isInProgress(frame: number): boolean {
    return (this.#pages.flags[frame]! & PageFlag.swapInProgress) !== 0
  }

  /** How a read went, once it is over: ok, or error if one of the pages asked for is not valid. */
  finishGetPages(frames: Int32Array, count: number): number {
    for (let i = 0; i < count; i++) if (!this.cameIn(frames[i]!)) return PagerResult.error
    return PagerResult.ok
  }

  /** The same for one page. */
  cameIn(frame: number): boolean {
    return this.#pages.valid[frame] === ALL_SECTORS
  }

  // ---- page out --------------------------------------------------------------------------------------------

  /**
   * Begins a pageout of `count` dirty, shared-busy pages of one object, frames[from] on; answers its operation, which continuePutPages() carries
   * on until it answers Wait.none. Asynchronous only for the page daemon without `sync`. FreeBSD's swap_pager_putpages.
   */
  beginPutPages(object: number, frames: Int32Array, from: number, count: number, sync: boolean): number {
    this.#convert(object)
    const operation = this.#takeOperation(count)
    const row = operation * this.#operationWidth
    for (let i = 0; i < count; i++) {
      this.#operationFrames[row + i] = frames[from + i]!
      this.#operationResults[row + i] = PagerResult.again
    }
    this.operationObject[operation] = object
    this.operationCount[operation] = count
    this.operationAsync[operation] = this.#host.isPageDaemon() && !sync ? 1 : 0
    this.operationWait[operation] = Wait.none
    this.#operationAt[operation] = 0
    this.#operationRun[operation] = 0
    this.#operationFreeStart[operation] = NO_BLOCK
    this.#operationFreeCount[operation] = 0
    return operation
  }

  /** What a page of an operation came to: a PagerResult. */
  putResult(operation: number, place: number): number {
    return this.#operationResults[operation * this.#operationWidth + place]!
  }

  operationFrame(operation: number, place: number): number {
    return this.#operationFrames[operation * this.#operationWidth + place]!
  }

  /** Carries a pageout on as far as it goes; Wait.none once it is over, else what it waits for. */
  continuePutPages(operation: number): number {
    const totals = this.#totals
    const pages = this.#pages
    const count = this.operationCount[operation]!
    const isAsync = this.operationAsync[operation] !== 0
    const row = operation * this.#operationWidth
    for (;;) {
      switch (this.operationWait[operation]) {
        case Wait.io:
          // a synchronous write is over: requestDone() finished it
          this.#operationAt[operation]! += this.#operationRun[operation]!
          this.#operationRun[operation] = 0
          break
        default:
          break
      }
      const at = this.#operationAt[operation]!
      if (this.#operationRun[operation] === 0) {
        if (at >= count) {
          this.#freeBlocks(this.#operationFreeStart[operation]!, this.#operationFreeCount[operation]!)
          this.#operationFreeCount[operation] = 0
          this.operationWait[operation] = Wait.none
          return Wait.none
        }
        if (isAsync) {
          if (totals[T.asyncFree] === 0) return (this.operationWait[operation] = Wait.asyncToken)
          totals[T.asyncFree]! -= 1
        }
        const wanted = Math.min(count - at, this.#options.clusterMax)
        const block = this.devices.allocate(wanted)
        if (block === NO_BLOCK) {
          // the source hands a token back whether or not it took one
          if (isAsync || !this.#repairs['token-gain']) {
            if (!isAsync) this.#host.defect?.('token-gain')
            totals[T.asyncFree]! += 1
            if (totals[T.asyncFree] === 1) this.#host.wakeAsyncToken()
          }
          for (let i = 0; i < wanted; i++) this.#operationResults[row + at + i] = PagerResult.fail
          this.#operationAt[operation] = at + wanted
          this.operationWait[operation] = Wait.none
          continue
        }
        this.#operationRun[operation] = this.devices.allocated
        this.#operationBlock[operation] = block
        this.#operationPlace[operation] = 0
      }
      const run = this.#operationRun[operation]!
      const block = this.#operationBlock[operation]!
      this.#freeStart = this.#operationFreeStart[operation]!
      this.#freeCount = this.#operationFreeCount[operation]!
      let place = this.#operationPlace[operation]!
      for (; place < run; place++) {
        const frame = this.#operationFrames[row + at + place]!
        pages.flags[frame]! &= ~PageFlag.swapFree
        const before = this.#build(pages.object[frame]!, pages.pageIndex[frame]!, block + place)
        if (before === MUST_WAIT) break
        if (before !== NO_BLOCK) this.#addToFreeRange(before)
        pages.flags[frame]! |= PageFlag.swapInProgress
      }
      this.#operationFreeStart[operation] = this.#freeStart
      this.#operationFreeCount[operation] = this.#freeCount
      this.#freeStart = NO_BLOCK
      this.#freeCount = 0
      this.#operationPlace[operation] = place
      if (place < run) return (this.operationWait[operation] = Wait.metadata)
      if (totals[T.writeBuffersInUse]! >= this.#options.writeBuffers) {
        if (this.operationWait[operation] !== Wait.writeBuffer) totals[T.bufferWaits]! += 1
        return (this.operationWait[operation] = Wait.writeBuffer)
      }
      totals[T.writeBuffersInUse]! += 1
      const buffer = this.#takeBuffer()
      this.bufferIsWrite[buffer] = 1
      this.bufferIsAsync[buffer] = isAsync ? 1 : 0
      this.bufferBlock[buffer] = block
      this.bufferPages[buffer] = run
      this.bufferBehind[buffer] = 0
      this.bufferAhead[buffer] = 0
      this.bufferObject[buffer] = this.operationObject[operation]!
      this.bufferErrno[buffer] = 0
      this.bufferOperation[buffer] = isAsync ? -1 : operation
      for (let i = 0; i < run; i++) {
        this.bufferFrames[buffer * BUFFER_WIDTH + i] = this.#operationFrames[row + at + i]!
        this.#operationResults[row + at + i] = PagerResult.pend
      }
      totals[T.swapouts]! += 1
      totals[T.pagesOut]! += run
      if (isAsync) {
        this.#operationAt[operation] = at + run
        this.#operationRun[operation] = 0
        this.operationWait[operation] = Wait.none
        this.#strategy(buffer)
      } else {
        this.operationWait[operation] = Wait.io
        this.#strategy(buffer)
        // the request may have been over at once: requestDone() cleared the run
        if (this.#operationPlace[operation] >= 0) return Wait.io
      }
    }
  }

  /** Gives an operation back once its results have been read. */
  endPutPages(operation: number): void {
    this.#operationNext[operation] = this.#totals[T.freeOperation]!
    this.#totals[T.freeOperation] = operation
  }

  // ---- requests --------------------------------------------------------------------------------------------

  /** Finds the device of a request and sends it there. FreeBSD's swp_pager_strategy, swapgeom_strategy and swapdev_strategy. */
  #strategy(buffer: number): void {
    const devices = this.devices
    const slot = devices.slotOfBlock(this.bufferBlock[buffer]!)
    if (slot < 0)
      throw new KernelStop(
        'kernel-panic',
        'swp_pager_strategy',
        `no swap device holds block ${this.bufferBlock[buffer]!}`,
      )
    this.bufferSlot[buffer] = slot
    if (devices.kind[slot] === DeviceKind.disk) {
      if (devices.present[slot] === 0) {
        this.#finish(buffer, Errno.ENXIO)
        return
      }
      devices.acquire(slot)
      if (this.bufferIsWrite[buffer] !== 0 && this.#totals[T.bioFailures]! > 0) {
        this.#totals[T.bioFailures]! -= 1
        devices.release(slot)
        this.#host.message('swap-no-bio', 0, 0)
        this.#finish(buffer, Errno.ENOMEM)
        return
      }
    }
    this.#host.startRequest(buffer)
  }

  /** A request is over. The host calls this once for each that it was told to start. */
  requestDone(buffer: number, errno: number): void {
    const slot = this.bufferSlot[buffer]!
    this.#finish(buffer, errno)
    if (this.devices.kind[slot] === DeviceKind.disk) this.devices.release(slot)
  }

  /** FreeBSD's swp_pager_async_iodone. */
  #finish(buffer: number, errno: number): void {
    const pages = this.#pages
    const host = this.#host
    const isWrite = this.bufferIsWrite[buffer] !== 0
    const count = this.bufferPages[buffer]!
    const object = this.bufferObject[buffer]!
    this.bufferErrno[buffer] = errno
    if (errno !== 0 && errno !== Errno.ENOMEM) {
      const slot = this.bufferSlot[buffer]!
      const block =
        this.devices.kind[slot] === DeviceKind.disk
          ? this.bufferBlock[buffer]!
          : (this.bufferBlock[buffer]! - this.devices.firstBlock[slot]!) * 8
      host.message(isWrite ? 'swap-pageout-error' : 'swap-pagein-error', block, count * 4096, errno)
    }
    const behind = this.bufferBehind[buffer]!
    const ahead = this.bufferAhead[buffer]!
    let woken = false
    for (let i = 0; i < count; i++) {
      const frame = this.bufferFrames[buffer * BUFFER_WIDTH + i]!
      const flags = pages.flags[frame]!
      if ((flags & PageFlag.swapSleep) !== 0) woken = true
      pages.flags[frame] = (flags & ~(PageFlag.swapInProgress | PageFlag.swapSleep)) | PageFlag.swapSpace
      if (errno !== 0) {
        if (!isWrite) {
          pages.valid[frame] = 0
          if (i < behind || i >= count - ahead) this.#failedAlong(frame)
        } else {
          pages.activate(frame)
          this.#dropSharedBusy(frame)
        }
      } else if (!isWrite) {
        pages.valid[frame] = ALL_SECTORS
        if (i < behind || i >= count - ahead) {
          pages.deactivate(frame)
          pages.exclusiveBusy[frame] = 0
          if (pages.wanted[frame] !== 0) host.wakeBusy(frame)
        }
      } else {
        pages.dirty[frame] = 0
        pages.deactivateNoReuse(frame)
        this.#dropSharedBusy(frame)
      }
    }
    pages.pagingInProgress[object]! -= count
    if (woken) host.wakePage(object)
    const operation = this.bufferOperation[buffer]!
    if (isWrite) {
      this.#totals[T.writeBuffersInUse]! -= 1
      if (this.bufferIsAsync[buffer] !== 0) {
        this.#totals[T.asyncFree]! += 1
        if (this.#totals[T.asyncFree] === 1) host.wakeAsyncToken()
      }
    } else this.#totals[T.readBuffersInUse]! -= 1
    this.#bufferNext[buffer] = this.#totals[T.freeBuffer]!
    this.#totals[T.freeBuffer] = buffer
    if (operation >= 0) this.#operationPlace[operation] = -1
  }

  /** A page that was read along with others came to nothing. */
  #failedAlong(frame: number): void {
    if (!this.#repairs['read-error-busy']) return this.#host.defect?.('read-error-busy')
    const pages = this.#pages
    pages.flags[frame]! &= ~PageFlag.swapSpace
    if (pages.wanted[frame] !== 0) this.#host.wakeBusy(frame)
    pages.free(frame)
  }

  #dropSharedBusy(frame: number): void {
    const pages = this.#pages
    pages.sharedBusy[frame]! -= 1
    if (pages.sharedBusy[frame] === 0 && pages.wanted[frame] !== 0) this.#host.wakeBusy(frame)
  }

  /** Whether a synchronous operation's write is over, so that it can be continued. */
  isWriteDone(operation: number): boolean {
    return this.#operationPlace[operation]! < 0
  }

  #takeBuffer(): number {
    if (this.#totals[T.freeBuffer]! < 0) {
      const old = this.bufferPages.length
      const c = this.#columns
      for (const [name, kind] of bufferColumns) c.resize(`swap.buffer.${name}`, kind, old * 2)
      c.resize('swap.buffer.frames', 'i32', old * 2 * BUFFER_WIDTH)
      this.#rebind()
      this.#chainBuffers(old)
    }
    const buffer = this.#totals[T.freeBuffer]!
    this.#totals[T.freeBuffer] = this.#bufferNext[buffer]!
    return buffer
  }

  #chainBuffers(from: number): void {
    for (let buffer = this.bufferPages.length - 1; buffer >= from; buffer--) {
      this.#bufferNext[buffer] = this.#totals[T.freeBuffer]!
      this.#totals[T.freeBuffer] = buffer
    }
  }

  #takeOperation(count: number): number {
    const rows = this.operationObject.length
    if (count > this.#operationWidth) this.#resizeOperations(rows, count * 2)
    if (this.#totals[T.freeOperation]! < 0) {
      this.#resizeOperations(rows * 2, this.#operationWidth)
      this.#chainOperations(rows)
    }
    const operation = this.#totals[T.freeOperation]!
    this.#totals[T.freeOperation] = this.#operationNext[operation]!
    return operation
  }

  #resizeOperations(rows: number, width: number): void {
    const c = this.#columns
    const oldWidth = this.#operationWidth
    const oldFrames = this.#operationFrames
    const oldResults = this.#operationResults
    const oldRows = this.operationObject.length
    for (const [name, kind] of operationColumns) c.resize(`swap.operation.${name}`, kind, rows)
    c.resize('swap.operation.frames', 'i32', rows * width)
    c.resize('swap.operation.results', 'u8', rows * width)
    this.#rebind()
    for (let row = oldRows - 1; row >= 0; row--) {
      this.#operationFrames.set(oldFrames.subarray(row * oldWidth, (row + 1) * oldWidth), row * width)
      this.#operationResults.set(oldResults.subarray(row * oldWidth, (row + 1) * oldWidth), row * width)
    }
  }

  #chainOperations(from: number): void {
    for (let operation = this.operationObject.length - 1; operation >= from; operation--) {
      this.#operationNext[operation] = this.#totals[T.freeOperation]!
      this.#totals[T.freeOperation] = operation
    }
  }

  // ---- tunables --------------------------------------------------------------------------------------------

  /**
   * Sets vm.swap_async_max. Answers 0, an errno, or -1 where the kernel would sleep for a token: call again then.
   * FreeBSD's sysctl_swap_async_max.
   */
  setAsyncMax(wanted: number): number {
    const totals = this.#totals
    if (wanted > this.#options.bufferCount / 2 || wanted < 1) return Errno.EINVAL
    while (totals[T.asyncMax] !== wanted) {
      const change = wanted - totals[T.asyncMax]!
      if (totals[T.asyncFree]! + change >= 0) {
        totals[T.asyncFree]! += change
        totals[T.asyncMax]! += change
        this.#host.wakeAsyncToken()
      } else {
        totals[T.asyncMax]! -= totals[T.asyncFree]!
        totals[T.asyncFree] = 0
        return -1
      }
    }
    return 0
  }

  // ---- swapon, swapoff -------------------------------------------------------------------------------------

  /** Attaches a unit; 0 or an errno. The file-type checks of sys_swapon are the host's. */
  swapon(unit: number, kind: number, sectors: number): number {
    for (let slot = this.devices.firstSlot; slot >= 0; slot = this.devices.next[slot]!)
      if (this.devices.unit[slot] === unit && this.devices.present[slot] !== 0) return Errno.EBUSY
    if (kind === DeviceKind.networkFile && sectors === 0) return Errno.ENXIO
    this.devices.attach(unit, kind, sectors)
    this.#host.deviceChanged(unit, true)
    return 0
  }

  /** Whether swapoff of a device may begin: 0 or ENOMEM. It tests against the whole device, not its used part. */
  canSwapoff(slot: number): number {
    const devices = this.devices
    const used = devices.used[slot]!
    // free blocks of this very device are no help
    const others = devices.available - (devices.blocks[slot]! - 2 - used)
    const room = this.#host.freePages() - devices.lowWater
    const isEnough = room + devices.available >= devices.blocks[slot]!
    if (this.#repairs['swapoff-whole-device']) return room + others >= used ? 0 : Errno.ENOMEM
    if (!isEnough && room + others >= used) this.#host.defect?.('swapoff-whole-device')
    return isEnough ? 0 : Errno.ENOMEM
  }

  /**
   * Detaches a device: brings every page on it in. Yields what it waits for; returns 0 or an errno. FreeBSD's swapoff_one
   * and swap_pager_swapoff.
   */
  *swapoff(slot: number): Generator<SwapoffWait, number, void> {
    const devices = this.devices
    const refused = this.canSwapoff(slot)
    if (refused !== 0) return refused
    const unit = devices.unit[slot]!
    devices.beginClosing(slot)
    for (let pass = 1; ; pass++) {
      const pages = this.#pages
      for (let object = pages.firstObject; object >= 0;) {
        if (pages.objectType[object] === ObjectType.swap && (pages.objectFlags[object]! & ObjectFlag.dead) === 0)
          yield* this.#swapoffObject(slot, object)
        // an object that ended while we waited is off the list: begin anew
        object = pages.objectType[object] === ObjectType.none ? pages.firstObject : pages.objectNext[object]!
      }
      if (devices.used[slot] === 0) break
      if (pass > 100)
        throw new KernelStop(
          'kernel-panic',
          'swap_pager_swapoff',
          `swapoff: failed to locate ${devices.used[slot]!} swap blocks`,
        )
      yield { on: 'pause', pass, blocksLeft: devices.used[slot]! }
    }
    this.#host.deviceChanged(unit, false)
    devices.detach(slot)
    return 0
  }

  /** FreeBSD's swap_pager_swapoff_object. */
  *#swapoffObject(slot: number, object: number): Generator<SwapoffWait, void, void> {
    const pages = this.#pages
    const metadata = this.metadata
    const one = new Int32Array(1)
    let nodes = 0
    for (let pageIndex = 0; ;) {
      if (++nodes % NODES_PER_TURN === 0) yield { on: 'turn' }
      const node = metadata.nodeFrom(object, pageIndex)
      if (node < 0) return
      if ((pages.objectFlags[object]! & ObjectFlag.dead) !== 0) {
        while (pages.pagingInProgress[object]! > 0) yield { on: 'paging', object }
        // it may have ended by now, and its number be a living object's
        if ((pages.objectFlags[object]! & ObjectFlag.dead) !== 0) this.#freeAllMetadata(object)
        return
      }
      const first = metadata.nodeIndex[node]!
      let i = 0
      for (; i < META_PAGES; i++) {
        let run = 0
        while (i + run < META_PAGES && this.devices.isOnDevice(metadata.blocks[node * META_PAGES + i + run]!, slot))
          run += 1
        if (run === 0) continue
        let frame = pages.lookup(object, first + i)
        if (frame < 0) {
          frame = this.#host.allocatePage(object, first + i)
          if (frame < 0) {
            yield { on: 'memory' }
            break
          }
        } else {
          if (this.isInProgress(frame)) {
            pages.flags[frame]! |= PageFlag.swapSleep
            yield { on: 'page', object, frame }
            break
          }
          if (pages.valid[frame] === ALL_SECTORS) {
            let index = first + i
            do {
              this.#forceDirty(frame)
              index += 1
              run -= 1
              frame = run > 0 ? pages.lookup(object, index) : -1
            } while (frame >= 0 && pages.valid[frame] === ALL_SECTORS && !this.isInProgress(frame))
            break
          }
          if (pages.isBusy(frame)) {
            yield { on: 'busy', frame }
            break
          }
          pages.exclusiveBusy[frame] = 1
        }
        pages.pagingInProgress[object]! += 1
        one[0] = frame
        if (this.getPages(object, one, 1, -1, META_PAGES) === PagerResult.fail)
          throw new KernelStop('kernel-panic', 'swap_pager_swapoff_object', 'read from swap failed: 2')
        while (this.isInProgress(frame)) {
          pages.flags[frame]! |= PageFlag.swapSleep
          yield { on: 'read', frame }
        }
        if (this.finishGetPages(one, 1) !== PagerResult.ok)
          throw new KernelStop('kernel-panic', 'swap_pager_swapoff_object', 'read from swap failed: 4')
        pages.pagingInProgress[object]! -= 1
        pages.exclusiveBusy[frame] = 0
        if (pages.wanted[frame] !== 0) this.#host.wakeBusy(frame)
        break
      }
      if (i === META_PAGES) pageIndex = first + META_PAGES
    }
  }

  /** FreeBSD's swp_pager_force_dirty. */
  #forceDirty(frame: number): void {
    this.#pages.dirty[frame] = ALL_SECTORS
    this.unswapped(frame, true)
    this.#pages.launder(frame)
  }

  /** Whether a slot is being closed. */
  isClosing(slot: number): boolean {
    return (this.devices.flags[slot]! & CLOSING) !== 0
  }
}

function repairsOf(repaired: readonly SwapDefect[]): Record<SwapDefect, boolean> {
  const repairs = Object.fromEntries(swapDefectNames.map((name) => [name, repaired.includes(name)]))
  return repairs as Record<SwapDefect, boolean>
}

function reverse(column: Int32Array, from: number, to: number): void {
  for (let i = from, j = to - 1; i < j; i++, j--) {
    const kept = column[i]!
    column[i] = column[j]!
    column[j] = kept
  }
}

const bufferColumns = [
  ['isWrite', 'u8'],
  ['isAsync', 'u8'],
  ['block', 'f64'],
  ['pages', 'i32'],
  ['behind', 'i32'],
  ['ahead', 'i32'],
  ['slot', 'i32'],
  ['errno', 'i32'],
  ['object', 'i32'],
  ['operation', 'i32'],
  ['next', 'i32'],
] as const

const operationColumns = [
  ['object', 'i32'],
  ['count', 'i32'],
  ['async', 'u8'],
  ['wait', 'u8'],
  ['at', 'i32'],
  ['run', 'i32'],
  ['place', 'i32'],
  ['block', 'f64'],
  ['freeStart', 'f64'],
  ['freeCount', 'f64'],
  ['next', 'i32'],
] as const
