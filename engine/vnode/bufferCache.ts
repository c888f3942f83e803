/**
 * The buffer cache of FreeBSD and DragonFly, over the pages of the files' own objects.
 *
 * A buffer stands for one block of a file; its data are the object's pages, which it keeps wired. Under VOP_READ and VOP_WRITE the
 * pagers' transfers pass through here: a read takes a cluster of blocks in one request and reads ahead when the file is read in order, a
 * write takes the pages over as clean and puts them on the device now, soon or with their neighbours.
 *
 * Life of a buffer: #get() finds or makes it, locked -> its I/O, during which its pages are soft-busy -> #release(): to the tail of the
 * list of unlocked ones, clean or to be written -> taken for another block when it is the oldest, or dropped (`drop`) after a pageout.
 *
 * Source of the behaviour: vfs_bio.c and vfs_cluster.c of both kernels (getblk, allocbuf, brelse, bufdone, cluster_read, cluster_write).
 */
import { ALL_SECTORS, PAGE_SIZE, Queue } from '../vm/pages.ts'
import { sectorBits, type FileContext } from './context.ts'
import { FrameRows } from './frameRows.ts'
import { IoFlag, type Operation, type TransferResult } from './operation.ts'

/** Bits of a buffer's state: locked, B_DELWRI, B_RAM, B_RELBUF, B_DIRECT. */
const State = { locked: 1, delayed: 2, readAheadMark: 4, drop: 8, direct: 16 } as const

/** cluster_read looks no further ahead than this, blocks. */
const READ_AHEAD_MOST = 32

/** Chains of buffers by object and block: a power of two. */
const HEADS = 1024

const columnKinds = [
  ['object', 'i32'],
  ['file', 'i32'],
  ['block', 'f64'],
  ['state', 'u8'],
  ['older', 'i32'],
  ['newer', 'i32'],
  ['chain', 'i32'],
] as const

export class BufferCache {
  /** Told when a buffer carries the mark at which a reader in order is to read ahead, or loses it: DragonFly marks the page too. */
  onReadAheadMark: (frame: number) => void = () => {}
  readonly #context: FileContext
  readonly #count: number
  readonly #clusterBlocks: number
  #object: Int32Array = new Int32Array(0)
  #file: Int32Array = new Int32Array(0)
  #block: Float64Array = new Float64Array(0)
  #flags: Uint8Array = new Uint8Array(0)
  #older: Int32Array = new Int32Array(0)
  #newer: Int32Array = new Int32Array(0)
  #chain: Int32Array = new Int32Array(0)
  #heads: Int32Array = new Int32Array(0)
  /** [0] oldest unlocked buffer, [1] newest, [2] first unused row, [3] bytes being written, [4] delayed buffers */
  #totals: Float64Array = new Float64Array(0)
  readonly #rows = new FrameRows()
  /** The page at which #get() stopped: only between its answer and #getLater(). */
  #lacking = -1

