/**
 * Read-ahead of files: a window that slides and grows with requests in order, one for each vnode.
 *
 * Source: NetBSD's uvm_readahead.c. It is asked about each request that is not met in memory.
 */
import type { Columns } from '../../sim/columns.ts'
import { PAGE_SIZE } from '../../vm/pages.ts'

/** MAXPHYS: a chunk, and the first window. The window's most, and the least that is worth reading. */
const CHUNK = 65536
const WINDOW_MAX = CHUNK * 8
const LEAST = CHUNK * 2

export class ReadAhead {
  /** By vnode: where the window begins, its size (0: there is none yet), and up to where reading has been started. */
  #start: Float64Array
  #size: Float64Array
  #next: Float64Array
  readonly #columns: Columns

  constructor(columns: Columns) {
    this.#columns = columns
    this.#start = columns.define('vnode.netbsd.readAhead.start', 'f64', 16)
    this.#size = columns.define('vnode.netbsd.readAhead.size', 'f64', 16)
    this.#next = columns.define('vnode.netbsd.readAhead.next', 'f64', 16)
    columns.onRebind(() => this.#rebind())
  }

  #rebind(): void {
    this.#start = this.#columns.get('vnode.netbsd.readAhead.start', 'f64')
    this.#size = this.#columns.get('vnode.netbsd.readAhead.size', 'f64')
    this.#next = this.#columns.get('vnode.netbsd.readAhead.next', 'f64')
  }

  /** A new vnode: no window. */
  begin(vnode: number): void {
    if (vnode >= this.#start.length) {
      for (const name of ['start', 'size', 'next'] as const)
        this.#columns.resize(`vnode.netbsd.readAhead.${name}`, 'f64', this.#start.length * 2)
      this.#rebind()
    }
    this.#size[vnode] = 0
  }

  /**
   * A request for bytes of a file. Answers the chunks to be read ahead, first byte and bytes each; the caller says with `started`
   * how far it came.
   */
  request(vnode: number, offset: number, lengthBytes: number): { offset: number; lengthBytes: number }[] {
    const start = this.#start[vnode]!
    const size = this.#size[vnode]!
    const end = offset + lengthBytes
    if (size === 0 || offset < start || start + size < offset) {
      // the same piece again leaves the window where it is
      if (size !== 0 && end === start) return []
      this.#start[vnode] = this.#next[vnode] = end
      this.#size[vnode] = CHUNK
      return []
    }
    if (offset > this.#next[vnode]!) this.#next[vnode] = offset
    const next = this.#next[vnode]!
    const chunks = []
    if (offset + size - next >= LEAST)
      for (let at = next - (next % PAGE_SIZE); at < offset + size;) {
        const length = Math.floor((at + CHUNK) / CHUNK) * CHUNK - at
        chunks.push({ offset: at, lengthBytes: length })
        at += length
      }
    this.#start[vnode] = end
    this.#size[vnode] = Math.min(WINDOW_MAX, size + lengthBytes)
    return chunks
  }

  /** Reading ahead has come so far. */
  started(vnode: number, offset: number): void {
    this.#next[vnode] = offset
  }
}
