/**
 * The buffer cache of FreeBSD and DragonFly, over the pages of the files' own objects.
 *
 * A buffer stands for one block of a file; its data are the object's pages, which it keeps wired (buffers.ts). Under VOP_READ and VOP_WRITE
 * the pagers' transfers pass through here: a read takes a cluster of blocks in one request and reads ahead when the file is read in order
 * (clusterRead.ts); a write takes the pages over as clean and puts them on the device now, soon or with their neighbours.
 *
 * Source of the behaviour: vfs_bio.c and vfs_cluster.c of both kernels (bwrite, bawrite, bdwrite, cluster_write, vtruncbuf).
 */
import { ALL_SECTORS, PAGE_SIZE, Queue } from '../vm/pages.ts'
import { Buffers, dropping } from './buffers.ts'
import { ClusterReader } from './clusterRead.ts'
import { sectorBits, type FileContext } from './context.ts'
import { IoFlag, type Operation, type TransferResult } from './operation.ts'
import { invalidPiece, setValid, zeroPiece } from './validSectors.ts'

export class BufferCache {
  readonly #context: FileContext
  readonly #buffers: Buffers
  readonly #reader: ClusterReader
  readonly #clusterBlocks: number

  constructor(context: FileContext) {
    this.#context = context
    this.#buffers = new Buffers(context, (buffer) => this.#put([buffer]))
    const { tunables, volume } = context
    // a cluster must not take all of a small cache's buffers
    this.#clusterBlocks = Math.max(
      1,
      Math.min(Math.floor(tunables.maxphys / volume.blockSize), Math.floor(this.#buffers.count / 4)),
    )
    this.#reader = new ClusterReader(context, this.#buffers, this.#clusterBlocks)
  }

  /** Has a buffer's first page told of when the buffer is where a reader in order is to read ahead. */
  set onReadAheadMark(told: (frame: number) => void) {
    this.#reader.onReadAheadMark = told
  }

  /** Whether nobody has a buffer: what a wait for one looks at. */
  isUnlocked(buffer: number): boolean {
    return this.#buffers.isUnlocked(buffer)
  }

  /** Bytes of asynchronous writes on their way: what a wait for room looks at. */
  get runningBytes(): number {
    return this.#buffers.runningBytes
  }

  /** Changes whenever a buffer is let go of, or given up: what a wait for any buffer looks at. */
  get room(): number {
    return this.#buffers.room
  }

  /** VOP_READ: see ClusterReader. */
  read(
    object: number,
    file: number,
    offset: number,
    lengthBytes: number,
    sequential: number,
    flags = 0,
  ): Operation<TransferResult> {
    return this.#reader.read(object, file, offset, lengthBytes, sequential, flags)
  }

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
    let buffer = this.#buffers.get(object, file, block)
    if (buffer < 0) buffer = yield* this.#buffers.getLater(buffer, object, file, block)
    if (wasHole) this.#clear(buffer)
    // a block that is written in part is read first
    if ((from > start || to < start + this.#buffers.lengthOf(buffer)) && !this.#buffers.isFilled(buffer)) {
      const errno = yield* this.#reader.fill([buffer])
      if (errno !== 0) return errno
      buffer = this.#buffers.get(object, file, block)
      if (buffer < 0) buffer = yield* this.#buffers.getLater(buffer, object, file, block)
    }
    const frames = this.#buffers.framesOf(object, start, this.#buffers.lengthOf(buffer))
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
    this.#buffers.flags[buffer]! |= dropping(flags)
    if ((flags & IoFlag.sync) !== 0) return yield* this.#put([buffer])
    const isFull = to === start + this.#buffers.lengthOf(buffer) && this.#buffers.lengthOf(buffer) === volume.blockSize
    if ((flags & IoFlag.async) !== 0) yield* this.#putLater([buffer])
    else if (isFull && block % this.#clusterBlocks === this.#clusterBlocks - 1) {
      // the end of a cluster: all of it goes
      this.#buffers.delay(buffer)
      yield* this.#putCluster(object, file, block)
    } else if (!isFull && (flags & IoFlag.direct) !== 0) yield* this.#putLater([buffer])
    else this.#buffers.delay(buffer)
    return 0
  }

  /** B_CLRBUF: what is not valid of a block that has just been given a place, from a byte of it on, is zero, whatever the device has there. */
  #clear(buffer: number, from = 0): void {
    const { volume, kernel } = this.#context
    const { pages, contents } = kernel
    const start = this.#buffers.block[buffer]! * volume.blockSize
    const end = start + this.#buffers.lengthOf(buffer)
    const base = start - (start % PAGE_SIZE)
    const frames = this.#buffers.framesOf(this.#buffers.object[buffer]!, start, end - start)
    for (const frame of frames) this.#context.truth.materialise(frame)
    for (let at = start + from; at < end;) {
      const piece = invalidPiece(pages, frames, base, at, end)
      if (piece.end <= piece.from) return
      zeroPiece(contents, frames, base, piece.from, piece.end)
      setValid(pages, frames, base, piece.from, piece.end)
      at = piece.end
    }
  }

