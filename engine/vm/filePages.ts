/**
 * Read-only file pages: what a program's pages that it never writes are backed by, until a real file is chosen.
 *
 * The pages of all file objects lie one after another in one store, which is filled with their contents when the
 * machine is made. Reads are clustered like swap reads: neighbours that the file has and that are not resident come along.
 */
import type { Device } from '../disk/device.ts'
import type { Columns } from '../sim/columns.ts'
import { EventKind } from '../sim/events.ts'
import { QueueEvent, type Kernel } from '../sim/kernel.ts'
import { Counter } from '../sim/metrics.ts'
import { ALL_SECTORS, PageFlag, type VmPages } from './pages.ts'

const WIDTH = 64

export interface FileReader {
  /** Moves the bytes of a read into its frames and answers its completion time. */
  submitFileRead(device: Device, page: number, frames: Int32Array, count: number): number
  wakePage(object: number): void
}

export class FilePages {
  /** First page in the store of each file object, by object; -1: not a file object. */
  #base: Float64Array
  /** Per contents slot: whether the file has this page. */
  #has: Uint8Array
  #frames: Int32Array
  #count: Int32Array
  #asked: Int32Array
  #object: Int32Array
  #next: Int32Array
  /** [0] first free request, [1] pages of the store taken, [2] requests on their way. */
  #state: Float64Array
  readonly #columns: Columns
  readonly #kernel: Kernel
  readonly #reader: FileReader
  device: Device | null = null

  constructor(columns: Columns, kernel: Kernel, reader: FileReader, requests: number) {
    this.#columns = columns
    this.#kernel = kernel
    this.#reader = reader
    this.#base = columns.define('file.base', 'f64', 0)
    this.#has = columns.define('file.has', 'u8', 0)
    this.#frames = columns.define('file.request.frames', 'i32', requests * WIDTH)
    this.#count = columns.define('file.request.count', 'i32', requests)
    this.#asked = columns.define('file.request.asked', 'i32', requests)
    this.#object = columns.define('file.request.object', 'i32', requests)
    this.#next = columns.define('file.request.next', 'i32', requests)
    this.#state = columns.define('file.state', 'f64', 3)
    for (let request = 0; request < requests; request++) this.#next[request] = request + 1 < requests ? request + 1 : -1
    columns.onRebind(() => {
      this.#base = columns.get('file.base', 'f64')
      this.#has = columns.get('file.has', 'u8')
      this.#frames = columns.get('file.request.frames', 'i32')
      this.#count = columns.get('file.request.count', 'i32')
      this.#asked = columns.get('file.request.asked', 'i32')
      this.#object = columns.get('file.request.object', 'i32')
      this.#next = columns.get('file.request.next', 'i32')
      this.#state = columns.get('file.state', 'f64')
    })
  }

  /** Pages that the store must have. */
  get storePages(): number {
    return this.#state[1]!
  }

  /** Makes an object a file of `pages` pages, of which it has those of `indices`. */
  addFile(object: number, pages: number, slotBase: number, indices: Iterable<number>): void {
    if (this.#base.length <= object) {
      const old = this.#base.length
      this.#base = this.#columns.resize('file.base', 'f64', Math.max(object + 1, old * 2, 16))
      this.#base.fill(-1, old)
    }
    this.#base[object] = this.#state[1]!
    this.#state[1]! += pages
    if (this.#has.length < slotBase + pages)
      this.#has = this.#columns.resize('file.has', 'u8', Math.max(slotBase + pages, this.#has.length * 2))
    // slots are used again
    this.#has.fill(0, slotBase, slotBase + pages)
    for (const index of indices) this.#has[slotBase + index] = 1
  }

  /** Where in the store a page of a file object lies. */
  storePage(object: number, pageIndex: number): number {
    return this.#base[object]! + pageIndex
  }

  hasPage(object: number, pageIndex: number): boolean {
    return this.#has[this.#pages.slotBase[object]! + pageIndex] !== 0
  }

  get #pages(): VmPages {
    return this.#kernel.pages
  }

  /** Reads the page of `frame` and what belongs around it; answers how many pages come along behind it in file order. */
  read(object: number, frame: number, behind: number, ahead: number): number {
    const pages = this.#pages
    const index = pages.pageIndex[frame]!
    const request = this.#state[0]!
    if (request < 0) throw new Error('more file requests than processes')
    this.#state[0] = this.#next[request]!
    const row = request * WIDTH
    const size = pages.objectSize[object]!
    let first = index
    const before: number[] = []
    for (
      let i = 1;
      i <= behind && index - i >= 0 && this.hasPage(object, index - i) && pages.lookup(object, index - i) < 0;
      i++
    ) {
      const extra = this.#kernel.allocatePage(object, index - i)
      if (extra < 0) break
      before.push(extra)
      first -= 1
    }
    let count = 0
    for (let i = before.length - 1; i >= 0; i--) this.#frames[row + count++] = before[i]!
    this.#asked[request] = count
    this.#frames[row + count++] = frame
    let gotAhead = 0
    for (
      let i = 1;
      i <= ahead && index + i < size && this.hasPage(object, index + i) && pages.lookup(object, index + i) < 0;
      i++
    ) {
      const extra = this.#kernel.allocatePage(object, index + i)
      if (extra < 0) break
      this.#frames[row + count++] = extra
      gotAhead += 1
    }
    for (let i = row; i < row + count; i++) pages.flags[this.#frames[i]!]! |= PageFlag.swapInProgress
    pages.pagingInProgress[object]! += count
    this.#count[request] = count
    this.#object[request] = object
    this.#state[2]! += 1
    const { counters, now } = this.#kernel
    counters[Counter.vnodeins]! += 1
    counters[Counter.vnodePagesIn]! += count
    const page = this.storePage(object, first)
    const completion = this.#reader.submitFileRead(this.device!, page, this.#frames.subarray(row, row + count), count)
    this.#kernel.emit(EventKind.filein, -1, object, first, count, -1, page, completion - now, this.#asked[request])
    if (completion > now) this.#kernel.queue.push(completion, QueueEvent.fileRequest, request)
    else this.done(request)
    return gotAhead
  }

  /** A read is over. */
  done(request: number): void {
    const pages = this.#pages
    const row = request * WIDTH
    const count = this.#count[request]!
    const object = this.#object[request]!
    this.device!.completed(this.#kernel.now)
    let woken = false
    for (let i = 0; i < count; i++) {
      const frame = this.#frames[row + i]!
      if ((pages.flags[frame]! & PageFlag.swapSleep) !== 0) woken = true
      pages.flags[frame]! &= ~(PageFlag.swapInProgress | PageFlag.swapSleep)
      pages.valid[frame] = ALL_SECTORS
      if (i !== this.#asked[request]) {
        pages.deactivate(frame)
        this.#kernel.releaseBusy(frame)
      }
    }
    pages.pagingInProgress[object]! -= count
    this.#next[request] = this.#state[0]!
    this.#state[0] = request
    this.#state[2]! -= 1
    if (woken) this.#reader.wakePage(object)
  }
}
