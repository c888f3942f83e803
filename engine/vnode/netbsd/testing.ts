/**
 * Aids for tests of the pager: a kernel around it with one file on a device of numbered bytes. Requests stay queued until
 * something waits for them, or are carried out at once.
 */
import { Columns } from '../../sim/columns.ts'
import { ObjectType, PAGE_SIZE, Queue, VmPages } from '../../vm/pages.ts'
import { UpdateFlag, type BlockMapping, type NetbsdVnodeHost } from './host.ts'
import { Errno, type Operation, type TransferResult, type VnodeWait } from '../operation.ts'
import type { PageRequest } from './getPages.ts'
import { NetbsdVnodePager } from './pager.ts'
import { NO_PAGE, PageState } from './pageStates.ts'
import { VnodeFlag, VnodeType, WriteMethod } from './vnodes.ts'

const FRAMES = 256
const SECTOR = 512

export interface TestOptions {
  sizeBytes?: number
  writeSizeBytes?: number
  /** log2 of the file system's block size. */
  blockShift?: number
  /** First device sector by file block, -1 a hole; beyond it there are holes. */
  map?: number[]
  type?: number
  mount?: number
  writeMethod?: number
  /** Requests wait in a queue. */
  isDeferred?: boolean
}

/** Byte of the device at a place, never 0. */
export function deviceByte(at: number): number {
  return 1 + ((Math.floor(at / SECTOR) * 7 + at) % 255)
}

const deviceTemplate = Uint8Array.from({ length: 1 << 18 }, (_, at) => deviceByte(at))

export class TestKernel implements NetbsdVnodeHost {
  readonly columns = new Columns()
  readonly pages = new VmPages(this.columns, FRAMES)
  readonly pager = new NetbsdVnodePager(this.columns, this.pages, this)
  readonly contents = new Uint8Array(FRAMES * PAGE_SIZE)
  readonly device = deviceTemplate.slice()
  readonly user = new Uint8Array(65536)
  readonly file = new Uint8Array(65536).fill(7)
  readonly vnode: number
  readonly object: number
  readonly map: number[]
  readonly #blockShift: number
  readonly #isDeferred: boolean
  /** Requests on their way, oldest first. */
  readonly queue: number[] = []
  /** What happened, in order. */
  readonly log: string[] = []
  /** Told of each wait; answers whether it is over, else the oldest request is carried out. */
  onWait: (wait: VnodeWait) => boolean = () => false
  deviceErrno: (isRead: boolean, sector: number) => number = () => 0
  bmapErrno: (block: number) => number = () => 0
  writeErrno = 0
  readErrno = 0
  wireErrno = 0
  journalErrno = 0
  blocksLeft = Infinity
  freeFrames = Infinity
  pageDaemonRuns = false
  mustYield = false
  hasDirtyMetadata = false
  paging = 0

  constructor(options: TestOptions = {}) {
    const { sizeBytes = 16 * PAGE_SIZE, blockShift = 12, mount = 0 } = options
    this.#blockShift = blockShift
    this.#isDeferred = options.isDeferred ?? false
    this.map = options.map?.slice() ?? Array.from({ length: 32 }, (_, block) => (block << blockShift) / SECTOR + 64)
    this.object = this.pages.createObject(ObjectType.file, 0)
    this.vnode = this.pager.vnodes.add({
      type: options.type ?? VnodeType.regular,
      object: this.object,
      blockShift,
      deviceShift: 9,
      mount,
      writeMethod: options.writeMethod ?? WriteMethod.blocks,
    })
    this.pager.vnodes.size[this.vnode] = sizeBytes
    this.pager.vnodes.writeSize[this.vnode] = options.writeSizeBytes ?? sizeBytes
  }

  // ---- what tests do ---------------------------------------------------------------------------------------

  /** A resident page with `byte` in it: clean, not busy, active. */
  addPage(index: number, byte = 200): number {
    const frame = this.pages.allocate(this.object, index)
    this.pages.kernelFlags[frame] = PageState.clean
    this.pages.exclusiveBusy[frame] = 0
    this.pages.enqueue(frame, Queue.active)
    this.bytesOf(frame).fill(byte)
    return frame
  }