  /** The file is about to grow: the buffer of the block that its end cuts gets the pages that it will have. allocbuf. */
  *grow(object: number, file: number, sizeBytes: number): Operation<number> {
    const { volume } = this.#context
    const old = volume.sizeBytes(file)
    const buffer = old === 0 ? -1 : this.#buffers.find(object, Math.floor((old - 1) / volume.blockSize))
    if (buffer < 0) return volume.setSize(file, sizeBytes)
    while (!this.#buffers.isUnlocked(buffer)) yield { on: 'buffer', buffer }
    if (this.#buffers.object[buffer] !== object) return yield* this.grow(object, file, sizeBytes)
    this.#buffers.lock(buffer)
    const pagesBefore = this.#buffers.endPage(buffer)
    const from = this.#buffers.lengthOf(buffer)
    const errno = volume.setSize(file, sizeBytes)
    if (errno === 0) {
      yield* this.#buffers.wirePages(buffer, pagesBefore)
      this.#clear(buffer, from)
    }
    this.#buffers.release(buffer)
    return errno
  }

  /**
   * A pageout on a machine without a reserve, which plain replacement policies have: there is no frame for the rest of the block, so
   * the pages are written without a buffer. The kernels do not come here.
   */
  *#writeAlone(object: number, file: number, block: number, from: number, to: number): Operation<number> {
    const { kernel, volume, device, pageWritten } = this.#context
    const { pages, mappings } = kernel
    const frames = this.#buffers.framesOf(object, from, to - from)
    this.#buffers.startIo(frames)
    for (const frame of frames) {
      mappings.removeWrite(frame)
      pages.dirty[frame] = 0
    }
    const { sector } = volume.bmap(file, block)
    const errno = yield* device.transfer(true, sector + (from - block * volume.blockSize) / 512, to - from, frames, 0)
    this.#buffers.endIo(frames)
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

  /** cluster_wbuild: the delayed blocks around one, as far as they lie next to each other on the device, in one request each. */
  *#putCluster(object: number, file: number, last: number): Operation<void> {
    const { volume } = this.#context
    let block = Math.max(0, last - this.#clusterBlocks + 1)
    while (block <= last) {
      const first = this.#buffers.find(object, block)
      if (first < 0 || !this.#buffers.isDelayed(first) || !this.#buffers.isUnlocked(first)) {
        block += 1
        continue
      }
      this.#buffers.lock(first)
      const cluster = [first]
      const { runAfter } = volume.bmap(file, block)
      while (cluster.length <= runAfter && block + cluster.length <= last) {
        const next = this.#buffers.find(object, block + cluster.length)
        if (next < 0 || !this.#buffers.isDelayed(next) || !this.#buffers.isUnlocked(next)) break
        this.#buffers.lock(next)
        cluster.push(next)
      }
      block += cluster.length
      yield* this.#putLater(cluster)
    }
  }

  /** bawrite: begins the write and does not wait for it, unless too much is on its way already. */
  *#putLater(cluster: number[]): Operation<void> {
    const { tunables, spawn } = this.#context
    this.#takePages(cluster)
    spawn(this.#putAndForget(cluster))
    while (this.#buffers.runningBytes > tunables.hirunningspace) yield { on: 'output', vnode: -1 }
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
      const start = this.#buffers.block[buffer]! * this.#context.volume.blockSize
      const length = this.#buffers.lengthOf(buffer)
      this.#buffers.addRunning(length)
      this.#buffers.undelay(buffer)
      const frames = this.#buffers.framesOf(this.#buffers.object[buffer]!, start, length)
      this.#buffers.startIo(frames)
      for (let i = 0; i < frames.length; i++) {
        const frame = frames[i]!
        mappings.removeWrite(frame)
        const pageStart = pages.pageIndex[frame]! * PAGE_SIZE
        pages.dirty[frame]! &= ~sectorBits(
          Math.max(0, start - pageStart),
          Math.min(PAGE_SIZE, start + length - pageStart),
        )
      }
      this.#buffers.rows.give(frames)
    }
  }

  /** Puts buffers next to each other on the device. One that could not be written is to be written again. */
  *#transferOut(cluster: number[]): Operation<number> {
    const { volume, device } = this.#context
    const first = cluster[0]!
    const start = this.#buffers.block[first]! * volume.blockSize
    let length = 0
    for (const buffer of cluster) length += this.#buffers.lengthOf(buffer)
    const frames = this.#buffers.framesOf(this.#buffers.object[first]!, start, length)
    const { sector } = volume.bmap(this.#buffers.file[first]!, this.#buffers.block[first]!)
    const errno = yield* device.transfer(true, sector, length, frames, start % PAGE_SIZE)
    volume.touch(this.#buffers.file[first]!, true, this.#context.kernel.now)
    for (const buffer of cluster) {
      const bytes = this.#buffers.lengthOf(buffer)
      this.#buffers.addRunning(-bytes)
      const own = this.#buffers.framesOf(
        this.#buffers.object[buffer]!,
        this.#buffers.block[buffer]! * volume.blockSize,
        bytes,
      )
      this.#buffers.endIo(own)
      if (errno !== 0) this.#buffers.delay(buffer)
      else this.#buffers.release(buffer)
      for (const frame of own) this.#context.pageWritten(frame)
      this.#buffers.rows.give(own)
    }
    this.#buffers.rows.give(frames)
    return errno
  }

  /** Writes the delayed buffers of a file (-1: of all): fsync, the syncer. With `waits` all of them are on the device at the end. */
  *flush(object: number, waits: boolean): Operation<number> {
    let result = 0
    const delayed: number[] = []
    for (let buffer = 0; buffer < this.#buffers.count; buffer++)
      if (this.#buffers.isDelayed(buffer) && (object < 0 || this.#buffers.object[buffer] === object))
        delayed.push(buffer)
    delayed.sort(
      (a, b) =>
        this.#buffers.object[a]! - this.#buffers.object[b]! || this.#buffers.block[a]! - this.#buffers.block[b]!,
    )
    for (let i = 0; i < delayed.length;) {
      const first = delayed[i]!
      i += 1
      while (!this.#buffers.isUnlocked(first)) yield { on: 'buffer', buffer: first }
      if (!this.#buffers.isDelayed(first)) continue
      this.#buffers.lock(first)
      const cluster = [first]
      const { runAfter } = this.#context.volume.bmap(this.#buffers.file[first]!, this.#buffers.block[first]!)
      while (i < delayed.length && cluster.length <= Math.min(runAfter, this.#clusterBlocks - 1)) {
        const next = delayed[i]!
        if (
          this.#buffers.object[next] !== this.#buffers.object[first] ||
          this.#buffers.block[next] !== this.#buffers.block[first]! + cluster.length ||
          !this.#buffers.isUnlocked(next) ||
          !this.#buffers.isDelayed(next)
        )
          break
        this.#buffers.lock(next)
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
      for (let buffer = 0; buffer < this.#buffers.count; buffer++)
        while (this.#buffers.object[buffer] === object && !this.#buffers.isUnlocked(buffer))
          yield { on: 'buffer', buffer }
    return result
  }

  /** There are buffers of blocks from one on. */
  hasBlocks(object: number, firstBlock: number): boolean {
    const buffers = this.#buffers
    for (let buffer = 0; buffer < buffers.count; buffer++)
      if (buffers.object[buffer] === object && buffers.block[buffer]! >= firstBlock) return true
    return false
  }

  /** Drops the buffers of blocks from one on, written or not: the file ends before them. vtruncbuf. */
  *invalidate(object: number, firstBlock: number): Operation<void> {
    for (let buffer = 0; buffer < this.#buffers.count; buffer++) {
      if (this.#buffers.object[buffer] !== object || this.#buffers.block[buffer]! < firstBlock) continue
      while (!this.#buffers.isUnlocked(buffer)) yield { on: 'buffer', buffer }
      if (this.#buffers.object[buffer] !== object || this.#buffers.block[buffer]! < firstBlock) continue
      this.#buffers.lock(buffer)
      this.#buffers.discard(buffer)
    }
  }

  /** The file is about to end at a byte: buffers beyond go, and that of the block that the end cuts gives up its pages beyond. */
  *cut(object: number, file: number, sizeBytes: number): Operation<void> {
    const { volume, kernel } = this.#context
    const { pages } = kernel
    yield* this.invalidate(object, Math.ceil(sizeBytes / volume.blockSize))
    const buffer =
      sizeBytes % volume.blockSize === 0 ? -1 : this.#buffers.find(object, Math.floor(sizeBytes / volume.blockSize))
    if (buffer < 0) return
    while (!this.#buffers.isUnlocked(buffer)) yield { on: 'buffer', buffer }
    if (this.#buffers.object[buffer] !== object || this.#buffers.file[buffer] !== file) return
    const end = this.#buffers.endPage(buffer)
    for (let index = Math.ceil(sizeBytes / PAGE_SIZE); index < end; index++) {
      const frame = pages.lookup(object, index)
      if (frame < 0) continue
      pages.wired[frame]! -= 1
      if (pages.wired[frame] === 0) pages.enqueue(frame, pages.isOneQueue ? Queue.active : Queue.inactive)
    }
  }
}
