/**
 * The buffers of the buffer cache: which block of which file each stands for, who has it, and the object's pages that it keeps wired.
 *
 * Life of a buffer: get() finds or makes it, locked -> its I/O, during which its pages are soft-busy (startIo, endIo) -> release(): to the tail
 * of the list of unlocked ones, clean or delayed, which is to be written -> taken for another block when it is the oldest, or discarded at
 * once (`drop`) after a pageout.
 *
 * Source of the behaviour: vfs_bio.c of FreeBSD and DragonFly (getblk, allocbuf, bqrelse, brelse, vfs_vmio_release).
 */
import { ALL_SECTORS, PAGE_SIZE, Queue } from '../vm/pages.ts'
import { sectorBits, type FileContext } from './context.ts'
import { FrameRows } from './frameRows.ts'
import { IoFlag, type Operation } from './operation.ts'

/** Bits of a buffer's state: locked, B_DELWRI, B_RAM, B_RELBUF, B_DIRECT. */
export const BufferState = { locked: 1, delayed: 2, readAheadMark: 4, drop: 8, direct: 16 } as const

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

export class Buffers {
  readonly #context: FileContext
  readonly #write: (buffer: number) => Operation<unknown>
  readonly count: number
  /** By buffer: what it stands for, and bits of BufferState. */
  object!: Int32Array
  file!: Int32Array
  block!: Float64Array
  flags!: Uint8Array
  #older!: Int32Array
  #newer!: Int32Array
  #chain!: Int32Array
  #heads!: Int32Array
  /** [0] oldest unlocked buffer, [1] newest, [2] first unused row, [3] bytes being written, [4] delayed buffers */
  #totals!: Float64Array
  /** Where rows of frames come from, and go back to. */
  readonly rows = new FrameRows()
  /** The page at which get() stopped: only between its answer and getLater(). */
  #lacking = -1

  /** `write` puts a locked buffer on its device, and lets go of it. */
  constructor(context: FileContext, write: (buffer: number) => Operation<unknown>) {
    this.#context = context
    this.#write = write
    const { columns, volume, tunables, kernel } = context
    this.count = tunables.nbuf > 0 ? tunables.nbuf : defaultBuffers(kernel.pages.frames, volume.blockSize)
    for (const [name, kind] of columnKinds) columns.define(`file.cache.${name}`, kind, this.count)
    columns.define('file.cache.heads', 'i32', HEADS).fill(-1)
    const totals = columns.define('file.cache.totals', 'f64', 5)
    totals[0] = totals[1] = -1
    this.#rebind()
    this.object.fill(-1)
    for (let row = 0; row < this.count; row++) this.#chain[row] = row + 1 < this.count ? row + 1 : -1
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#context.columns
    this.object = c.get('file.cache.object', 'i32')
    this.file = c.get('file.cache.file', 'i32')
    this.block = c.get('file.cache.block', 'f64')
    this.flags = c.get('file.cache.state', 'u8')
    this.#older = c.get('file.cache.older', 'i32')
    this.#newer = c.get('file.cache.newer', 'i32')
    this.#chain = c.get('file.cache.chain', 'i32')
    this.#heads = c.get('file.cache.heads', 'i32')
    this.#totals = c.get('file.cache.totals', 'f64')
  }

  /** Whether nobody has a buffer: what a wait for one looks at. */
  isUnlocked(buffer: number): boolean {
    return (this.flags[buffer]! & BufferState.locked) === 0
  }

  /** Bytes of asynchronous writes on their way: what a wait for room looks at. */
  get runningBytes(): number {
    return this.#totals[3]!
  }

  addRunning(bytes: number): void {
    this.#totals[3]! += bytes
  }

  /** Every buffer is in use, and locked. */
  get isExhausted(): boolean {
    return this.#totals[2]! < 0 && this.#totals[0]! < 0
  }

  /** Changes whenever a buffer is let go of, or given up: what a wait for any buffer looks at. */
  get room(): number {
    return this.#totals[0]! + (this.#totals[2]! + 1) * (this.count + 1)
  }

  /** bdwrite: the buffer is to be written some time. */
  delay(buffer: number): void {
    if ((this.flags[buffer]! & BufferState.delayed) === 0) this.#totals[4]! += 1
    this.flags[buffer]! |= BufferState.delayed
    this.release(buffer)
  }

  /** It is being written. */
  undelay(buffer: number): void {
    if (this.isDelayed(buffer)) this.#totals[4]! -= 1
    this.flags[buffer]! &= ~BufferState.delayed
  }

  isDelayed(buffer: number): boolean {
    return (this.flags[buffer]! & BufferState.delayed) !== 0
  }

