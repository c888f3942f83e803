/**
 * sendfile(2): pages of a file go to a socket as they are, without a copy.
 *
 * A page is found or made, wired, read through the buffer cache if what is wanted of it is not valid, and put on the socket. It stays wired,
 * and so in memory, until the network has taken it: whoever writes the file meanwhile changes what is sent. FreeBSD asks the socket for room first,
 * fills it with a chain of pages that need no waiting, and holds the vnode's lock while it does; DragonFly takes page after page, and the
 * lock only to read. NetBSD has no such call.
 *
 * The network is a connection of the call's own that takes so many bytes a second. What is sent is compared with what the file must hold.
 *
 * Source of the behaviour: kern_sendfile, sf_buf_mext and sf_buf_mfree of FreeBSD 9 and of DragonFly 2.10 (uipc_syscalls.c).
 */
import { ObjectType, PAGE_SIZE, Queue } from '../vm/pages.ts'
import type { BufferCache } from './bufferCache.ts'
import { sectorBits, type FileContext } from './context.ts'
import { Errno, IoFlag, until, type Operation } from './operation.ts'

/** tcp_sendspace: bytes that a socket takes in before the network has taken them. */
const SEND_SPACE = 32768
/** MCLBYTES, which is sb_lowat of a socket that nobody has set: room that is worth waking up for. */
const LOW_WATER = 2048
/** MAXBSIZE: bytes that are read at once. */
const READ_BYTES = 65536

/** What is to be sent: the bytes of a file from one on, 0: all of them; and how fast the network takes them. */
export interface SendRequest {
  object: number
  /** Its number in the volume. */
  file: number
  offset: number
  lengthBytes: number
  bytesPerSecond: number
}

/** The lock of a vnode, as a call takes and leaves it. */
export interface VnodeLock {
  /** False: the vnode has been taken from its file, or is about to be. */
  take(): Operation<boolean>
  leave(): void
  isGone(): boolean
}

interface SentPage {
  frame: number
  bytes: number
}

/** The socket of a call. */
class Socket {
  readonly #files: SentPages
  readonly #bytesPerSecond: number
  readonly #queue: SentPage[] = []
  #queuedBytes = 0

  constructor(files: SentPages, bytesPerSecond: number) {
    this.#files = files
    this.#bytesPerSecond = bytesPerSecond
  }

  get space(): number {
    return SEND_SPACE - this.#queuedBytes
  }

  *waitFor(bytes: number): Operation<void> {
    yield* until(() => this.space >= bytes)
  }

  /** Answers an operation that takes the pages from the socket, if there is none under way. */
  put(pages: readonly SentPage[]): Operation<void> | null {
    const isIdle = this.#queue.length === 0
    for (const page of pages) {
      this.#queue.push(page)
      this.#queuedBytes += page.bytes
    }
    return isIdle && pages.length > 0 ? this.#drain() : null
  }

  *#drain(): Operation<void> {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      yield { on: 'pause', durationNs: Math.ceil((first.bytes * 1e9) / this.#bytesPerSecond) }
      this.#queue.shift()
      this.#queuedBytes -= first.bytes
      this.#files.arrived(first.frame)
    }
  }
}

/** The pages of a machine's files that are wired because they are on their way. */
export class SentPages {
  readonly #context: FileContext
  readonly #cache: BufferCache
  /** By frame: how often it is on its way. */
  readonly #wires = new Map<number, number>()
  /** [0] reads for calls */
  #totals: Float64Array
  /** What has lost its file, and goes once it has arrived; -1: nothing. */
  #orphans = -1

  constructor(context: FileContext, cache: BufferCache) {
    this.#context = context
    this.#cache = cache
    const { columns } = context
    this.#totals = columns.define('file.sent', 'f64', 1)
    columns.onRebind(() => {
      this.#totals = columns.get('file.sent', 'f64')
    })
  }

  /** How often a page had to be read: mbstat.sf_iocnt. */
  get reads(): number {
    return this.#totals[0]!
  }

  // ---- FreeBSD ---------------------------------------------------------------------------------------------