  addDirtyPage(index: number, byte = 200): number {
    const frame = this.addPage(index, byte)
    this.pages.kernelFlags[frame] = 0
    this.pager.vnodes.flags[this.vnode]! |= VnodeFlag.onWorklist
    return frame
  }

  request(
    firstPage: number,
    count: number,
    flags: number,
    isWrite = false,
    center = 0,
  ): PageRequest & { frames: Int32Array } {
    return { offset: firstPage * PAGE_SIZE, count, center, isWrite, flags, frames: new Int32Array(count).fill(NO_PAGE) }
  }

  /** Runs an operation to its end; waits are over as `onWait` says, else when the oldest request is carried out. */
  run<Result>(operation: Operation<Result>): Result {
    for (;;) {
      const step = operation.next()
      if (step.done === true) return step.value
      this.log.push(`wait:${step.value.on}`)
      if (this.onWait(step.value)) continue
      if (this.queue.length === 0) throw new Error(`nothing ends the wait for ${step.value.on}`)
      this.completeOldest()
    }
  }

  completeOldest(): void {
    const { buffers } = this.pager
    const buffer = this.queue.shift()!
    const isRead = buffers.isRead[buffer] !== 0
    const sector = buffers.deviceBlock[buffer]!
    const errno = this.deviceErrno(isRead, sector)
    if (errno === 0) this.#move(buffer, isRead, sector * SECTOR)
    this.pager.requestDone(buffer, errno)
  }