  constructor(context: FileContext) {
    this.#context = context
    const { columns, volume, tunables, kernel } = context
    this.#count = tunables.nbuf > 0 ? tunables.nbuf : defaultBuffers(kernel.pages.frames, volume.blockSize)
    // a cluster must not take all of a small cache's buffers
    this.#clusterBlocks = Math.max(
      1,
      Math.min(Math.floor(tunables.maxphys / volume.blockSize), Math.floor(this.#count / 4)),
    )
    for (const [name, kind] of columnKinds) columns.define(`file.cache.${name}`, kind, this.#count)
    columns.define('file.cache.heads', 'i32', HEADS).fill(-1)
    const totals = columns.define('file.cache.totals', 'f64', 5)
    totals[0] = totals[1] = -1
    this.#rebind()
    this.#object.fill(-1)
    for (let row = 0; row < this.#count; row++) this.#chain[row] = row + 1 < this.#count ? row + 1 : -1
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#context.columns
    this.#object = c.get('file.cache.object', 'i32')
    this.#file = c.get('file.cache.file', 'i32')
    this.#block = c.get('file.cache.block', 'f64')
    this.#flags = c.get('file.cache.state', 'u8')
    this.#older = c.get('file.cache.older', 'i32')
    this.#newer = c.get('file.cache.newer', 'i32')
    this.#chain = c.get('file.cache.chain', 'i32')
    this.#heads = c.get('file.cache.heads', 'i32')
    this.#totals = c.get('file.cache.totals', 'f64')
  }

  /** Whether nobody has a buffer: what a wait for one looks at. */
  isUnlocked(buffer: number): boolean {
    return (this.#flags[buffer]! & State.locked) === 0
  }

  /** Bytes of asynchronous writes on their way: what a wait for room looks at. */
  get runningBytes(): number {
    return this.#totals[3]!
  }

  /** Changes whenever a buffer is let go of, or given up: what a wait for any buffer looks at. */
  get room(): number {
    return this.#totals[0]! + (this.#totals[2]! + 1) * (this.#count + 1)
  }

  get delayedBuffers(): number {
    return this.#totals[4]!
  }

  // ---- reading ---------------------------------------------------------------------------------------------

  /**
   * VOP_READ of bytes of a file into the pages of its object, where they stay. `sequential`: how many blocks may be read ahead; 0:
   * none. What follows the end of the file in its last block is read with it. `flags`: IO_VMIO and IO_DIRECT let each buffer go once its
   * block has been read, IO_DIRECT the pages too.
   */
  *read(
    object: number,
    file: number,
    offset: number,
    lengthBytes: number,
    sequential: number,
    flags = 0,
  ): Operation<TransferResult> {
    const { blockSize } = this.#context.volume
    const end = Math.min(offset + lengthBytes, this.#context.volume.sizeBytes(file))
    for (let at = offset; at < end;) {
      const block = Math.floor(at / blockSize)
      const errno = yield* this.#readBlock(object, file, block, end - at, sequential, dropping(flags))
      if (errno !== 0) return { errno, doneBytes: at - offset }
      at = Math.min(end, (block + 1) * blockSize)
    }
    return { errno: 0, doneBytes: Math.max(0, end - offset) }
  }

  /** cluster_read: the block, with blocks behind it of the same request, and a read ahead where the file is read in order. */
  *#readBlock(
    object: number,
    file: number,
    block: number,
    wantedBytes: number,
    sequential: number,
    dropped: number,
  ): Operation<number> {
    const { blockSize } = this.#context.volume
    const most = Math.min(
      READ_AHEAD_MOST,
      Math.max(1, Math.floor(this.#count / 8)),
      2 * this.#clusterBlocks + Math.floor(wantedBytes / blockSize),
    )
    let buffer = this.#get(object, file, block)
    if (buffer < 0) buffer = yield* this.#getLater(buffer, object, file, block)
    let next = block + 1
    if (this.#isFilled(buffer)) {
      const isMarked = (this.#flags[buffer]! & State.readAheadMark) !== 0
      this.#flags[buffer]! |= dropped
      this.#release(buffer)
      if (sequential === 0 || !isMarked) return 0
      this.#flags[buffer]! &= ~State.readAheadMark
      while (next < block + most && this.#find(object, next) >= 0) {
        if ((next - block) % this.#clusterBlocks === this.#clusterBlocks - 1) this.#mark(this.#find(object, next))
        next += 1
      }
      if (next >= block + most) return 0
    } else {
      const wanted = Math.min(this.#clusterBlocks, Math.ceil(wantedBytes / blockSize))
      const cluster = [buffer]
      const answer = this.#gather(object, file, cluster, wanted)
      if (answer < 0) yield* this.#gatherLater(answer, object, file, cluster, wanted)
      this.#mark(buffer)
      this.#flags[buffer]! |= dropped
      const errno = yield* this.#fill(cluster)
      next = block + cluster.length
      if (errno !== 0) return errno
    }
    if (sequential > 0 && next < block + Math.max(sequential, 1))
      yield* this.#readAhead(object, file, next, Math.min(sequential, this.#clusterBlocks))
    return 0
  }

  *#readAhead(object: number, file: number, block: number, most: number): Operation<void> {
    const { volume, kernel, spawn } = this.#context
    if ((block + 1) * volume.blockSize > volume.sizeBytes(file) || volume.bmap(file, block).sector < 0) return
    // reading ahead is worth no wait
    if (
      this.#find(object, block) >= 0 ||
      kernel.pages.freeCount - this.#pagesPerBlock * most <= kernel.thresholds.freeMin
    )
      return
    let first = this.#get(object, file, block)
    if (first < 0) first = yield* this.#getLater(first, object, file, block)
    if (this.#isFilled(first)) return this.#release(first)
    const cluster = [first]
    const answer = this.#gather(object, file, cluster, most)
    if (answer < 0) yield* this.#gatherLater(answer, object, file, cluster, most)
    this.#mark(cluster[cluster.length - 1]!)
    spawn(this.#fill(cluster))
  }

  get #pagesPerBlock(): number {
    return Math.max(1, this.#context.volume.blockSize / PAGE_SIZE)
  }

  #mark(buffer: number): void {
    this.#flags[buffer]! |= State.readAheadMark
    this.onReadAheadMark(this.#frame(buffer, 0))
  }

  /**
   * Puts into a cluster, which has a locked buffer, those that can be read with it in one request: of blocks that follow it on the device
   * and have no valid page. Negative where something has to be waited for: #gatherLater() is to go on at once, from this answer.
   */
  #gather(object: number, file: number, cluster: number[], most: number): number {
    const { volume } = this.#context
    const block = this.#block[cluster[0]!]!
    const { sector, runAfter } = volume.bmap(file, block)
    if (sector < 0 || !this.#isEmpty(cluster[0]!)) return 0
    const run = Math.min(most, runAfter + 1)
    while (cluster.length < run) {
      const next = block + cluster.length
      if (next * volume.blockSize >= volume.sizeBytes(file)) break
      const known = this.#find(object, next)
      if (known >= 0 ? !this.isUnlocked(known) : this.#totals[2]! < 0 && this.#totals[0]! < 0) break
      const buffer = this.#get(object, file, next)
      if (buffer < 0) return buffer
      if (!this.#join(cluster, buffer)) break
    }
    return 0
  }

  *#gatherLater(answer: number, object: number, file: number, cluster: number[], most: number): Operation<void> {
    while (answer < 0) {
      const next = this.#block[cluster[0]!]! + cluster.length
      if (!this.#join(cluster, yield* this.#getLater(answer, object, file, next))) return
      answer = this.#gather(object, file, cluster, most)
    }
  }

  /** Whether a locked buffer can be read with a cluster; else it is let go of. */
  #join(cluster: number[], buffer: number): boolean {
    if (this.#isEmpty(buffer)) cluster.push(buffer)
    else this.#release(buffer)
    return cluster[cluster.length - 1] === buffer
  }

  /** Reads what is not valid of locked buffers next to each other, and lets go of them. */
  *#fill(cluster: number[]): Operation<number> {
    const { volume, device } = this.#context
    const first = cluster[0]!
    const blockSize = volume.blockSize
    const start = this.#block[first]! * blockSize
    let length = 0
    for (const buffer of cluster) length += this.#lengthOf(buffer)
    const { sector } = volume.bmap(this.#file[first]!, this.#block[first]!)
    const frames = this.#framesOf(this.#object[first]!, start, length)
    this.#startIo(frames)
    let errno = 0
    const base = start - (start % PAGE_SIZE)
    for (let at = start; at < start + length && errno === 0;) {
      const piece = this.#invalidPiece(frames, base, at, start + length)
      if (piece.end <= piece.from) break
      if (sector >= 0) {
        const own =
          piece.from === start && piece.end === start + length
            ? frames
            : frames.subarray(Math.floor((piece.from - base) / PAGE_SIZE), Math.ceil((piece.end - base) / PAGE_SIZE))
        const place = sector + (piece.from - start) / 512
        const request = device.begin(false, place, piece.end - piece.from, own, piece.from % PAGE_SIZE)
        errno = request < 0 ? device.lastErrno : yield* device.end(request)
      } else this.#zero(frames, base, piece.from, piece.end)
      if (errno === 0) this.#setValid(frames, base, piece.from, piece.end)
      at = piece.end
    }
    this.#endIo(frames)
    this.#rows.give(frames)
    for (const buffer of cluster) {
      if (errno !== 0) this.#discard(buffer)
      else this.#release(buffer)
    }
    return errno
  }

  /** The first stretch of bytes of [at, end) whose sectors are not valid. */
  #invalidPiece(frames: Int32Array, base: number, at: number, end: number): { from: number; end: number } {
    const { valid } = this.#context.kernel.pages
    const isUntouched = at === base && isNothingValid(valid, frames)
    if (isUntouched) return { from: at, end }
    const from = skipSectors(valid, frames, base, at, end, ALL_SECTORS)
    return { from, end: skipSectors(valid, frames, base, from, end, 0) }
  }

  #zero(frames: Int32Array, base: number, from: number, end: number): void {
    const { contents } = this.#context.kernel
    if (!contents.isReal) return
    for (let at = from; at < end;) {
      const within = at % PAGE_SIZE
      const to = Math.min(PAGE_SIZE, within + end - at)
      contents.view(frames[Math.floor((at - base) / PAGE_SIZE)]!).fill(0, within, to)
      at += to - within
    }
  }

  #setValid(frames: Int32Array, base: number, from: number, end: number): void {
    const { valid } = this.#context.kernel.pages
    if (from === base && end - from === frames.length * PAGE_SIZE) {
      for (let i = 0; i < frames.length; i++) valid[frames[i]!] = ALL_SECTORS
      return
    }
    for (let i = Math.floor((from - base) / PAGE_SIZE), at = base + i * PAGE_SIZE; at < end; i++, at += PAGE_SIZE)
      valid[frames[i]!]! |=
        at >= from && at + PAGE_SIZE <= end
          ? ALL_SECTORS
          : sectorBits(Math.max(0, from - at), Math.min(PAGE_SIZE, end - at))
  }

  // ---- writing ---------------------------------------------------------------------------------------------

  /**
   * VOP_WRITE. With `store` the bytes are new and are put into the pages; without, they lie there already and the pages are those of
   * a pageout. `flags`: IO_SYNC waits for the device, IO_ASYNC begins at once, else full blocks gather to clusters and the rest is delayed.
   */
  *write(
    object: number,
    file: number,
    offset: number,
    lengthBytes: number,
    flags: number,
    store: ((frame: number, from: number, to: number) => void) | null,
  ): Operation<TransferResult> {
    const { volume } = this.#context
    const { blockSize } = volume
    const end = offset + lengthBytes
    for (let at = offset; at < end;) {
      const block = Math.floor(at / blockSize)
      const to = Math.min(end, (block + 1) * blockSize)
      const errno = yield* this.#writeBlock(object, file, block, at, to, flags, store)
      if (errno !== 0) return { errno, doneBytes: at - offset }
      at = to
    }
    return { errno: 0, doneBytes: lengthBytes }
  }

  *#writeBlock(
    object: number,
    file: number,
    block: number,
    from: number,
    to: number,
    flags: number,
    store: ((frame: number, from: number, to: number) => void) | null,
  ): Operation<number> {
    const { volume, kernel } = this.#context
    const { pages } = kernel
    const wasHole = volume.bmap(file, block).sector < 0
    if (wasHole) {
      const errno = volume.allocate(file, from, to - from)
      if (errno !== 0) return errno
    }
    const start = block * volume.blockSize
    if (
      store === null &&
      pages.freeCount === 0 &&
      !this.#hasPages(object, start, Math.min(start + volume.blockSize, volume.sizeBytes(file)))
    )
      return yield* this.#writeAlone(object, file, block, from, to)
    let buffer = this.#get(object, file, block)
    if (buffer < 0) buffer = yield* this.#getLater(buffer, object, file, block)
    if (wasHole) this.#clear(buffer)
    // a block that is written in part is read first
    if ((from > start || to < start + this.#lengthOf(buffer)) && !this.#isFilled(buffer)) {
      const errno = yield* this.#fill([buffer])
      if (errno !== 0) return errno
      buffer = this.#get(object, file, block)
      if (buffer < 0) buffer = yield* this.#getLater(buffer, object, file, block)
    }
    const frames = this.#framesOf(object, start, this.#lengthOf(buffer))
    const base = start - (start % PAGE_SIZE)
    if (store !== null) {
      for (let at = from; at < to;) {
        const within = at % PAGE_SIZE
        const until = Math.min(PAGE_SIZE, within + to - at)
        const frame = frames[Math.floor((at - base) / PAGE_SIZE)]!
        store(frame, within, until)
        pages.valid[frame]! |= sectorBits(within, until)
        at += until - within
      }
    }
    this.#flags[buffer]! |= dropping(flags)
    if ((flags & IoFlag.sync) !== 0) return yield* this.#put([buffer])
    const isFull = to === start + this.#lengthOf(buffer) && this.#lengthOf(buffer) === volume.blockSize
    if ((flags & IoFlag.async) !== 0) yield* this.#putLater([buffer])
    else if (isFull && block % this.#clusterBlocks === this.#clusterBlocks - 1) {
      // the end of a cluster: all of it goes
      this.#delay(buffer)
      yield* this.#putCluster(object, file, block)
    } else if (!isFull && (flags & IoFlag.direct) !== 0) yield* this.#putLater([buffer])
    else this.#delay(buffer)
    return 0
  }

  /** B_CLRBUF: what is not valid of a block that has just been given a place is zero, whatever the device has there. */
  #clear(buffer: number): void {
    const { volume, kernel } = this.#context
    const start = this.#block[buffer]! * volume.blockSize
    const end = start + this.#lengthOf(buffer)
    const base = start - (start % PAGE_SIZE)
    const frames = this.#framesOf(this.#object[buffer]!, start, end - start)
    for (const frame of frames) this.#context.truth.materialise(frame)
    for (let at = start; at < end;) {
      const piece = this.#invalidPiece(frames, base, at, end)
      if (piece.end <= piece.from) return
      if (kernel.contents.isReal) this.#zero(frames, base, piece.from, piece.end)
      this.#setValid(frames, base, piece.from, piece.end)
      at = piece.end
    }
  }

  /** The file is about to grow: the buffer of the block that its end cuts gets the pages that it will have. allocbuf. */
  *grow(object: number, file: number, sizeBytes: number): Operation<number> {
    const { volume } = this.#context
    const old = volume.sizeBytes(file)
    const buffer = old === 0 ? -1 : this.#find(object, Math.floor((old - 1) / volume.blockSize))
    if (buffer < 0) return volume.setSize(file, sizeBytes)
    while (!this.isUnlocked(buffer)) yield { on: 'buffer', buffer }
    if (this.#object[buffer] !== object) return yield* this.grow(object, file, sizeBytes)
    this.#lock(buffer)
    const pagesBefore = this.#endPage(buffer)
    const errno = volume.setSize(file, sizeBytes)
    if (errno === 0) yield* this.#wirePages(buffer, pagesBefore)
    this.#release(buffer)
    return errno
  }

  /** Page index behind the last page of a buffer. */
  #endPage(buffer: number): number {
    return Math.ceil((this.#block[buffer]! * this.#context.volume.blockSize + this.#lengthOf(buffer)) / PAGE_SIZE)
  }

  /**
   * A pageout on a machine without a reserve, which plain replacement policies have: there is no frame for the rest of the block, so
   * the pages are written without a buffer. The kernels do not come here.
   */
  *#writeAlone(object: number, file: number, block: number, from: number, to: number): Operation<number> {
    const { kernel, volume, device, pageWritten } = this.#context
    const { pages, mappings } = kernel
    const frames = this.#framesOf(object, from, to - from)
    this.#startIo(frames)
    for (const frame of frames) {
      mappings.removeWrite(frame)
      pages.dirty[frame] = 0
    }
    const { sector } = volume.bmap(file, block)
    const errno = yield* device.transfer(true, sector + (from - block * volume.blockSize) / 512, to - from, frames, 0)
    this.#endIo(frames)
    for (const frame of frames) {
      if (errno !== 0) pages.dirty[frame] = ALL_SECTORS
      pageWritten(frame)
    }
    return errno
  }

  /** Whether all pages of a range are in memory. */
  #hasPages(object: number, from: number, end: number): boolean {
    const { pages } = this.#context.kernel
    for (let index = Math.floor(from / PAGE_SIZE); index * PAGE_SIZE < end; index++)
      if (pages.lookup(object, index) < 0) return false
    return true
  }

  /** bdwrite: the buffer is to be written some time. */
  #delay(buffer: number): void {
    if ((this.#flags[buffer]! & State.delayed) === 0) this.#totals[4]! += 1
    this.#flags[buffer]! |= State.delayed
    this.#release(buffer)
  }

  /** cluster_wbuild: the delayed blocks around one, as far as they lie next to each other on the device, in one request each. */
  *#putCluster(object: number, file: number, last: number): Operation<void> {
    const { volume } = this.#context
    let block = Math.max(0, last - this.#clusterBlocks + 1)
    while (block <= last) {
      const first = this.#find(object, block)
      if (first < 0 || !this.#isDelayed(first) || !this.isUnlocked(first)) {
        block += 1
        continue
      }
      this.#lock(first)
      const cluster = [first]
      const { runAfter } = volume.bmap(file, block)
      while (cluster.length <= runAfter && block + cluster.length <= last) {
        const next = this.#find(object, block + cluster.length)
        if (next < 0 || !this.#isDelayed(next) || !this.isUnlocked(next)) break
        this.#lock(next)
        cluster.push(next)
      }
      block += cluster.length
      yield* this.#putLater(cluster)
    }
  }

  #isDelayed(buffer: number): boolean {
    return (this.#flags[buffer]! & State.delayed) !== 0
  }

  /** bawrite: begins the write and does not wait for it, unless too much is on its way already. */
  *#putLater(cluster: number[]): Operation<void> {
    const { tunables, spawn } = this.#context
    this.#takePages(cluster)
    spawn(this.#putAndForget(cluster))
    while (this.#totals[3]! > tunables.hirunningspace) yield { on: 'output', vnode: -1 }
  }

  *#putAndForget(cluster: number[]): Operation<void> {
    yield* this.#transferOut(cluster)
  }

  /** bwrite */
  *#put(cluster: number[]): Operation<number> {
    this.#takePages(cluster)
    return yield* this.#transferOut(cluster)
  }

  /** vfs_busy_pages: the pages are the write's own now. They cannot be stored into unseen, and count as clean. */
  #takePages(cluster: number[]): void {
    const { kernel } = this.#context
    const { pages, mappings } = kernel
    for (const buffer of cluster) {
      const start = this.#block[buffer]! * this.#context.volume.blockSize
      const length = this.#lengthOf(buffer)
      this.#totals[3]! += length
      if (this.#isDelayed(buffer)) this.#totals[4]! -= 1
      this.#flags[buffer]! &= ~State.delayed
      const frames = this.#framesOf(this.#object[buffer]!, start, length)
      this.#startIo(frames)
      for (let i = 0; i < frames.length; i++) {
        const frame = frames[i]!
        mappings.removeWrite(frame)
        const pageStart = pages.pageIndex[frame]! * PAGE_SIZE
        pages.dirty[frame]! &= ~sectorBits(
          Math.max(0, start - pageStart),
          Math.min(PAGE_SIZE, start + length - pageStart),
        )
      }
      this.#rows.give(frames)
    }
  }

  /** Puts buffers next to each other on the device. One that could not be written is to be written again. */
  *#transferOut(cluster: number[]): Operation<number> {
    const { volume, device } = this.#context
    const first = cluster[0]!
    const start = this.#block[first]! * volume.blockSize
    let length = 0
    for (const buffer of cluster) length += this.#lengthOf(buffer)
    const frames = this.#framesOf(this.#object[first]!, start, length)
    const { sector } = volume.bmap(this.#file[first]!, this.#block[first]!)
    const errno = yield* device.transfer(true, sector, length, frames, start % PAGE_SIZE)
    volume.touch(this.#file[first]!, true, this.#context.kernel.now)
    for (const buffer of cluster) {
      const bytes = this.#lengthOf(buffer)
      this.#totals[3]! -= bytes
      const own = this.#framesOf(this.#object[buffer]!, this.#block[buffer]! * volume.blockSize, bytes)
      this.#endIo(own)
      if (errno !== 0) this.#delay(buffer)
      else this.#release(buffer)
      for (const frame of own) this.#context.pageWritten(frame)
      this.#rows.give(own)
    }
    this.#rows.give(frames)
    return errno
  }

  /** Writes the delayed buffers of a file (-1: of all): fsync, the syncer. With `waits` all of them are on the device at the end. */
  *flush(object: number, waits: boolean): Operation<number> {
    let result = 0
    const delayed: number[] = []
    for (let buffer = 0; buffer < this.#count; buffer++)
      if (this.#isDelayed(buffer) && (object < 0 || this.#object[buffer] === object)) delayed.push(buffer)
    delayed.sort((a, b) => this.#object[a]! - this.#object[b]! || this.#block[a]! - this.#block[b]!)
    for (let i = 0; i < delayed.length;) {
      const first = delayed[i]!
      i += 1
      while (!this.isUnlocked(first)) yield { on: 'buffer', buffer: first }
      if (!this.#isDelayed(first)) continue
      this.#lock(first)
      const cluster = [first]
      const { runAfter } = this.#context.volume.bmap(this.#file[first]!, this.#block[first]!)
      while (i < delayed.length && cluster.length <= Math.min(runAfter, this.#clusterBlocks - 1)) {
        const next = delayed[i]!
        if (
          this.#object[next] !== this.#object[first] ||
          this.#block[next] !== this.#block[first]! + cluster.length ||
          !this.isUnlocked(next) ||
          !this.#isDelayed(next)
        )
          break
        this.#lock(next)
        cluster.push(next)
        i += 1
      }
      if (waits) {
        const errno = yield* this.#put(cluster)
        if (result === 0) result = errno
      } else yield* this.#putLater(cluster)
    }
    // those that were on their way before
    if (waits)
      for (let buffer = 0; buffer < this.#count; buffer++)
        while (this.#object[buffer] === object && !this.isUnlocked(buffer)) yield { on: 'buffer', buffer }
    return result
  }

  /** Drops the buffers of blocks from one on, written or not: the file ends before them. vtruncbuf. */
  *invalidate(object: number, firstBlock: number): Operation<void> {
    for (let buffer = 0; buffer < this.#count; buffer++) {
      if (this.#object[buffer] !== object || this.#block[buffer]! < firstBlock) continue
      while (!this.isUnlocked(buffer)) yield { on: 'buffer', buffer }
      if (this.#object[buffer] !== object || this.#block[buffer]! < firstBlock) continue
      this.#lock(buffer)
      this.#discard(buffer)
    }
  }

  /** The file is about to end at a byte: buffers beyond go, and that of the block that the end cuts gives up its pages beyond. */
  *cut(object: number, file: number, sizeBytes: number): Operation<void> {
    const { volume, kernel } = this.#context
    const { pages } = kernel
    yield* this.invalidate(object, Math.ceil(sizeBytes / volume.blockSize))
    const buffer =
      sizeBytes % volume.blockSize === 0 ? -1 : this.#find(object, Math.floor(sizeBytes / volume.blockSize))
    if (buffer < 0) return
    while (!this.isUnlocked(buffer)) yield { on: 'buffer', buffer }
    if (this.#object[buffer] !== object || this.#file[buffer] !== file) return
    const end = this.#endPage(buffer)
    for (let index = Math.ceil(sizeBytes / PAGE_SIZE); index < end; index++) {
      const frame = pages.lookup(object, index)
      if (frame < 0) continue
      pages.wired[frame]! -= 1
      if (pages.wired[frame] === 0) pages.enqueue(frame, pages.isOneQueue ? Queue.active : Queue.inactive)
    }
  }

  // ---- buffers ---------------------------------------------------------------------------------------------

  /**
   * getblk: the buffer of a block, locked, its pages in memory and wired. Negative where something has to be waited for, which is
   * rare: #getLater() is to go on at once, from this answer.
   */
  #get(object: number, file: number, block: number): number {
    const known = this.#find(object, block)
    if (known >= 0) {
      if (!this.isUnlocked(known)) return -1
      this.#lock(known)
      return known
    }
    const row = this.#roomNow()
    if (row < 0) return -1
    this.#object[row] = object
    this.#file[row] = file
    this.#block[row] = block
    this.#flags[row] = State.locked
    const head = this.#hash(object, block)
    this.#chain[row] = this.#heads[head]!
    this.#heads[head] = row
    this.#lacking = this.#wireNow(row, Math.floor((block * this.#context.volume.blockSize) / PAGE_SIZE))
    return this.#lacking < 0 ? row : -2 - row
  }

  *#getLater(answer: number, object: number, file: number, block: number): Operation<number> {
    let buffer = answer
    while (buffer === -1) {
      const known = this.#find(object, block)
      if (known >= 0) {
        if (!this.isUnlocked(known)) yield { on: 'buffer', buffer: known }
      } else yield* this.#makeRoom()
      buffer = this.#get(object, file, block)
    }
    if (buffer >= 0) return buffer
    yield* this.#wirePages(-2 - buffer, this.#lacking)
    return -2 - buffer
  }

  /** allocbuf: brings the pages of a buffer from an index on into being. */
  *#wirePages(buffer: number, from: number): Operation<void> {
    const { pages } = this.#context.kernel
    const object = this.#object[buffer]!
    for (let index = from; ;) {
      index = this.#wireNow(buffer, index)
      if (index < 0) return
      const frame = pages.lookup(object, index)
      if (frame >= 0) {
        pages.wanted[frame] = 1
        yield { on: 'page', frame }
      } else yield { on: 'memory' }
    }
  }

  /** The same as far as it goes without waiting; the index of the page that is to be waited for, or -1 if all are there. */
  #wireNow(buffer: number, from: number): number {
    const { kernel } = this.#context
    const { pages } = kernel
    const object = this.#object[buffer]!
    const end = this.#endPage(buffer)
    for (let index = from; index < end; index++) {
      let frame = pages.lookup(object, index)
      if (frame < 0) {
        frame = kernel.allocateSystemPage(object, index)
        if (frame < 0) return index
        kernel.releaseBusy(frame)
      } else if (pages.exclusiveBusy[frame] !== 0) return index
      if (!pages.isOneQueue) pages.removeFromQueue(frame)
      pages.wired[frame]! += 1
    }
    return -1
  }

  /** Takes a row for a new buffer: an unused one, or that of the oldest clean buffer; -1: one must be written, or waited for. */
  #roomNow(): number {
    let unused = this.#totals[2]!
    if (unused < 0) {
      let buffer = this.#totals[0]!
      while (buffer >= 0 && this.#isDelayed(buffer)) buffer = this.#newer[buffer]!
      if (buffer < 0) return -1
      this.#lock(buffer)
      this.#discard(buffer)
      unused = this.#totals[2]!
    }
    this.#totals[2] = this.#chain[unused]!
    return unused
  }

  /** Waits until there may be a row for a new buffer: the oldest delayed ones are written. */
  *#makeRoom(): Operation<void> {
    const oldest = this.#totals[0]!
    if (oldest < 0) yield { on: 'output', vnode: -2 }
    else if (this.#totals[2]! < 0) {
      this.#lock(oldest)
      yield* this.#put([oldest])
    }
  }

  #hash(object: number, block: number): number {
    return (object * 31 + (block | 0)) & (HEADS - 1)
  }

  #find(object: number, block: number): number {
    let buffer = this.#heads[this.#hash(object, block)]!
    while (buffer >= 0 && (this.#object[buffer] !== object || this.#block[buffer] !== block))
      buffer = this.#chain[buffer]!
    return buffer
  }

  /** Takes an unlocked buffer off the list. */
  #lock(buffer: number): void {
    const older = this.#older[buffer]!
    const newer = this.#newer[buffer]!
    if (older < 0) this.#totals[0] = newer
    else this.#newer[older] = newer
    if (newer < 0) this.#totals[1] = older
    else this.#older[newer] = older
    this.#flags[buffer]! |= State.locked
  }

  /** bqrelse, brelse: a locked buffer is anybody's again, or goes, if it was made for a pageout and is clean. */
  #release(buffer: number): void {
    if ((this.#flags[buffer]! & (State.drop | State.delayed)) === State.drop) return this.#discard(buffer)
    this.#flags[buffer]! &= ~State.locked
    const newest = this.#totals[1]!
    this.#older[buffer] = newest
    this.#newer[buffer] = -1
    if (newest < 0) this.#totals[0] = buffer
    else this.#newer[newest] = buffer
    this.#totals[1] = buffer
  }

  /** vm_page_try_to_free: nothing would be lost with the page. */
  #isUnused(frame: number): boolean {
    const { pages, mappings } = this.#context.kernel
    if (pages.isBusy(frame)) return false
    mappings.testDirty(frame)
    return pages.dirty[frame] === 0
  }

  /**
   * Gives a locked buffer up. Its pages are the VM's alone: invalid ones are freed, clean ones too if it was for direct I/O, others
   * become inactive. vfs_vmio_release.
   */
  #discard(buffer: number): void {
    const isDirect = (this.#flags[buffer]! & State.direct) !== 0
    const { kernel, volume } = this.#context
    const { pages } = kernel
    const object = this.#object[buffer]!
    const block = this.#block[buffer]!
    const start = block * volume.blockSize
    const end = Math.ceil((start + volume.blockSize) / PAGE_SIZE)
    for (let index = Math.floor(start / PAGE_SIZE); index < end; index++) {
      const frame = pages.lookup(object, index)
      if (frame < 0 || pages.wired[frame] === 0) continue
      pages.wired[frame]! -= 1
      if (pages.wired[frame] !== 0) continue
      if (pages.valid[frame] === 0 && !pages.isBusy(frame)) kernel.freePage(frame)
      else if (isDirect && this.#isUnused(frame)) kernel.freePage(frame)
      else pages.enqueue(frame, pages.isOneQueue || pages.firstMapping[frame]! >= 0 ? Queue.active : Queue.inactive)
    }
    if (this.#isDelayed(buffer)) this.#totals[4]! -= 1
    const head = this.#hash(object, block)
    if (this.#heads[head] === buffer) this.#heads[head] = this.#chain[buffer]!
    else {
      let before = this.#heads[head]!
      while (this.#chain[before] !== buffer) before = this.#chain[before]!
      this.#chain[before] = this.#chain[buffer]!
    }
    this.#flags[buffer] = 0
    this.#object[buffer] = -1
    this.#chain[buffer] = this.#totals[2]!
    this.#totals[2] = buffer
  }

  /** Bytes of a block: less than a whole one at the end of the file, in sectors. */
  #lengthOf(buffer: number): number {
    const { volume } = this.#context
    const start = this.#block[buffer]! * volume.blockSize
    const toEnd = Math.ceil((volume.sizeBytes(this.#file[buffer]!) - start) / 512) * 512
    return Math.max(512, Math.min(volume.blockSize, toEnd))
  }

  #frame(buffer: number, index: number): number {
    const start = this.#block[buffer]! * this.#context.volume.blockSize
    return this.#context.kernel.pages.lookup(this.#object[buffer]!, Math.floor(start / PAGE_SIZE) + index)
  }

  /** The row is the caller's, to be given back when it is done with it. */
  #framesOf(object: number, start: number, lengthBytes: number): Int32Array {
    const { pages } = this.#context.kernel
    const first = Math.floor(start / PAGE_SIZE)
    const frames = this.#rows.take(Math.ceil((start + lengthBytes) / PAGE_SIZE) - first)
    for (let i = 0; i < frames.length; i++) frames[i] = pages.lookup(object, first + i)
    return frames
  }

  #startIo(frames: Int32Array): void {
    const { object, sharedBusy, pagingInProgress } = this.#context.kernel.pages
    for (let i = 0; i < frames.length; i++) sharedBusy[frames[i]!]! += 1
    pagingInProgress[object[frames[0]!]!]! += frames.length
  }

  #endIo(frames: Int32Array): void {
    const { kernel } = this.#context
    const { pages } = kernel
    pages.pagingInProgress[pages.object[frames[0]!]!]! -= frames.length
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!
      pages.sharedBusy[frame]! -= 1
      if (pages.sharedBusy[frame] === 0 && pages.wanted[frame] !== 0) kernel.wakeBusy(frame)
    }
  }

  /** B_CACHE: all of the block is in memory. */
  #isFilled(buffer: number): boolean {
    return this.#hasOnly(buffer, ALL_SECTORS)
  }

  #isEmpty(buffer: number): boolean {
    return this.#hasOnly(buffer, 0)
  }

  /** Whether the sectors of a block are all valid (`wanted` ALL_SECTORS), or none of them (0). */
  #hasOnly(buffer: number, wanted: number): boolean {
    const { pages } = this.#context.kernel
    const { valid } = pages
    const start = this.#block[buffer]! * this.#context.volume.blockSize
    const length = this.#lengthOf(buffer)
    const end = start + length
    const object = this.#object[buffer]!
    if (start % PAGE_SIZE === 0 && length % PAGE_SIZE === 0) {
      const endPage = end / PAGE_SIZE
      for (let index = start / PAGE_SIZE; index < endPage; index++)
        if (valid[pages.lookup(object, index)] !== wanted) return false
      return true
    }
    for (let index = Math.floor(start / PAGE_SIZE), at = index * PAGE_SIZE; at < end; index++, at += PAGE_SIZE) {
      const bits =
        at >= start && at + PAGE_SIZE <= end
          ? ALL_SECTORS
          : sectorBits(Math.max(0, start - at), Math.min(PAGE_SIZE, end - at))
      if ((valid[pages.lookup(object, index)]! & bits) !== (wanted & bits)) return false
    }
    return true
  }
}

/** The bits of a buffer that make it go, and its pages, when it is let go of. */
function dropping(flags: number): number {
  if ((flags & IoFlag.direct) !== 0) return State.drop | State.direct
  return (flags & IoFlag.fromPages) !== 0 ? State.drop : 0
}

function isNothingValid(valid: Uint8Array, frames: Int32Array): boolean {
  for (let i = 0; i < frames.length; i++) if (valid[frames[i]!] !== 0) return false
  return true
}

/** The first byte of [from, end) whose sector is not as `wanted` says: ALL_SECTORS, valid, or 0, not valid. */
function skipSectors(
  valid: Uint8Array,
  frames: Int32Array,
  base: number,
  from: number,
  end: number,
  wanted: number,
): number {
  let at = from
  while (at < end) {
    const within = at % PAGE_SIZE
    const bits = valid[frames[(at - base - within) / PAGE_SIZE]!]!
    // most pages are valid as a whole, or not at all
    if (bits === wanted) at += PAGE_SIZE - within
    else if (((bits ^ wanted) & (1 << Math.floor(within / 512))) === 0) at += 512 - (at % 512)
    else return at
  }
  return end
}

/** nbuf by FreeBSD's formula: 50 and one for every 64 KiB of memory above 4 MiB, at most an eighth of memory in all. */
function defaultBuffers(frames: number, blockSize: number): number {
  const kibibytes = frames * 4
  let buffers = 50
  if (kibibytes > 4096) buffers += Math.floor(Math.min(kibibytes - 4096, 61440) / 64)
  if (kibibytes > 65536) buffers += Math.floor(Math.min((kibibytes - 65536) * 2, 32 * 1024 * 1024) / 320)
  const pagesPerBlock = Math.max(1, blockSize / PAGE_SIZE)
  return Math.max(4, Math.min(buffers, Math.floor(frames / 8 / pagesPerBlock)))
}
