/**
 * Buffers: the I/O that is on its way, as columns.
 *
 * A master covers a whole request: its pages (or the memory of a process), which its data are one after another. Where a request
 * is not one piece on the device, each piece is a child (nestiobuf): its data begin `dataOffset` bytes into the master's, and
 * its end is counted against the master, which is over when nothing of it is left.
 *
 * Life: addMaster() -> [addChild()]... -> host.startRequest() of each piece -> completion.ts -> free().
 */
import type { Columns } from '../../sim/columns.ts'

/** What is to be done when a master is over, beside waking who waits: nothing, or letting go of its pages (uvm_aio_biodone). */
export const Completion = { none: 0, releasePages: 1 } as const

/** BPRIO_TIMELIMITED, BPRIO_TIMENONCRITICAL, BPRIO_TIMECRITICAL */
export const Priority = { limited: 0, nonCritical: 1, critical: 2 } as const

export interface MasterDescription {
  vnode: number
  isRead: boolean
  isAsync: boolean
  /** Counted twice in the vnode's output, the second time until its pages are let go: BC_AGE. */
  isAging: boolean
  completion: number
  priority: number
  /** Bytes to be moved: b_bcount. The pages may reach further. */
  lengthBytes: number
}

const columnKinds = [
  ['parent', 'i32'],
  ['vnode', 'i32'],
  ['isRead', 'u8'],
  ['isAsync', 'u8'],
  ['isAging', 'u8'],
  ['isDone', 'u8'],
  ['completion', 'u8'],
  ['priority', 'u8'],
  ['errno', 'i32'],
  ['length', 'f64'],
  ['residual', 'f64'],
  ['dataOffset', 'f64'],
  ['deviceBlock', 'f64'],
  ['frameCount', 'i32'],
  ['userSpace', 'i32'],
  ['userAddress', 'f64'],
  ['next', 'i32'],
] as const

export class BufferTable {
  /** -1: a master. */
  declare parent: Int32Array
  declare vnode: Int32Array
  declare isRead: Uint8Array
  /** Of the master; a child has its own as zero. */
  declare isAsync: Uint8Array
  declare isAging: Uint8Array
  declare isDone: Uint8Array
  declare completion: Uint8Array
  declare priority: Uint8Array
  declare errno: Int32Array
  /** Bytes, all and left: b_bcount, b_resid. */
  declare length: Float64Array
  declare residual: Float64Array
  declare dataOffset: Float64Array
  declare deviceBlock: Float64Array
  /** Of a master of pages, else 0: its pages are `frames[buffer * stride ...]`. */
  declare frameCount: Int32Array
  /** Of a master over a process's memory. */
  declare userSpace: Int32Array
  declare userAddress: Float64Array
  declare frames: Int32Array
  #next!: Int32Array
  /** [0] first free row, [1] frames a row */
  #state: Int32Array
  readonly #columns: Columns

  constructor(columns: Columns) {
    const rows = 32
    const stride = 16
    this.#columns = columns
    for (const [name, kind] of columnKinds) columns.define(`vnode.netbsd.buffer.${name}`, kind, rows)
    columns.define('vnode.netbsd.buffer.frames', 'i32', rows * stride)
    this.#state = columns.define('vnode.netbsd.buffer.state', 'i32', 2)
    this.#state[0] = -1
    this.#state[1] = stride
    this.#rebind()
    this.#chain(0)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    const c = this.#columns
    this.parent = c.get('vnode.netbsd.buffer.parent', 'i32')
    this.vnode = c.get('vnode.netbsd.buffer.vnode', 'i32')
    this.isRead = c.get('vnode.netbsd.buffer.isRead', 'u8')
    this.isAsync = c.get('vnode.netbsd.buffer.isAsync', 'u8')
    this.isAging = c.get('vnode.netbsd.buffer.isAging', 'u8')
    this.isDone = c.get('vnode.netbsd.buffer.isDone', 'u8')
    this.completion = c.get('vnode.netbsd.buffer.completion', 'u8')
    this.priority = c.get('vnode.netbsd.buffer.priority', 'u8')
    this.errno = c.get('vnode.netbsd.buffer.errno', 'i32')
    this.length = c.get('vnode.netbsd.buffer.length', 'f64')
    this.residual = c.get('vnode.netbsd.buffer.residual', 'f64')
    this.dataOffset = c.get('vnode.netbsd.buffer.dataOffset', 'f64')
    this.deviceBlock = c.get('vnode.netbsd.buffer.deviceBlock', 'f64')
    this.frameCount = c.get('vnode.netbsd.buffer.frameCount', 'i32')
    this.userSpace = c.get('vnode.netbsd.buffer.userSpace', 'i32')
    this.userAddress = c.get('vnode.netbsd.buffer.userAddress', 'f64')
    this.frames = c.get('vnode.netbsd.buffer.frames', 'i32')
    this.#next = c.get('vnode.netbsd.buffer.next', 'i32')
    this.#state = c.get('vnode.netbsd.buffer.state', 'i32')
  }

