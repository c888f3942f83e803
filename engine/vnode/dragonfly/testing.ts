/**
 * Aids for tests of the pager: a kernel around it with one file of numbered bytes, whose operations wait once where they are
 * told to.
 */
import { Columns } from '../../sim/columns.ts'
import { ALL_SECTORS, PAGE_SIZE, SECTOR_SIZE, VmPages } from '../../vm/pages.ts'
import { NO_OFFSET, type BlockMapping, type DragonflyVnodeHost } from './host.ts'
import type { Operation, TransferResult, VnodeWait } from '../operation.ts'
import { DragonflyVnodePager } from './pager.ts'
import { VnodeType } from './vnodes.ts'

export interface TestOptions {
  /** 0: no mount. */
  blockSize?: number
  /** What the pager believes the file's size to be, bytes. */
  sizeBytes?: number
  /** What the file system can read of it, bytes; the same if not given. */
  readableBytes?: number
  type?: number
  sectorSize?: number
}

/** Byte of the file at an offset, never 0. */
export function fileByte(offset: number): number {
  return 1 + (offset % 251)
}

export class TestKernel implements DragonflyVnodeHost {
  readonly columns = new Columns()
  readonly pages = new VmPages(this.columns, 64)
  readonly pager = new DragonflyVnodePager(this.columns, this.pages, this)
  readonly contents = new Uint8Array(64 * PAGE_SIZE)
  readonly vnode: number
  /** The vnode's object, with one reference of the test's. */
  readonly object: number
  readonly readableBytes: number
  /** What happened, in order. */
  readonly log: string[] = []
  bmapResult: BlockMapping = { errno: 0, deviceOffset: 0 }
  readResult: TransferResult | null = null
  writeResult: TransferResult | null = null
  /** Answers to lockVnode, 0 when there are no more. */
  lockErrnos: number[] = []
  /** EOPNOTSUPP where the file system cannot get or put pages itself. */
  ownErrno = 0
  memoryIsLow = false
  now = 0
  /** Whether operations of the vnode stop once before they do anything. */
  waits = false

  constructor(options: TestOptions = {}) {
    const {
      blockSize = 4096,
      sizeBytes = 65536,
      readableBytes = sizeBytes,
      type = VnodeType.regular,
      sectorSize = 512,
    } = options
    this.readableBytes = readableBytes
    this.vnode = this.pager.vnodes.add({ type, blockSize, sectorSize, isNoMsync: false })
    this.pager.vnodes.references[this.vnode] = 1
    this.object = run(this.pager.allocate(this.vnode, sizeBytes, 4096, -1))
  }

  /** Pages from an index on, exclusively busy, with the valid bits given, full of 9s. */
  addPages(first: number, valid: readonly number[]): Int32Array {
    return Int32Array.from(valid, (bits, i) => {
      const frame = this.pages.allocate(this.object, first + i)
      this.pages.valid[frame] = bits
      this.bytes(frame).fill(9)
      return frame
    })
  }

  bytes(frame: number): Uint8Array {
    return this.contents.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)
  }

  /** Indices of the resident pages. */
  resident(): number[] {
    const found: number[] = []
    for (let index = 0; ; index++) {
      const frame = this.pages.lookupFrom(this.object, index)
      if (frame < 0) return found
      index = this.pages.pageIndex[frame]!
      found.push(index)
    }
  }

  *#wait(request: number): Operation<void> {
    if (this.waits) yield { on: 'host', request }
  }

  *bmap(_vnode: number, offset: number): Operation<BlockMapping> {
    yield* this.#wait(1)
    this.log.push(`bmap ${offset}`)
    return this.bmapResult
  }

  *read(
    _vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult> {
    const { pages } = this
    this.log.push(`read ${offset} ${lengthBytes} ${flags} ${sequential}`)
    yield* this.#wait(2)
    const result = this.readResult ?? {
      errno: 0,
      doneBytes: Math.max(0, Math.min(lengthBytes, this.readableBytes - offset)),
    }
    for (let at = 0; at < result.doneBytes; at += SECTOR_SIZE) {
      const frame = frames[Math.floor(at / PAGE_SIZE)]!
      const bit = 1 << ((at % PAGE_SIZE) / SECTOR_SIZE)
      if ((pages.valid[frame]! & bit) !== 0) continue
      for (let i = at; i < at + SECTOR_SIZE; i++)
        this.bytes(frame)[i % PAGE_SIZE] = i < result.doneBytes ? fileByte(offset + i) : 0
      pages.valid[frame]! |= bit
    }
    return result
  }

  *write(
    _vnode: number,
    offset: number,
    lengthBytes: number,
    _frames: Int32Array,
    flags: number,
    sequential: number,
  ): Operation<TransferResult> {
    this.log.push(`write ${offset} ${lengthBytes} ${flags} ${sequential}`)
    yield* this.#wait(3)
    return this.writeResult ?? { errno: 0, doneBytes: lengthBytes }
  }

  *getPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    required: number,
    isSequential: boolean,
  ): Operation<number> {
    if (this.ownErrno !== 0) return this.ownErrno
    return yield* this.pager.genericGetPages(vnode, frames, lengthBytes, required, isSequential)
  }

  *putPages(
    vnode: number,
    frames: Int32Array,
    lengthBytes: number,
    flags: number,
    results: Uint8Array,
  ): Operation<number> {
    if (this.ownErrno !== 0) return this.ownErrno
    return yield* this.pager.genericPutPages(vnode, frames, lengthBytes, flags, results)
  }

  *lockVnode(vnode: number): Operation<number> {
    yield* this.#wait(4)
    const errno = this.lockErrnos.shift() ?? 0
    this.log.push(`lock ${vnode} ${errno}`)
    return errno
  }
  unlockVnode(vnode: number): void {
    this.log.push(`unlock ${vnode}`)
  }
  wakeVnode(vnode: number): void {
    this.log.push(`wake ${vnode}`)
  }

  freeSwapSpace(object: number): void {
    this.log.push(`free swap ${object}`)
  }
  freePage(frame: number): void {
    this.log.push(`free ${this.pages.pageIndex[frame]!}`)
    this.pages.wanted[frame] = 0
    this.pages.free(frame)
  }
  releaseBusy(frame: number): void {
    this.pages.wanted[frame] = 0
    this.pages.exclusiveBusy[frame] = 0
  }
  unmapPage(frame: number): void {
    if (this.pages.hardwareModified[frame] !== 0) this.pages.dirty[frame] = ALL_SECTORS
    this.pages.hardwareModified[frame] = 0
  }
  zero(frame: number, offset: number, lengthBytes: number): void {
    this.bytes(frame).fill(0, offset, offset + lengthBytes)
  }
  isMemoryLow = () => this.memoryIsLow
  message(id: string, a: number, b: number, c: number): void {
    this.log.push(`${id} ${a} ${b} ${c}`)
  }
  nowNs = () => this.now
}

/** Where a hole lies on the device. */
export const hole: BlockMapping = { errno: 0, deviceOffset: NO_OFFSET }

/** Runs an operation to its end; `wait` is told each wait and makes it end. */
export function run<Result>(operation: Operation<Result>, wait: (wait: VnodeWait) => void = () => {}): Result {
  for (let waits = 0; ; waits++) {
    const step = operation.next()
    if (step.done === true) return step.value
    if (waits > 100) throw new Error(`the wait on ${step.value.on} never ends`)
    wait(step.value)
  }
}
