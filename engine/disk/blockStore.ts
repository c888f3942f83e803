/**
 * What a device keeps its bytes in, and the transfers that move them.
 *
 * A block store is read and written in pages of 4096 bytes. A transfer names the first page and gives one buffer per
 * page: views of page frames, which usually lie in one large ArrayBuffer, next to each other or scattered. Who knows that
 * they are next to each other gives one view of them all instead. Each transfer is one system call: a plain read or write
 * where the frames are neighbours in memory, a vectored one otherwise.
 */

import fs from 'node:fs'
import { DiskError, diskErrorFrom } from './diskError.ts'
import { PAGE_BYTES } from './units.ts'

export interface BlockStore {
  /** Whole pages that fit; a last, partial page of the medium is not used. */
  readonly sizePages: number
  /**
   * Fills `buffers[0..count-1]`, each a view of 4096 bytes, from `count` pages starting at `page`; or `buffers[0]`, if it is a view of
   * more than a page, then of all of them.
   * Throws DiskError `out-of-range` or `io`.
   */
  readPages(page: number, buffers: Uint8Array[], count: number): void
  /**
   * Stores `buffers[0..count-1]`, or `buffers[0]` as above, at `count` pages starting at `page`. Nothing keeps a reference to the contents.
   * Throws DiskError `out-of-range`, `read-only`, `disk-full` or `io`.
   */
  writePages(page: number, buffers: Uint8Array[], count: number): void
  /** Returns when what was written is on the medium. */
  sync(): void
  close(): void
}

/** Throws unless `count` pages at `page` lie within a store of `sizePages`. */
export function checkRange(path: string, page: number, count: number, sizePages: number): void {
  // Written so that a NaN fails as well.
  if (page >= 0 && count >= 0 && page + count <= sizePages) return
  throw new DiskError(
    'out-of-range',
    `${path}: pages ${page} to ${page + count - 1} do not lie within its ${sizePages} pages`,
    { path },
  )
}

/**
 * Positioned vectored transfers on one open file. It owns the arrays that it hands to the system calls, so that a
 * transfer allocates nothing of its own.
 */
export class VectoredFile {
  declare readonly fd: number
  declare readonly path: string
  /** The ArrayBuffer of the last transfer, and a view over all of it: frames almost always live in one. */
  #lastBuffer: ArrayBufferLike | null = null
  #wholeView: Uint8Array = new Uint8Array(0)
  /** One reusable array of views for each length: the vectored calls take all of an array. */
  #vectors: Uint8Array[][] = []

  constructor(fd: number, path: string) {
    this.fd = fd
    this.path = path
  }

  /** Reads `count` pages at byte `offset` into `buffers[start..start+count-1]`. */
  read(offset: number, buffers: Uint8Array[], start: number, count: number): void {
    const wanted = count * PAGE_BYTES
    let got
    try {
      got = this.#transferOnce(false, offset, buffers, start, count)
    } catch (error) {
      throw diskErrorFrom(error, this.path, `reading ${wanted} bytes at byte ${offset}`, offset)
    }
    if (got !== wanted) this.#finish(false, offset, buffers, start, count, got)
  }

  /** Writes `buffers[start..start+count-1]` to `count` pages at byte `offset`. */
  write(offset: number, buffers: Uint8Array[], start: number, count: number): void {
    const wanted = count * PAGE_BYTES
    let got
    try {
      got = this.#transferOnce(true, offset, buffers, start, count)
    } catch (error) {
      throw diskErrorFrom(error, this.path, `writing ${wanted} bytes at byte ${offset}`, offset)
    }
    if (got !== wanted) this.#finish(true, offset, buffers, start, count, got)
  }