  /** Frames that a row has room for. */
  get stride(): number {
    return this.#state[1]!
  }

  /** A buffer over pages that lie one after another in the file. */
  addMaster(description: MasterDescription, frames: Int32Array): number {
    const buffer = this.#add(description)
    while (frames.length > this.stride) this.#widen()
    this.frames.set(frames, buffer * this.stride)
    this.frameCount[buffer] = frames.length
    return buffer
  }

  /** A buffer over the memory of a process. */
  addUserMaster(description: MasterDescription, space: number, address: number): number {
    const buffer = this.#add(description)
    this.userSpace[buffer] = space
    this.userAddress[buffer] = address
    return buffer
  }

  /** A piece of a master: nestiobuf_setup, without its count of outputs. */
  addChild(parent: number, dataOffset: number, lengthBytes: number): number {
    const child = this.#take()
    this.parent[child] = parent
    this.vnode[child] = this.vnode[parent]!
    this.isRead[child] = this.isRead[parent]!
    this.priority[child] = this.priority[parent]!
    this.length[child] = lengthBytes
    this.residual[child] = lengthBytes
    this.dataOffset[child] = dataOffset
    return child
  }

  free(buffer: number): void {
    this.#next[buffer] = this.#state[0]!
    this.#state[0] = buffer
  }

  masterOf(buffer: number): number {
    const parent = this.parent[buffer]!
    return parent < 0 ? buffer : parent
  }

  /** A master's pages. The view is good until the next buffer is added. */
  framesOf(master: number): Int32Array {
    const start = master * this.stride
    return this.frames.subarray(start, start + this.frameCount[master]!)
  }

  #add(description: MasterDescription): number {
    const buffer = this.#take()
    this.vnode[buffer] = description.vnode
    this.isRead[buffer] = description.isRead ? 1 : 0
    this.isAsync[buffer] = description.isAsync ? 1 : 0
    this.isAging[buffer] = description.isAging ? 1 : 0
    this.completion[buffer] = description.completion
    this.priority[buffer] = description.priority
    this.length[buffer] = description.lengthBytes
    this.residual[buffer] = description.lengthBytes
    return buffer
  }

  #take(): number {
    if (this.#state[0]! < 0) {
      const rows = this.#next.length
      for (const [name, kind] of columnKinds) this.#columns.resize(`vnode.netbsd.buffer.${name}`, kind, rows * 2)
      this.#columns.resize('vnode.netbsd.buffer.frames', 'i32', rows * 2 * this.stride)
      this.#rebind()
      this.#chain(rows)
    }
    const buffer = this.#state[0]!
    this.#state[0] = this.#next[buffer]!
    this.parent[buffer] = -1
    this.isAsync[buffer] = 0
    this.isAging[buffer] = 0
    this.isDone[buffer] = 0
    this.completion[buffer] = Completion.none
    this.errno[buffer] = 0
    this.dataOffset[buffer] = 0
    this.deviceBlock[buffer] = 0
    this.frameCount[buffer] = 0
    this.userSpace[buffer] = -1
    this.userAddress[buffer] = 0
    return buffer
  }

  #chain(from: number): void {
    for (let row = this.#next.length - 1; row >= from; row--) {
      this.#next[row] = this.#state[0]!
      this.#state[0] = row
    }
  }

  #widen(): void {
    const before = this.stride
    const rows = this.#next.length
    const old = this.frames.slice()
    this.frames = this.#columns.resize('vnode.netbsd.buffer.frames', 'i32', rows * before * 2)
    for (let row = 0; row < rows; row++)
      this.frames.set(old.subarray(row * before, (row + 1) * before), row * before * 2)
    this.#state[1] = before * 2
  }
}
