/**
 * The device that files are on, as the pagers' hosts use it: transfers between sectors of it and bytes of page frames.
 *
 * A transfer moves its bytes when it is submitted and is over when the device says. What comes in is compared with what it must
 * be (fileTruth.ts). The medium is read and written in pages: where a transfer begins or ends within one, or lies otherwise on the device
 * than in memory, the bytes take a way round through a buffer of their own, and a page written in part is read first.
 */
import type { Device } from '../disk/device.ts'
import type { Columns } from '../sim/columns.ts'
import { EventKind } from '../sim/events.ts'
import { QueueEvent, type Kernel } from '../sim/kernel.ts'
import { Counter } from '../sim/metrics.ts'
import { PAGE_SIZE, SECTOR_SIZE } from '../vm/pages.ts'
import type { FileTruth } from './fileTruth.ts'
import type { Operation } from './operation.ts'

/** Requests that somebody waits for have no buffer. */
const NO_BUFFER = -1

export class FileDevice {
  /** Errno of the request that was started last, where it was over at once. */
  lastErrno = 0
  /** Told of the end of a request that was started for a buffer. */
  onBufferDone: (buffer: number, errno: number) => void = () => {}
  /** Told of each submission, for stepping. */
  onSubmit: () => void = () => {}
  readonly #kernel: Kernel
  readonly #device: Device
  readonly #truth: FileTruth
  readonly #columns: Columns
  /** By request: whether it is over, and how; whose buffer it is. */
  #isDone: Uint8Array
  #errno: Int32Array
  #buffer: Int32Array
  #next: Int32Array
  /** [0] first free row, [1] requests on their way */
  #state: Int32Array
  readonly #views: Uint8Array[] = []
  #bounce: Uint8Array[] = []

  constructor(columns: Columns, kernel: Kernel, device: Device, truth: FileTruth) {
    this.#columns = columns
    this.#kernel = kernel
    this.#device = device
    this.#truth = truth
    this.#isDone = columns.define('file.transfer.isDone', 'u8', 16)
    this.#errno = columns.define('file.transfer.errno', 'i32', 16)
    this.#buffer = columns.define('file.transfer.buffer', 'i32', 16)
    this.#next = columns.define('file.transfer.next', 'i32', 16)
    this.#state = columns.define('file.transfer.state', 'i32', 2)
    this.#state[0] = -1
    this.#chain(0)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.#isDone = c.get('file.transfer.isDone', 'u8')
    this.#errno = c.get('file.transfer.errno', 'i32')
    this.#buffer = c.get('file.transfer.buffer', 'i32')
    this.#next = c.get('file.transfer.next', 'i32')
    this.#state = c.get('file.transfer.state', 'i32')
  }

