/**
 * Reading through the buffer cache: a cluster of blocks in one request, and a read ahead where a file is read in order.
 *
 * The last buffer of what was read carries a mark; a reader in order that comes to it sets the next read ahead off.
 *
 * Source of the behaviour: vfs_cluster.c of FreeBSD and DragonFly (cluster_read, cluster_rbuild).
 */
import { PAGE_SIZE } from '../vm/pages.ts'
import { BufferState, dropping, type Buffers } from './buffers.ts'
import type { FileContext } from './context.ts'
import type { Operation, TransferResult } from './operation.ts'
import { invalidPiece, setValid, zeroPiece } from './validSectors.ts'

/** cluster_read looks no further ahead than this, blocks. */
const READ_AHEAD_MOST = 32

export class ClusterReader {
  /** Told when a buffer carries the mark at which a reader in order is to read ahead, or loses it: DragonFly marks the page too. */
  onReadAheadMark: (frame: number) => void = () => {}
  readonly #context: FileContext
  readonly #buffers: Buffers
  readonly #clusterBlocks: number

  constructor(context: FileContext, buffers: Buffers, clusterBlocks: number) {
    this.#context = context
    this.#buffers = buffers
    this.#clusterBlocks = clusterBlocks
  }

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
      Math.max(1, Math.floor(this.#buffers.count / 8)),
      2 * this.#clusterBlocks + Math.floor(wantedBytes / blockSize),
    )
    let buffer = this.#buffers.get(object, file, block)
    if (buffer < 0) buffer = yield* this.#buffers.getLater(buffer, object, file, block)
    let next = block + 1
    if (this.#buffers.isFilled(buffer)) {
      const isMarked = (this.#buffers.flags[buffer]! & BufferState.readAheadMark) !== 0
      this.#buffers.flags[buffer]! |= dropped
      this.#buffers.release(buffer)
      if (sequential === 0 || !isMarked) return 0
      this.#buffers.flags[buffer]! &= ~BufferState.readAheadMark
      while (next < block + most && this.#buffers.find(object, next) >= 0) {
        if ((next - block) % this.#clusterBlocks === this.#clusterBlocks - 1)
          this.#mark(this.#buffers.find(object, next))
        next += 1
      }
      if (next >= block + most) return 0
    } else {
      const wanted = Math.min(this.#clusterBlocks, Math.ceil(wantedBytes / blockSize))
      const cluster = [buffer]
      const answer = this.#gather(object, file, cluster, wanted)
      if (answer < 0) yield* this.#gatherLater(answer, object, file, cluster, wanted)
      this.#mark(buffer)
      this.#buffers.flags[buffer]! |= dropped
      const errno = yield* this.fill(cluster)
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
      this.#buffers.find(object, block) >= 0 ||
      kernel.pages.freeCount - Math.max(1, volume.blockSize / PAGE_SIZE) * most <= kernel.thresholds.freeMin
    )
      return
    let first = this.#buffers.get(object, file, block)
    if (first < 0) first = yield* this.#buffers.getLater(first, object, file, block)
    if (this.#buffers.isFilled(first)) return this.#buffers.release(first)
    const cluster = [first]
    const answer = this.#gather(object, file, cluster, most)
    if (answer < 0) yield* this.#gatherLater(answer, object, file, cluster, most)
    this.#mark(cluster[cluster.length - 1]!)
    spawn(this.fill(cluster))
  }

  #mark(buffer: number): void {
    this.#buffers.flags[buffer]! |= BufferState.readAheadMark
    this.onReadAheadMark(this.#buffers.firstFrame(buffer))
  }

  /**
   * Puts into a cluster, which has a locked buffer, those that can be read with it in one request: of blocks that follow it on the device
   * and have no valid page. Negative where something has to be waited for: #gatherLater() is to go on at once, from this answer.
   */
  #gather(object: number, file: number, cluster: number[], most: number): number {
    const { volume } = this.#context
    const block = this.#buffers.block[cluster[0]!]!
    const { sector, runAfter } = volume.bmap(file, block)
    if (sector < 0 || !this.#buffers.isEmpty(cluster[0]!)) return 0
    const run = Math.min(most, runAfter + 1)
    while (cluster.length < run) {
      const next = block + cluster.length
      if (next * volume.blockSize >= volume.sizeBytes(file)) break
      const known = this.#buffers.find(object, next)
      if (known >= 0 ? !this.#buffers.isUnlocked(known) : this.#buffers.isExhausted) break
      const buffer = this.#buffers.get(object, file, next)
      if (buffer < 0) return buffer
      if (!this.#join(cluster, buffer)) break
    }
    return 0
  }

  *#gatherLater(answer: number, object: number, file: number, cluster: number[], most: number): Operation<void> {
    while (answer < 0) {
      const next = this.#buffers.block[cluster[0]!]! + cluster.length
      if (!this.#join(cluster, yield* this.#buffers.getLater(answer, object, file, next))) return
      answer = this.#gather(object, file, cluster, most)
    }
  }

  /** Whether a locked buffer can be read with a cluster; else it is let go of. */
  #join(cluster: number[], buffer: number): boolean {
    if (this.#buffers.isEmpty(buffer)) cluster.push(buffer)
    else this.#buffers.release(buffer)
    return cluster[cluster.length - 1] === buffer
  }

  /** Reads what is not valid of locked buffers next to each other, and lets go of them. */
  *fill(cluster: number[]): Operation<number> {
    const { volume, device, kernel } = this.#context
    const { pages, contents } = kernel
    const first = cluster[0]!
    const blockSize = volume.blockSize
    const start = this.#buffers.block[first]! * blockSize
    let length = 0
    for (const buffer of cluster) length += this.#buffers.lengthOf(buffer)
    const { sector } = volume.bmap(this.#buffers.file[first]!, this.#buffers.block[first]!)
    const frames = this.#buffers.framesOf(this.#buffers.object[first]!, start, length)
    this.#buffers.startIo(frames)
    let errno = 0
    const base = start - (start % PAGE_SIZE)
    for (let at = start; at < start + length && errno === 0;) {
      const piece = invalidPiece(pages, frames, base, at, start + length)
      if (piece.end <= piece.from) break
      if (sector >= 0) {
        const own =
          piece.from === start && piece.end === start + length
            ? frames
            : frames.subarray(Math.floor((piece.from - base) / PAGE_SIZE), Math.ceil((piece.end - base) / PAGE_SIZE))
        const place = sector + (piece.from - start) / 512
        const request = device.begin(false, place, piece.end - piece.from, own, piece.from % PAGE_SIZE)
        errno = request < 0 ? device.lastErrno : yield* device.end(request)
      } else zeroPiece(contents, frames, base, piece.from, piece.end)
      if (errno === 0) setValid(pages, frames, base, piece.from, piece.end)
      at = piece.end
    }
    this.#buffers.endIo(frames)
    this.#buffers.rows.give(frames)
    for (const buffer of cluster) {
      if (errno !== 0) this.#buffers.discard(buffer)
      else this.#buffers.release(buffer)
    }
    return errno
  }
}
