/**
 * Requests to devices: what the swap pager and the file pages ask for, with their bytes.
 *
 *   start()  the bytes move now: made from the ledger for a write, compared with it after a read; an event is recorded
 *   done()   the request is over: at its time, or at once on a device that takes none
 */
import type { Device } from '../disk/device.ts'
import { META_PAGES, NO_BLOCK } from '../swap/metadata.ts'
import { ContentsError } from '../vm/contents.ts'
import { ObjectFlag, ObjectType, PAGE_SIZE, Queue } from '../vm/pages.ts'
import type { Columns } from './columns.ts'
import { EventKind } from './events.ts'
import { QueueEvent, type Kernel } from './kernel.ts'
import { Counter } from './metrics.ts'

/** Frames of a buffer of the swap pager. */
const BUFFER_WIDTH = 64

export interface RequestParts {
  columns: Columns
  kernel: Kernel
  devices: readonly Device[]
  /** What was written is noted in the ledger, for processes that give pages away. */
  notesStored: boolean
  /** A request of the swap pager is over. */
  ended: (buffer: number) => void
}

export class Requests {
  /** Set when a request is submitted, for who steps from one to the next. */
  wasSubmitted = false
  readonly #kernel: Kernel
  readonly #devices: readonly Device[]
  readonly #notesStored: boolean
  readonly #ended: (buffer: number) => void
  readonly #buffers: Uint8Array[] = []
  /** [0] requests submitted and not yet over. */
  #state: Int32Array

  constructor(parts: RequestParts) {
    const { columns } = parts
    this.#kernel = parts.kernel
    this.#devices = parts.devices
    this.#notesStored = parts.notesStored
    this.#ended = parts.ended
    this.#state = columns.define('requests', 'i32', 1)
    columns.onRebind(() => {
      this.#state = columns.get('requests', 'i32')
    })
  }

  get inFlight(): number {
    return this.#state[0]!
  }