  #chain(from: number): void {
    for (let row = this.#next.length - 1; row >= from; row--) {
      this.#next[row] = this.#state[0]!
      this.#state[0] = row
    }
  }

  #take(): number {
    if (this.#state[0]! < 0) {
      const rows = this.#next.length
      this.#columns.resize('file.transfer.isDone', 'u8', rows * 2)
      for (const name of ['errno', 'buffer', 'next'] as const)
        this.#columns.resize(`file.transfer.${name}`, 'i32', rows * 2)
      this.#rebind()
      this.#chain(rows)
    }
    const row = this.#state[0]!
    this.#state[0] = this.#next[row]!
    return row
  }

  #free(row: number): void {
    this.#next[row] = this.#state[0]!
    this.#state[0] = row
  }

  /** Requests on their way. */
  get inFlight(): number {
    return this.#state[1]!
  }

  /** Whether a request that somebody waits for is over. */
  isOver(request: number): boolean {
    return this.#isDone[request] !== 0
  }

  /**
   * Moves `lengthBytes` between the device, from a sector on, and the pages of `frames`, one after another, from byte `offset` on.
   * Answers an errno; what fails moves nothing.
   */
  *transfer(
    isWrite: boolean,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
  ): Operation<number> {
    const request = this.begin(isWrite, sector, lengthBytes, frames, offset)
    return request < 0 ? this.lastErrno : yield* this.end(request)
  }

  /** Begins the same; answers the request's number, for end(), or -1 if it is over: `lastErrno` says how. */
  begin(isWrite: boolean, sector: number, lengthBytes: number, frames: Int32Array, offset: number): number {
    return this.#start(isWrite, sector, lengthBytes, frames, offset, NO_BUFFER)
  }

  /** Waits for a request that was begun; its errno. */
  *end(request: number): Operation<number> {
    while (this.#isDone[request] === 0) yield { on: 'host', request }
    const errno = this.#errno[request]!
    this.#free(request)
    return errno
  }

  /** Starts the same for a buffer, of whose end `onBufferDone` is told, at once if the device takes no time. */
  startBuffer(
    isWrite: boolean,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
    buffer: number,
  ): void {
    if (this.#start(isWrite, sector, lengthBytes, frames, offset, buffer) < 0) this.onBufferDone(buffer, this.lastErrno)
  }

  /**
   * Starts a transfer of bytes of a file past its pages for a buffer: direct I/O. The memory of the process is a buffer beside the
   * frames: a write fills it with what the file is to have, a read's is compared with what it must have.
   */
  startDirect(
    isWrite: boolean,
    sector: number,
    lengthBytes: number,
    object: number,
    offset: number,
    buffer: number,
  ): void {
    const { contents, counters, now } = this.#kernel
    const truth = this.#truth
    const firstPage = Math.floor((sector * SECTOR_SIZE) / PAGE_SIZE)
    const count = Math.ceil((sector * SECTOR_SIZE + lengthBytes) / PAGE_SIZE) - firstPage
    const index = Math.floor(offset / PAGE_SIZE)
    const touched = Math.ceil((offset + lengthBytes) / PAGE_SIZE) - index
    let bytes: Uint8Array | null = null
    if (contents.isReal) {
      const pages = new Uint8Array(count * PAGE_SIZE)
      for (let i = 0; i < count; i++) this.#views[i] = pages.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)
      const from = sector * SECTOR_SIZE - firstPage * PAGE_SIZE
      bytes = pages.subarray(from, from + lengthBytes)
      // a page of the device that is written in part is read first
      if (isWrite && bytes.length < pages.length) this.#device.store.readPages(firstPage, this.#views, count)
      if (isWrite) bytes.set(truth.nextBytes(object, offset, lengthBytes))
    }
    const completion = this.#device.submit(now, isWrite, firstPage, this.#views, count)
    const errno = this.#device.lastErrno
    this.lastErrno = errno
    this.onSubmit()
    this.#note(isWrite, firstPage, count, object, index, touched, completion - now, errno)
    if (errno === 0 && isWrite) truth.wroteDirectly(object, offset, lengthBytes, bytes)
    if (errno === 0 && bytes !== null) {
      counters[isWrite ? Counter.bytesWritten : Counter.bytesRead]! += lengthBytes
      if (!isWrite) {
        truth.checkBytes(object, offset, bytes, sector)
        counters[Counter.bytesVerified]! += lengthBytes
      }
    }
    if (this.#await(completion, errno, buffer) < 0) this.onBufferDone(buffer, errno)
  }

  /** Starts a transfer; answers the request's number, or -1 if it is over: `lastErrno` says how. */
  #start(
    isWrite: boolean,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
    buffer: number,
  ): number {
    const kernel = this.#kernel
    const { contents, counters, now } = kernel
    const isReal = contents.isReal
    const firstPage = Math.floor((sector * SECTOR_SIZE) / PAGE_SIZE)
    const endPage = Math.ceil((sector * SECTOR_SIZE + lengthBytes) / PAGE_SIZE)
    const count = endPage - firstPage
    if (isReal) this.#collect(isWrite, sector, lengthBytes, frames, offset, firstPage, count)
    const completion = this.#device.submit(now, isWrite, firstPage, this.#views, count)
    const errno = this.#device.lastErrno
    this.lastErrno = errno
    this.onSubmit()
    const { pages } = kernel
    const first = frames[0]!
    this.#note(
      isWrite,
      firstPage,
      count,
      pages.object[first]!,
      pages.pageIndex[first]!,
      frames.length,
      completion - now,
      errno,
    )
    if (isReal && errno === 0) {
      if (isWrite) counters[Counter.bytesWritten]! += lengthBytes
      else this.#deliver(sector, lengthBytes, frames, offset, firstPage)
    }
    return this.#await(completion, errno, buffer)
  }

  /** A request's number until its completion; -1 if it is over already. */
  #await(completion: number, errno: number, buffer: number): number {
    const kernel = this.#kernel
    if (completion <= kernel.now) {
      this.#device.completed(kernel.now)
      return -1
    }
    const request = this.#take()
    this.#isDone[request] = 0
    this.#errno[request] = errno
    this.#buffer[request] = buffer
    this.#state[1]! += 1
    kernel.queue.push(completion, QueueEvent.fileTransfer, request)
    return request
  }

  /** The device has carried a request out. */
  done(request: number): void {
    this.#device.completed(this.#kernel.now)
    this.#state[1]! -= 1
    this.#isDone[request] = 1
    const buffer = this.#buffer[request]!
    if (buffer === NO_BUFFER) return
    const errno = this.#errno[request]!
    this.#free(request)
    this.onBufferDone(buffer, errno)
  }

  /** Events and counters, of `pages` pages of a file from an index on. */
  #note(
    isWrite: boolean,
    page: number,
    count: number,
    object: number,
    index: number,
    pages: number,
    duration: number,
    errno: number,
  ): void {
    const { counters } = this.#kernel
    if (isWrite) {
      counters[Counter.deviceWrites]! += 1
      counters[Counter.vnodeouts]! += 1
      counters[Counter.vnodePagesOut]! += pages
    } else {
      counters[Counter.deviceReads]! += 1
      counters[Counter.vnodeins]! += 1
      counters[Counter.vnodePagesIn]! += pages
    }
    const kind = isWrite ? EventKind.fileout : EventKind.filein
    this.#kernel.emit(kind, -1, object, index, pages, -1, page, duration, count)
    if (errno === 0) return
    counters[Counter.ioErrors]! += 1
    this.#kernel.emit(EventKind.ioError, -1, object, index, pages, -1, page, duration, errno)
  }

  /**
   * Finds a view of 4096 bytes for each page of the device, a frame where it lies there as a whole, else a buffer; or one view of all, if
   * they are whole frames next to each other.
   */
  #collect(
    isWrite: boolean,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
    firstPage: number,
    count: number,
  ): void {
    const { contents } = this.#kernel
    if (isWrite) for (const frame of frames) this.#truth.materialise(frame)
    if (isWhole(sector, lengthBytes, offset)) {
      if (count > 1 && areNeighbours(frames, count)) this.#views[0] = contents.row(frames[0]!, count)
      else for (let i = 0; i < count; i++) this.#views[i] = contents.view(frames[i]!)
      return
    }
    for (let i = 0; i < count; i++) {
      const frame = this.#wholeFrame(i, sector, lengthBytes, frames, offset, firstPage)
      if (frame >= 0) {
        this.#views[i] = contents.view(frame)
        continue
      }
      const view = (this.#bounce[i] ??= new Uint8Array(PAGE_SIZE))
      this.#views[i] = view
      if (!isWrite) continue
      const start = (firstPage + i) * PAGE_SIZE - sector * SECTOR_SIZE
      if (start < 0 || start + PAGE_SIZE > lengthBytes) this.#device.store.readPages(firstPage + i, [view], 1)
      this.#eachPiece(i, sector, lengthBytes, frames, offset, firstPage, (piece, frameAt, within, at, length) => {
        piece.set(contents.view(frameAt).subarray(within, within + length), at)
      })
    }
  }

  /** The frame that a page of the device has to itself, or -1. */
  #wholeFrame(
    i: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
    firstPage: number,
  ): number {
    const start = (firstPage + i) * PAGE_SIZE - sector * SECTOR_SIZE
    if (start < 0 || start + PAGE_SIZE > lengthBytes || (start + offset) % PAGE_SIZE !== 0) return -1
    return frames[(start + offset) / PAGE_SIZE]!
  }

  /** The pieces of a device page's buffer that belong to the transfer: frame, place in it, place in the buffer, bytes. */
  #eachPiece(
    i: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    offset: number,
    firstPage: number,
    visit: (buffer: Uint8Array, frame: number, within: number, at: number, length: number) => void,
  ): void {
    const start = (firstPage + i) * PAGE_SIZE - sector * SECTOR_SIZE
    const end = Math.min(start + PAGE_SIZE, lengthBytes)
    for (let at = Math.max(0, start); at < end;) {
      const place = offset + at
      const within = place % PAGE_SIZE
      const length = Math.min(PAGE_SIZE - within, end - at)
      visit(this.#views[i]!, frames[Math.floor(place / PAGE_SIZE)]!, within, at - start, length)
      at += length
    }
  }

  /** Copies what came in by way of buffers to its frames, and compares all of it. */
  #deliver(sector: number, lengthBytes: number, frames: Int32Array, offset: number, firstPage: number): void {
    const { contents, counters } = this.#kernel
    if (isWhole(sector, lengthBytes, offset)) {
      const compared = this.#truth.checkPages(frames, lengthBytes / PAGE_SIZE, sector)
      counters[Counter.bytesRead]! += compared
      counters[Counter.bytesVerified]! += compared
      return
    }
    const count = Math.ceil((sector * SECTOR_SIZE + lengthBytes) / PAGE_SIZE) - firstPage
    for (let i = 0; i < count; i++) {
      if (this.#wholeFrame(i, sector, lengthBytes, frames, offset, firstPage) >= 0) continue
      this.#eachPiece(i, sector, lengthBytes, frames, offset, firstPage, (piece, frame, within, at, length) => {
        contents.view(frame).set(piece.subarray(at, at + length), within)
      })
    }
    const end = offset + lengthBytes
    let compared = 0
    for (let i = 0; i < frames.length; i++) {
      const from = Math.max(0, offset - i * PAGE_SIZE)
      const to = Math.min(PAGE_SIZE, end - i * PAGE_SIZE)
      if (to > from) compared += this.#truth.check(frames[i]!, from, to, sector)
    }
    // what the device has in the file's last sector behind its end is not the file's, and not compared
    counters[Counter.bytesRead]! += compared
    counters[Counter.bytesVerified]! += compared
  }
}

function areNeighbours(frames: Int32Array, count: number): boolean {
  const first = frames[0]!
  for (let i = 1; i < count; i++) if (frames[i] !== first + i) return false
  return true
}

/** Whether a transfer is of whole pages that lie on the device as they do in memory. */
function isWhole(sector: number, lengthBytes: number, offset: number): boolean {
  return offset === 0 && (sector * SECTOR_SIZE) % PAGE_SIZE === 0 && lengthBytes % PAGE_SIZE === 0
}