  /** Page index behind the last page of a buffer. */
  endPage(buffer: number): number {
    return Math.ceil((this.block[buffer]! * this.#context.volume.blockSize + this.lengthOf(buffer)) / PAGE_SIZE)
  }

  /**
   * getblk: the buffer of a block, locked, its pages in memory and wired. Negative where something has to be waited for, which is
   * rare: getLater() is to go on at once, from this answer.
   */
  get(object: number, file: number, block: number): number {
    const known = this.find(object, block)
    if (known >= 0) {
      if (!this.isUnlocked(known)) return -1
      this.lock(known)
      return known
    }
    const row = this.#roomNow()
    if (row < 0) return -1
    this.object[row] = object
    this.file[row] = file
    this.block[row] = block
    this.flags[row] = BufferState.locked
    const head = this.#hash(object, block)
    this.#chain[row] = this.#heads[head]!
    this.#heads[head] = row
    this.#lacking = this.#wireNow(row, Math.floor((block * this.#context.volume.blockSize) / PAGE_SIZE))
    return this.#lacking < 0 ? row : -2 - row
  }

  *getLater(answer: number, object: number, file: number, block: number): Operation<number> {
    let buffer = answer
    while (buffer === -1) {
      const known = this.find(object, block)
      if (known >= 0) {
        if (!this.isUnlocked(known)) yield { on: 'buffer', buffer: known }
      } else yield* this.#makeRoom()
      buffer = this.get(object, file, block)
    }
    if (buffer >= 0) return buffer
    yield* this.wirePages(-2 - buffer, this.#lacking)
    return -2 - buffer
  }

  /** allocbuf: brings the pages of a buffer from an index on into being. */
  *wirePages(buffer: number, from: number): Operation<void> {
    const { pages } = this.#context.kernel
    const object = this.object[buffer]!
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
    const object = this.object[buffer]!
    const end = this.endPage(buffer)
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
      while (buffer >= 0 && this.isDelayed(buffer)) buffer = this.#newer[buffer]!
      if (buffer < 0) return -1
      this.lock(buffer)
      this.discard(buffer)
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
      this.lock(oldest)
      yield* this.#write(oldest)
    }
  }

  #hash(object: number, block: number): number {
    return (object * 31 + (block | 0)) & (HEADS - 1)
  }

  find(object: number, block: number): number {
    let buffer = this.#heads[this.#hash(object, block)]!
    while (buffer >= 0 && (this.object[buffer] !== object || this.block[buffer] !== block))
      buffer = this.#chain[buffer]!
    return buffer
  }

  /** Takes an unlocked buffer off the list. */
  lock(buffer: number): void {
    const older = this.#older[buffer]!
    const newer = this.#newer[buffer]!
    if (older < 0) this.#totals[0] = newer
    else this.#newer[older] = newer
    if (newer < 0) this.#totals[1] = older
    else this.#older[newer] = older
    this.flags[buffer]! |= BufferState.locked
  }

  /** bqrelse, brelse: a locked buffer is anybody's again, or goes, if it was made for a pageout and is clean. */
  release(buffer: number): void {
    if ((this.flags[buffer]! & (BufferState.drop | BufferState.delayed)) === BufferState.drop)
      return this.discard(buffer)
    this.flags[buffer]! &= ~BufferState.locked
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
  discard(buffer: number): void {
    const isDirect = (this.flags[buffer]! & BufferState.direct) !== 0
    const { kernel, volume } = this.#context
    const { pages } = kernel
    const object = this.object[buffer]!
    const block = this.block[buffer]!
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
    if (this.isDelayed(buffer)) this.#totals[4]! -= 1
    const head = this.#hash(object, block)
    if (this.#heads[head] === buffer) this.#heads[head] = this.#chain[buffer]!
    else {
      let before = this.#heads[head]!
      while (this.#chain[before] !== buffer) before = this.#chain[before]!
      this.#chain[before] = this.#chain[buffer]!
    }
    this.flags[buffer] = 0
    this.object[buffer] = -1
    this.#chain[buffer] = this.#totals[2]!
    this.#totals[2] = buffer
  }

  /** Bytes of a block: less than a whole one at the end of the file, in sectors. */
  lengthOf(buffer: number): number {
    const { volume } = this.#context
    const start = this.block[buffer]! * volume.blockSize
    const toEnd = Math.ceil((volume.sizeBytes(this.file[buffer]!) - start) / 512) * 512
    return Math.max(512, Math.min(volume.blockSize, toEnd))
  }

  /** The first page of a buffer. */
  firstFrame(buffer: number): number {
    const start = this.block[buffer]! * this.#context.volume.blockSize
    return this.#context.kernel.pages.lookup(this.object[buffer]!, Math.floor(start / PAGE_SIZE))
  }

  /** The row is the caller's, to be given back when it is done with it. */
  framesOf(object: number, start: number, lengthBytes: number): Int32Array {
    const { pages } = this.#context.kernel
    const first = Math.floor(start / PAGE_SIZE)
    const frames = this.rows.take(Math.ceil((start + lengthBytes) / PAGE_SIZE) - first)
    for (let i = 0; i < frames.length; i++) frames[i] = pages.lookup(object, first + i)
    return frames
  }

  startIo(frames: Int32Array): void {
    const { object, sharedBusy, pagingInProgress } = this.#context.kernel.pages
    for (let i = 0; i < frames.length; i++) sharedBusy[frames[i]!]! += 1
    pagingInProgress[object[frames[0]!]!]! += frames.length
  }

  endIo(frames: Int32Array): void {
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
  isFilled(buffer: number): boolean {
    return this.#hasOnly(buffer, ALL_SECTORS)
  }

  isEmpty(buffer: number): boolean {
    return this.#hasOnly(buffer, 0)
  }

  /** Whether the sectors of a block are all valid (`wanted` ALL_SECTORS), or none of them (0). */
  #hasOnly(buffer: number, wanted: number): boolean {
    const { pages } = this.#context.kernel
    const { valid } = pages
    const start = this.block[buffer]! * this.#context.volume.blockSize
    const length = this.lengthOf(buffer)
    const end = start + length
    const object = this.object[buffer]!
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
export function dropping(flags: number): number {
  if ((flags & IoFlag.direct) !== 0) return BufferState.drop | BufferState.direct
  return (flags & IoFlag.fromPages) !== 0 ? BufferState.drop : 0
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