  /** The pager starts a request: its bytes move now, it is over when the device says. */
  start(buffer: number): void {
    const kernel = this.#kernel
    const { pager, pages, contents, counters } = kernel
    const isWrite = pager.bufferIsWrite[buffer] !== 0
    const count = pager.bufferPages[buffer]!
    const slot = pager.bufferSlot[buffer]!
    const unit = pager.devices.unit[slot]!
    const device = this.#devices[unit]!
    const block = pager.bufferBlock[buffer]!
    const row = buffer * BUFFER_WIDTH
    const { bufferFrames } = pager
    const { isReal } = contents
    if (isReal)
      for (let i = 0; i < count; i++) {
        const frame = bufferFrames[row + i]!
        if (isWrite) contents.fill(frame, pages.slot[frame]!)
        this.#buffers[i] = contents.view(frame)
      }
    const { now } = kernel
    const completion = device.submit(now, isWrite, block - pager.devices.firstBlock[slot]!, this.#buffers, count)
    const errno = device.lastErrno
    pager.bufferErrno[buffer] = errno
    this.wasSubmitted = true
    const object = pager.bufferObject[buffer]!
    const pageIndex = pages.pageIndex[bufferFrames[row]!]!
    const kind = isWrite ? EventKind.swapout : EventKind.swapin
    const detail = isWrite ? pager.bufferIsAsync[buffer]! : pager.bufferBehind[buffer]!
    if (isWrite) counters[Counter.deviceWrites]! += 1
    else counters[Counter.deviceReads]! += 1
    kernel.emit(kind, -1, object, pageIndex, count, unit, block, completion - now, detail)
    if (errno !== 0) {
      counters[Counter.ioErrors]! += 1
      kernel.emit(EventKind.ioError, -1, object, pageIndex, count, unit, block, completion - now, errno)
    } else if (isWrite && this.#notesStored) {
      for (let i = 0; i < count; i++) contents.noteStored(pages.slot[bufferFrames[row + i]!]!)
    }
    if (errno === 0 && isReal) {
      if (isWrite) counters[Counter.bytesWritten]! += count * PAGE_SIZE
      else {
        counters[Counter.bytesRead]! += count * PAGE_SIZE
        for (let i = 0; i < count; i++) this.#verify(bufferFrames[row + i]!, unit, block + i)
      }
    }
    if (completion > now) {
      this.#state[0]! += 1
      kernel.queue.push(completion, QueueEvent.swapRequest, buffer)
    } else this.#ended(buffer)
  }

  /** A request of the swap pager that took time is over. */
  done(buffer: number): void {
    this.#state[0]! -= 1
    this.#ended(buffer)
  }

  /** Reads pages of the file store into frames; when that is over, ns. */
  readFile(device: Device, page: number, frames: Int32Array, count: number): number {
    const { contents, counters, now } = this.#kernel
    if (contents.isReal) for (let i = 0; i < count; i++) this.#buffers[i] = contents.view(frames[i]!)
    const completion = device.submit(now, false, page, this.#buffers, count)
    if (completion > now) this.#state[0]! += 1
    this.wasSubmitted = true
    counters[Counter.deviceReads]! += 1
    if (contents.isReal) {
      counters[Counter.bytesRead]! += count * PAGE_SIZE
      for (let i = 0; i < count; i++) this.#verify(frames[i]!, -1, page + i)
    }
    return completion
  }

  /** A read of the file store that took time is over. */
  fileDone(): void {
    this.#state[0]! -= 1
  }

  /** Compares a page that came in, from a block of a swap device or (unit -1) from a page of the file store. */
  #verify(frame: number, unit: number, block: number): void {
    const { contents, pages, counters } = this.#kernel
    if (contents.isAsExpected(frame, pages.slot[frame]!) || this.#isAsReserved(frame, unit, block)) {
      counters[Counter.bytesVerified]! += PAGE_SIZE
      return
    }
    const { offset, expected, got } = contents.firstDifference(frame)
    const whence = unit < 0 ? `page ${block} of the file store` : `block ${block} of device ${unit}`
    throw new ContentsError(
      `page ${pages.pageIndex[frame]!} of object ${pages.object[frame]!} came in with other bytes than went out: byte ${offset} is ${got}, not ${expected}; read from ${whence}`,
    )
  }

  /** Whether a page of a reserved object that was never written to has what its block holds, whoever wrote that. */
  #isAsReserved(frame: number, unit: number, block: number): boolean {
    const { contents, pages, pager } = this.#kernel
    const object = pages.object[frame]!
    if (unit < 0 || (pages.objectFlags[object]! & ObjectFlag.reserved) === 0) return false
    if (contents.version[pages.slot[frame]!] !== 0 || pager.metadata.lookup(object, pages.pageIndex[frame]!) !== block)
      return false
    const held = new Uint8Array(PAGE_SIZE)
    this.#devices[unit]!.store.readPages(block - pager.devices.firstBlock[pager.devices.slotOf(unit)]!, [held], 1)
    return contents.firstDifferent(frame, 0, PAGE_SIZE, held, 0) < 0
  }

  /** Writes to the devices what the pages in swap must be. A page that was written since is resident, and its block is never read. */
  rewriteSwap(): void {
    const { pages, pager, contents } = this.#kernel
    const { metadata, devices } = pager
    const scratch = pages.queueHead[Queue.free]!
    // without a free frame any will do: a frame's bytes are made anew before they are used
    const frame = scratch < 0 ? 0 : scratch
    for (let object = pages.firstObject; object >= 0; object = pages.objectNext[object]!) {
      if (pages.objectType[object] !== ObjectType.swap) continue
      for (
        let node = metadata.nodeFrom(object, 0);
        node >= 0;
        node = metadata.nodeFrom(object, metadata.nodeIndex[node]! + META_PAGES)
      )
        for (let place = 0; place < META_PAGES; place++) {
          const block = metadata.blocks[node * META_PAGES + place]!
          if (block === NO_BLOCK) continue
          const slot = devices.slotOfBlock(block)
          contents.fill(frame, pages.slotBase[object]! + metadata.nodeIndex[node]! + place)
          this.#buffers[0] = contents.view(frame)
          this.#devices[devices.unit[slot]!]!.store.writePages(block - devices.firstBlock[slot]!, this.#buffers, 1)
        }
    }
  }
}
