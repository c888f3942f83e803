/**
 * Aids for tests of the pager: a kernel around it with one file of numbered bytes, whose operations wait once where they are
 * told to.
 */
import { Columns } from '../../sim/columns.ts'
import { PAGE_SIZE, SECTOR_SIZE, VmPages } from '../../vm/pages.ts'
import type { BlockMapping, FreebsdVnodeHost } from './host.ts'
import { Errno, type Operation, type TransferResult, type VnodeWait } from '../operation.ts'
import { FreebsdVnodePager } from './pager.ts'
import { VnodeType } from './vnodes.ts'

export interface TestOptions {
  blockSize?: number
  sizeBytes?: number
  /** First sector by block, -1 a hole. */
  map?: number[]
  type?: number
  deviceSectorSize?: number
  isNetwork?: boolean
}

/** Byte of the device at a sector and a place in it, never 0. */
export function deviceByte(sector: number, within: number): number {
  return 1 + ((sector * 7 + within) % 255)
}

export class TestKernel implements FreebsdVnodeHost {
  readonly columns = new Columns()
  readonly pages = new VmPages(this.columns, 64)
  readonly pager = new FreebsdVnodePager(this.columns, this.pages, this)
  readonly contents = new Uint8Array(64 * PAGE_SIZE)
  readonly vnode: number
  /** The object, with one reference of the test's. */
  readonly object: number
  readonly map: number[]
  readonly sizeBytes: number
  /** What happened, in order. */
  readonly log: string[] = []
  bmapErrno: (block: number) => number = () => 0
  readErrno = 0
  writeResult: TransferResult | null = null
  attributesErrno = 0
  memoryIsLow = false
  now = 0
  /** Whether operations of the vnode stop once before they do anything. */
  waits = false

  constructor(options: TestOptions = {}) {
    const {
      blockSize = 4096,
      sizeBytes = 65536,
      type = VnodeType.regular,
      deviceSectorSize = 512,
      isNetwork = false,
    } = options
    this.sizeBytes = sizeBytes
    this.map =
      options.map ??
      Array.from({ length: Math.ceil(sizeBytes / blockSize) }, (_, i) => 100 + (i * blockSize) / SECTOR_SIZE)
    this.vnode = this.pager.vnodes.add({ type, blockSize, deviceSectorSize, isNetwork })
    this.pager.vnodes.useCount[this.vnode] = 1
    this.object = run(this.pager.allocate(this.vnode, sizeBytes))
  }

  /** Pages from an index on, exclusively busy, with the valid bits given. */
  addPages(first: number, valid: readonly number[]): Int32Array {
    return Int32Array.from(valid, (bits, i) => {
      const frame = this.pages.allocate(this.object, first + i)
      this.pages.valid[frame] = bits
      this.bytes(frame).fill(0)
      return frame
    })
  }

  bytes(frame: number): Uint8Array {
    return this.contents.subarray(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)
  }

  /** Indices of the resident pages. */
  resident(): number[] {
    const found: number[] = []
    for (
      let frame = this.pages.lookupFrom(this.object, 0);
      frame >= 0;
      frame = this.pages.lookupFrom(this.object, this.pages.pageIndex[frame]! + 1)
    )
      found.push(this.pages.pageIndex[frame]!)
    return found
  }

  *#wait(request: number): Operation<void> {
    if (this.waits) yield { on: 'host', request }
  }

  *bmap(vnode: number, block: number, wantsRuns: boolean): Operation<BlockMapping> {
    yield* this.#wait(1)
    const perBlock = this.pager.vnodes.blockSize[vnode]! / SECTOR_SIZE
    const sector = this.map[block] ?? -1
    const run = (direction: number): number => {
      let length = 0
      while (sector >= 0 && this.map[block + direction * (length + 1)] === sector + direction * (length + 1) * perBlock)
        length += 1
      return length
    }
    return {
      errno: this.bmapErrno(block),
      sector,
      runAfter: wantsRuns ? run(1) : 0,
      runBefore: wantsRuns ? run(-1) : 0,
    }
  }

  *readDevice(
    _vnode: number,
    sector: number,
    lengthBytes: number,
    frames: Int32Array,
    pageOffset: number,
  ): Operation<number> {
    this.log.push(`read ${sector} ${lengthBytes}`)
    yield* this.#wait(2)
    if (this.readErrno !== 0) return this.readErrno
    for (let i = 0; i < lengthBytes; i++) {
      const at = pageOffset + i
      this.bytes(frames[Math.floor(at / PAGE_SIZE)]!)[at % PAGE_SIZE] = deviceByte(
        sector + Math.floor(i / SECTOR_SIZE),
        i % SECTOR_SIZE,
      )
    }
    return 0
  }

  *read(_vnode: number, offset: number, lengthBytes: number, frame: number): Operation<TransferResult> {
    yield* this.#wait(3)
    this.log.push(`file read ${offset} ${lengthBytes}`)
    this.bytes(frame).fill(0x55, 0, lengthBytes)
    return { errno: this.readErrno, doneBytes: lengthBytes }
  }

  *write(
    _vnode: number,
    offset: number,
    lengthBytes: number,
    frames: Int32Array,
    flags: number,
  ): Operation<TransferResult> {
    yield* this.#wait(4)
    this.log.push(`write ${offset} ${lengthBytes} ${frames.length} ${flags}`)
    return this.writeResult ?? { errno: 0, doneBytes: lengthBytes }
  }

  *fileSize(): Operation<{ errno: number; sizeBytes: number }> {
    yield* this.#wait(5)
    return { errno: this.attributesErrno, sizeBytes: this.sizeBytes }
  }

  *startWrite(): Operation<void> {
    this.log.push('start write')
    yield* this.#wait(6)
  }
  finishWrite(): void {
    this.log.push('finish write')
  }
  vnodeUnused(): void {
    this.log.push('unused')
  }
  *terminateObject(object: number): Operation<void> {
    this.log.push('terminate')
    yield* this.pager.deallocate(object)
  }
  wakeObject(): void {
    this.log.push('wake')
  }
  freePage(frame: number): void {
    this.log.push(`free ${this.pages.pageIndex[frame]!}`)
    this.pages.free(frame)
  }
  releaseBusy(frame: number): void {
    this.pages.exclusiveBusy[frame] = 0
  }
  removePages(_object: number, first: number, end: number): void {
    this.log.push(`remove ${first} ${end}`)
  }
  zero(frame: number, offset: number, lengthBytes: number): void {
    this.bytes(frame).fill(0, offset, offset + lengthBytes)
  }
  isWriteMapped = () => false
  isMemoryLow = () => this.memoryIsLow
  isCached = () => false
  freeCached(): void {}
  message(id: string, _vnode: number, figure: number): void {
    this.log.push(`${id} ${figure}`)
  }
  nowNs = () => this.now
}

/** Runs an operation to its end, at once. */
export function run<Result>(operation: Operation<Result>, onWait: (wait: VnodeWait) => void = () => {}): Result {
  for (;;) {
    const step = operation.next()
    if (step.done === true) return step.value
    onWait(step.value)
  }
}

export { Errno }