  #move(buffer: number, isRead: boolean, place: number): void {
    const { buffers } = this.pager
    const master = buffers.masterOf(buffer)
    const offset = buffers.dataOffset[buffer]!
    for (let i = 0; i < buffers.length[buffer]!; i++) {
      const at = offset + i
      const isUser = buffers.frameCount[master] === 0
      const memory = isUser ? this.user : this.contents
      const frames = buffers.framesOf(master)
      const address = isUser
        ? buffers.userAddress[master]! + at
        : frames[Math.floor(at / PAGE_SIZE)]! * PAGE_SIZE + (at % PAGE_SIZE)
      if (isRead) memory[address] = this.device[place + i]!
      else this.device[place + i] = memory[address]!
    }
  }

  bytesOf(frame: number): Uint8Array {
    return this.contents.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)
  }

  frameOf(index: number): number {
    return this.pages.lookup(this.object, index)
  }

  /** Indices of the resident pages in the order of the object's list. */
  list(): number[] {
    const indices: number[] = []
    for (let frame = this.pages.firstPage[this.object]!; frame >= 0; frame = this.pages.listNext[frame]!)
      indices.push(this.pages.pageIndex[frame]!)
    return indices
  }

  busyPages(): number[] {
    return this.list().filter((index) => this.pages.exclusiveBusy[this.frameOf(index)] !== 0)
  }

  /** A page's state in letters: Clean, Released, Fake, Read-only, Pageout. */
  stateOf(index: number): string {
    const flags = this.pages.kernelFlags[this.frameOf(index)]!
    const letters = {
      C: PageState.clean,
      L: PageState.released,
      F: PageState.fake,
      R: PageState.readOnly,
      P: PageState.pageout,
    }
    return Object.entries(letters)
      .filter(([, bit]) => (flags & bit) !== 0)
      .map(([letter]) => letter)
      .join('')
  }

  /** The device requests of the log. */
  requests(): string[] {
    return this.log.filter((entry) => /^(read|write):/.test(entry))
  }

  // ---- the host --------------------------------------------------------------------------------------------

  *bmap(_vnode: number, block: number): Operation<BlockMapping> {
    const errno = this.bmapErrno(block)
    const deviceBlock = this.map[block] ?? -1
    const step = (1 << this.#blockShift) / SECTOR
    let run = 0
    while (run < 31 && (this.map[block + run + 1] ?? -1) === (deviceBlock < 0 ? -1 : deviceBlock + (run + 1) * step))
      run += 1
    return { errno, deviceBlock, runAfter: run }
  }
  extent(_vnode: number, sizeBytes: number, isMemory: boolean): number {
    const unit = isMemory ? PAGE_SIZE : SECTOR
    return Math.ceil(sizeBytes / unit) * unit
  }
  *allocateBlocks(_vnode: number, offset: number, lengthBytes: number): Operation<number> {
    this.log.push(`allocate:${offset / PAGE_SIZE}+${lengthBytes / PAGE_SIZE}`)
    if (this.blocksLeft === 0) return Errno.ENOSPC
    for (let block = offset >> this.#blockShift; block << this.#blockShift < offset + lengthBytes; block++)
      if ((this.map[block] ?? -1) < 0) this.map[block] = 1024 + block * 128
    return 0
  }
  markUpdate(_vnode: number, how: number): void {
    this.log.push(`update:${how & UpdateFlag.accessed ? 'A' : ''}${how & UpdateFlag.modified ? 'M' : ''}`)
  }
  *read(vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult> {
    if (this.readErrno !== 0) return { errno: this.readErrno, doneBytes: 0 }
    const part = this.file.subarray(offset, Math.min(offset + lengthBytes, this.pager.vnodes.size[vnode]!))
    this.bytesOf(frame).set(part)
    return { errno: 0, doneBytes: part.length }
  }
  *write(_vnode: number, offset: number, frames: Int32Array): Operation<number> {
    if (this.writeErrno !== 0) return this.writeErrno
    frames.forEach((frame, i) => this.file.set(this.bytesOf(frame), offset + i * PAGE_SIZE))
    return 0
  }
  hasDirtyBlocks(): boolean {
    return this.hasDirtyMetadata
  }
  worklistChanged(_vnode: number, isOn: boolean): void {
    this.log.push(isOn ? 'worklist:on' : 'worklist:off')
  }
  *startTransaction(): Operation<void> {
    this.log.push('transaction:start')
  }
  tryStartTransaction(): number {
    this.log.push('transaction:try')
    return 0
  }
  finishTransaction(): void {
    this.log.push('transaction:finish')
  }
  *beginJournal(): Operation<number> {
    return this.journalErrno
  }
  endJournal(): void {
    this.log.push('journal:end')
  }
  startRequest(buffer: number): void {
    const { buffers } = this.pager
    const what = buffers.isRead[buffer] !== 0 ? 'read' : 'write'
    this.log.push(`${what}:${buffers.deviceBlock[buffer]!}+${buffers.length[buffer]!}`)
    this.queue.push(buffer)
    if (!this.#isDeferred) this.completeOldest()
  }
  wakeBuffer(): void {
    this.log.push('wake:buffer')
  }
  wakeOutput(): void {
    this.log.push('wake:output')
  }
  wakeNodeLock(): void {
    this.log.push('wake:node-lock')
  }
  allocatePage(object: number, pageIndex: number): number {
    if (this.freeFrames <= 0) return NO_PAGE
    this.freeFrames -= 1
    const frame = this.pages.allocate(object, pageIndex)
    this.bytesOf(frame).fill(0xdd)
    return frame
  }
  freePage(frame: number): void {
    this.log.push(`free:${this.pages.pageIndex[frame]!}`)
    this.pages.free(frame)
  }
  wakePage(frame: number): void {
    this.log.push(`wake:${this.pages.pageIndex[frame]!}`)
  }
  allocatePageArray(_pages: number, maySleep: boolean): boolean {
    return maySleep
  }
  mapForTransfer(): void {}
  removeMappings(frame: number): void {
    this.log.push(`unmap:${this.pages.pageIndex[frame]!}`)
  }
  writeProtect(frame: number): void {
    this.log.push(`protect:${this.pages.pageIndex[frame]!}`)
  }
  zero(frame: number, offset: number, lengthBytes: number): void {
    this.bytesOf(frame).fill(0, offset, offset + lengthBytes)
  }
  pageoutStarted(pages: number): void {
    this.paging += pages
  }
  pageoutDone(pages: number): void {
    this.paging -= pages
  }
  pageFreedByDaemon(): void {
    this.log.push('daemon:freed')
  }
  isPageDaemon(): boolean {
    return this.pageDaemonRuns
  }
  shouldYield(): boolean {
    return this.mustYield
  }
  *wireUserMemory(): Operation<number> {
    return this.wireErrno
  }
  unwireUserMemory(): void {
    this.log.push('unwire')
  }
  zeroUserMemory(_space: number, address: number, lengthBytes: number): void {
    this.user.fill(0, address, address + lengthBytes)
  }
}