  /** One system call for the whole transfer; answers how many bytes it moved. */
  #transferOnce(isWrite: boolean, offset: number, buffers: Uint8Array[], start: number, count: number): number {
    const row = buffers[0]!
    if (row.length > PAGE_BYTES) {
      const at = start * PAGE_BYTES
      const bytes = count * PAGE_BYTES
      return isWrite ? fs.writeSync(this.fd, row, at, bytes, offset) : fs.readSync(this.fd, row, at, bytes, offset)
    }
    const first = buffers[start]!
    if (count === 1) {
      return isWrite
        ? fs.writeSync(this.fd, first, 0, PAGE_BYTES, offset)
        : fs.readSync(this.fd, first, 0, PAGE_BYTES, offset)
    }
    if (areNeighbours(buffers, start, count)) {
      const buffer = first.buffer
      if (buffer !== this.#lastBuffer) {
        this.#lastBuffer = buffer
        this.#wholeView = new Uint8Array(buffer)
      }
      const bytes = count * PAGE_BYTES
      return isWrite
        ? fs.writeSync(this.fd, this.#wholeView, first.byteOffset, bytes, offset)
        : fs.readSync(this.fd, this.#wholeView, first.byteOffset, bytes, offset)
    }
    let vector = buffers
    if (start !== 0 || buffers.length !== count) {
      vector = this.#vectorOf(count)
      for (let i = 0; i < count; i++) vector[i] = buffers[start + i]!
    }
    return isWrite ? fs.writevSync(this.fd, vector, offset) : fs.readvSync(this.fd, vector, offset)
  }

  #vectorOf(count: number): Uint8Array[] {
    while (this.#vectors.length <= count) {
      this.#vectors.push(new Array<Uint8Array>(this.#vectors.length).fill(this.#wholeView))
    }
    return this.#vectors[count]!
  }

  /** Moves what a short transfer left over, page by page: rare, so it need not be fast. */
  #finish(isWrite: boolean, offset: number, buffers: Uint8Array[], start: number, count: number, moved: number): void {
    const wanted = count * PAGE_BYTES
    const doing = isWrite ? 'writing' : 'reading'
    while (moved < wanted) {
      const page = start + Math.floor(moved / PAGE_BYTES)
      const isRow = buffers[0]!.length > PAGE_BYTES
      const view = isRow ? buffers[0]! : buffers[page]!
      const withinPage = moved % PAGE_BYTES
      const within = isRow ? page * PAGE_BYTES + withinPage : withinPage
      const left = PAGE_BYTES - withinPage
      const position = offset + moved
      let bytes
      try {
        bytes = isWrite
          ? fs.writeSync(this.fd, view, within, left, position)
          : fs.readSync(this.fd, view, within, left, position)
      } catch (error) {
        throw diskErrorFrom(error, this.path, `${doing} at byte ${position}`, position)
      }
      if (bytes === 0) {
        throw new DiskError(
          'io',
          `${this.path}: ${doing} stopped at byte ${position}; the file has become shorter while it was open`,
          { path: this.path, offset: position },
        )
      }
      moved += bytes
    }
  }
}

/** Whether `buffers[start..start+count-1]` follow each other in one ArrayBuffer. */
function areNeighbours(buffers: Uint8Array[], start: number, count: number): boolean {
  const first = buffers[start]!
  let expected = first.byteOffset + PAGE_BYTES
  for (let i = start + 1; i < start + count; i++) {
    if (buffers[i]!.byteOffset !== expected) return false
    expected += PAGE_BYTES
  }
  // Equal offsets in different buffers are rarer than gaps, so the dearer question comes second.
  const buffer = first.buffer
  for (let i = start + 1; i < start + count; i++) if (buffers[i]!.buffer !== buffer) return false
  return true
}

/**
 * The store of a run without contents (`"contents": "none"`): transfers are checked for their range and move no bytes.
 */
export class NullStore implements BlockStore {
  declare readonly sizePages: number

  constructor(sizePages: number) {
    this.sizePages = sizePages
  }

  readPages(page: number, _buffers: Uint8Array[], count: number): void {
    checkRange('device without contents', page, count, this.sizePages)
  }

  writePages(page: number, _buffers: Uint8Array[], count: number): void {
    checkRange('device without contents', page, count, this.sizePages)
  }

  sync(): void {
    // There is nothing to put on a medium.
  }

  close(): void {
    // There is nothing to close.
  }
}