  /** Answers an errno. */
  *sendChains(request: SendRequest, lock: VnodeLock): Operation<number> {
    const { volume } = this.#context
    const { object, file } = request
    const socket = new Socket(this, request.bytesPerSecond)
    for (let at = request.offset; ;) {
      const left = this.#left(request, at)
      if (left <= 0) return 0
      yield* socket.waitFor(Math.min(left, SEND_SPACE / 2))
      if (!(yield* lock.take())) return Errno.ENOENT
      const room = socket.space
      const chain: SentPage[] = []
      let errno = 0
      for (let gathered = 0; gathered < room;) {
        const bytes = Math.min(this.#left(request, at), PAGE_SIZE - (at % PAGE_SIZE), room - gathered)
        if (bytes <= 0) break
        const frame = yield* this.#grab(object, at)
        if (!this.#isValid(frame, at, bytes)) {
          // what is there already is sent before anything is waited for
          if (chain.length === 0) errno = yield* this.#read(object, file, at, READ_BYTES / volume.blockSize)
          if (chain.length > 0 || errno !== 0) {
            this.#unwire(frame)
            break
          }
        }
        this.#check(frame, at, bytes)
        chain.push({ frame, bytes })
        gathered += bytes
        at += bytes
      }
      lock.leave()
      this.#put(socket, chain)
      if (errno !== 0) return errno
    }
  }

  // ---- DragonFly -------------------------------------------------------------------------------------------

  /** Answers an errno; a file that is taken away ends the call as its end would. */
  *sendPages(request: SendRequest, lock: VnodeLock): Operation<number> {
    const { kernel, volume } = this.#context
    const { pages } = kernel
    const { object, file } = request
    const socket = new Socket(this, request.bytesPerSecond)
    for (let at = request.offset; !lock.isGone();) {
      const bytes = Math.min(this.#left(request, at), PAGE_SIZE - (at % PAGE_SIZE))
      if (bytes <= 0) return 0
      const frame = yield* this.#grab(object, at, lock)
      if (frame < 0) return 0
      if (!this.#isValid(frame, at, bytes)) {
        // the kernel makes the page busy first: who cuts the file then waits for the page, and the call for the lock
        const isThere = yield* lock.take()
        pages.sharedBusy[frame]! += 1
        const errno = isThere ? yield* this.#read(object, file, at, READ_BYTES / volume.blockSize) : Errno.EIO
        if (isThere) lock.leave()
        pages.sharedBusy[frame]! -= 1
        if (pages.sharedBusy[frame] === 0 && pages.wanted[frame] !== 0) kernel.wakeBusy(frame)
        if (errno !== 0) {
          this.#unwire(frame)
          return errno
        }
      }
      // it is on its way from here on: the file may go while the socket has no room
      this.#onItsWay(frame)
      yield* socket.waitFor(LOW_WATER)
      if (!lock.isGone()) this.#check(frame, at, bytes)
      this.#put(socket, [{ frame, bytes }], true)
      at += bytes
    }
    return 0
  }

  // ---- pages -----------------------------------------------------------------------------------------------

  /** Bytes that are still to be sent, as long as the file is now. */
  #left({ file, offset, lengthBytes }: SendRequest, at: number): number {
    const size = this.#context.volume.sizeBytes(file)
    return (lengthBytes === 0 ? size : Math.min(size, offset + lengthBytes)) - at
  }

  /** The page of a byte, wired; -1: the file has gone meanwhile. vm_page_grab. */
  *#grab(object: number, at: number, lock?: VnodeLock): Operation<number> {
    const { kernel } = this.#context
    const { pages } = kernel
    const pageIndex = Math.floor(at / PAGE_SIZE)
    for (;;) {
      if (lock?.isGone() === true) return -1
      let frame = pages.lookup(object, pageIndex)
      if (frame >= 0 && pages.isBusy(frame)) {
        pages.wanted[frame] = 1
        yield { on: 'page', frame }
        continue
      }
      if (frame < 0) {
        frame = kernel.allocatePage(object, pageIndex)
        if (frame < 0) {
          yield { on: 'memory' }
          continue
        }
        kernel.releaseBusy(frame)
      }
      if (!pages.isOneQueue) pages.removeFromQueue(frame)
      pages.wired[frame]! += 1
      return frame
    }
  }

  #isValid(frame: number, at: number, bytes: number): boolean {
    const wanted = sectorBits(at % PAGE_SIZE, (at % PAGE_SIZE) + bytes)
    return (this.#context.kernel.pages.valid[frame]! & wanted) === wanted
  }

  /** VOP_READ with UIO_NOCOPY: the bytes stay in the object's pages, the buffers go. */
  *#read(object: number, file: number, at: number, sequential: number): Operation<number> {
    this.#totals[0]! += 1
    const from = at - (at % PAGE_SIZE)
    return (yield* this.#cache.read(object, file, from, READ_BYTES, sequential, IoFlag.fromPages)).errno
  }

  /** Compares what is sent of a page; one that was cut off meanwhile is sent as it is. */
  #check(frame: number, at: number, bytes: number): void {
    const { kernel, truth } = this.#context
    if (!kernel.contents.isReal || !this.#isValid(frame, at, bytes)) return
    truth.materialise(frame)
    truth.check(frame, at % PAGE_SIZE, (at % PAGE_SIZE) + bytes, -1)
  }

  #onItsWay(frame: number): void {
    this.#wires.set(frame, (this.#wires.get(frame) ?? 0) + 1)
  }

  #put(socket: Socket, chain: readonly SentPage[], areOnTheirWay = false): void {
    if (!areOnTheirWay) for (const { frame } of chain) this.#onItsWay(frame)
    const drain = socket.put(chain)
    if (drain !== null) this.#context.spawn(drain)
  }

  /** The network has taken a page: sf_buf_mext. */
  arrived(frame: number): void {
    const left = this.#wires.get(frame)! - 1
    if (left > 0) this.#wires.set(frame, left)
    else this.#wires.delete(frame)
    this.#unwire(frame)
    const { pages } = this.#context.kernel
    if (this.#orphans < 0 || pages.residentPages[this.#orphans] !== 0) return
    pages.destroyObject(this.#orphans)
    this.#orphans = -1
  }

  /** Gives a page up: one without contents, or without a file, goes; others become inactive. */
  #unwire(frame: number): void {
    const { kernel } = this.#context
    const { pages } = kernel
    pages.wired[frame]! -= 1
    if (pages.wired[frame] !== 0) return
    const isOrphan = pages.object[frame] === this.#orphans
    if (isOrphan || (pages.valid[frame] === 0 && !pages.isBusy(frame))) kernel.freePage(frame)
    else pages.enqueue(frame, pages.isOneQueue ? Queue.active : Queue.inactive)
  }

  /** A file is taken away: pages of it that are on their way belong to nobody from now on. */
  cutOff(object: number): void {
    const { kernel } = this.#context
    const { pages, mappings } = kernel
    for (const [frame, wires] of this.#wires) {
      if (pages.object[frame] !== object) continue
      if (this.#orphans < 0) this.#orphans = pages.createObject(ObjectType.kernel, pages.frames)
      mappings.removeAll(frame)
      pages.rename(frame, this.#orphans, frame)
      pages.dirty[frame] = 0
      // whoever had locked it in memory has no mapping of it any more
      pages.wired[frame] = wires
    }
  }
}
