/**
 * What must be in the pages of files, kept apart from frames and devices.
 *
 * Every page has a slot in the contents ledger. A store through a mapping raises the slot's version; the page's bytes are then
 * those that the ledger makes from it. Until then, and after a write that went through the file system, they are the file's own,
 * of which a copy is kept here: `known` says for which version the copy is right. Bytes beyond the end of the file are nobody's.
 */
import { rowsOf, type Columns } from '../sim/columns.ts'
import { ContentsError, type Contents } from '../vm/contents.ts'
import { PAGE_SIZE, type VmPages } from '../vm/pages.ts'

/** A version that no page has: the copy is never right. */
const NEVER = 0xffffffff

interface TruthFile {
  slotBase: number
  sizeBytes: number
  /** The file's bytes; null where all pages are made by the ledger so far. */
  bytes: Uint8Array | null
}

export class FileTruth {
  /** By slot. */
  #known: Uint32Array
  readonly #columns: Columns
  readonly #contents: Contents
  readonly #pages: VmPages
  /** By object. */
  readonly #files = new Map<number, TruthFile>()
  /** The one that was asked for last. */
  #lastObject = -1
  #lastFile: TruthFile | null = null

  constructor(columns: Columns, contents: Contents, pages: VmPages) {
    this.#columns = columns
    this.#contents = contents
    this.#pages = pages
    this.#known = columns.define('file.known', 'u32', 0)
    columns.onRebind(() => {
      this.#known = columns.get('file.known', 'u32')
    })
    columns.keep(
      'file.truth',
      () => [...this.#files].flatMap(([object, { slotBase, sizeBytes }]) => [object, slotBase, sizeBytes]),
      (values) => {
        const before = new Map(this.#files)
        this.#files.clear()
        this.#lastObject = -1
        // the bytes are not saved: who has some keeps them
        for (const [object, slotBase, sizeBytes] of rowsOf(values, 3))
          this.#files.set(object!, {
            slotBase: slotBase!,
            sizeBytes: sizeBytes!,
            bytes: before.get(object!)?.bytes ?? null,
          })
      },
    )
  }

  /** A file, its slots allocated. `bytes`: what it holds now, null: each page what the ledger makes of its version. */
  add(object: number, slotBase: number, pages: number, sizeBytes: number, bytes: Uint8Array | null): void {
    const end = slotBase + pages
    if (end > this.#known.length) {
      const old = this.#known.length
      this.#known = this.#columns.resize('file.known', 'u32', Math.max(end, old * 2))
      this.#known.fill(NEVER, old)
    }
    this.#known.fill(bytes === null ? NEVER : 0, slotBase, end)
    this.#files.set(object, { slotBase, sizeBytes, bytes })
  }

  /** The object is no longer the file's. */
  forget(object: number): void {
    this.#files.delete(object)
    if (this.#lastObject === object) this.#lastObject = -1
  }

  #file(object: number): TruthFile {
    if (object === this.#lastObject && this.#lastFile !== null) return this.#lastFile
    const file = this.#files.get(object)
    if (file === undefined) throw new Error(`object ${object} is no file`)
    this.#lastObject = object
    this.#lastFile = file
    return file
  }

  sizeBytes(object: number): number {
    return this.#file(object).sizeBytes
  }

  /**
   * Compares bytes [from, to) of a page that came in with what they must be; those beyond the end of the file are not looked at.
   * Answers how many bytes were compared. Throws ContentsError.
   */
  check(frame: number, from: number, to: number, sector: number): number {
    const pages = this.#pages
    const object = pages.object[frame]!
    const file = this.#file(object)
    const index = pages.pageIndex[frame]!
    const start = index * PAGE_SIZE
    const end = Math.min(to, file.sizeBytes - start)
    if (end <= from) return 0
    const slot = file.slotBase + index
    const isCopy = this.#contents.version[slot] === this.#known[slot] && file.bytes !== null
    if (!isCopy && from === 0 && end === PAGE_SIZE && this.#contents.isAsExpected(frame, slot)) return PAGE_SIZE
    const other = isCopy && file.bytes !== null ? file.bytes : this.#contents.expected(slot)
    const at = isCopy ? start + from : from
    const different = this.#contents.firstDifferent(frame, from, end, other, at)
    if (different < 0) return end - from
    throw new ContentsError(
      `page ${index} of file object ${object} came in with other bytes than it must have: byte ${different} is ${this.#contents.view(frame)[different]!}, not ${other[at + different - from]!}; the transfer began at sector ${sector}`,
    )
  }

  /** The same for the first `count` pages of a row, whole, next to each other in their file. */
  checkPages(frames: Int32Array, count: number, sector: number): number {
    const pages = this.#pages
    const contents = this.#contents
    const { version } = contents
    const known = this.#known
    const file = this.#file(pages.object[frames[0]!]!)
    const index = pages.pageIndex[frames[0]!]!
    const hasBytes = file.bytes !== null
    // pages before this place lie in the file as a whole
    const whole = Math.min(count, Math.floor(file.sizeBytes / PAGE_SIZE) - index)
    let slot = file.slotBase + index
    let compared = 0
    for (let i = 0; i < count; i++, slot++) {
      const isMade = i < whole && !(hasBytes && version[slot] === known[slot])
      if (isMade && contents.isAsExpected(frames[i]!, slot)) compared += PAGE_SIZE
      else compared += this.check(frames[i]!, 0, PAGE_SIZE, sector)
    }
    return compared
  }

  /** What a file must hold, as of now. */
  bytesOf(object: number): Uint8Array {
    const file = this.#file(object)
    const bytes = new Uint8Array(file.sizeBytes)
    for (let start = 0; start < file.sizeBytes; start += PAGE_SIZE) {
      const slot = file.slotBase + start / PAGE_SIZE
      const isCopy = this.#contents.version[slot] === this.#known[slot] && file.bytes !== null
      const page =
        isCopy && file.bytes !== null ? file.bytes.subarray(start, start + PAGE_SIZE) : this.#contents.expected(slot)
      bytes.set(page.subarray(0, Math.min(PAGE_SIZE, file.sizeBytes - start)), start)
    }
    return bytes
  }

  /** Puts into a frame what stores through its mappings have made of the page, before anybody looks at its bytes: zeros behind the file's end. */
  materialise(frame: number): void {
    const pages = this.#pages
    const contents = this.#contents
    const place = pages.slot[frame]!
    if (!contents.isReal || contents.version[place] === this.#known[place]) return
    contents.fill(frame, place)
    const left = this.#file(pages.object[frame]!).sizeBytes - pages.pageIndex[frame]! * PAGE_SIZE
    if (left < PAGE_SIZE) contents.view(frame).fill(0, Math.max(0, left))
  }

  /**
   * A write through the file system puts new bytes into [from, to) of a page that is in memory: those of the page's next
   * version. The rest of the page stays as it is.
   */
  write(frame: number, from: number, to: number): void {
    const pages = this.#pages
    const contents = this.#contents
    const file = this.#file(pages.object[frame]!)
    const index = pages.pageIndex[frame]!
    const slot = file.slotBase + index
    this.materialise(frame)
    this.#known[slot] = ++contents.version[slot]!
    if (!contents.isReal) return
    const view = contents.view(frame)
    view.set(contents.expected(slot).subarray(from, to), from)
    this.#room(file, (index + 1) * PAGE_SIZE).set(view, index * PAGE_SIZE)
  }

  /** What a direct write is to put into a file from a byte on: of each page that it touches, bytes of the page's next version. */
  nextBytes(object: number, offset: number, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes)
    this.#eachPage(object, offset, lengthBytes, (slot, within, length, at) => {
      const { version } = this.#contents
      version[slot]! += 1
      bytes.set(this.#contents.expected(slot).subarray(within, within + length), at)
      version[slot]! -= 1
    })
    return bytes
  }

  /** A direct write has put those bytes on the device (null: there are no bytes), past the pages, of which none is in memory. */
  wroteDirectly(object: number, offset: number, lengthBytes: number, bytes: Uint8Array | null): void {
    const { version } = this.#contents
    const file = this.#file(object)
    this.#eachPage(object, offset, lengthBytes, (slot, within, length, at) => {
      const start = offset + at - within
      if (bytes !== null) {
        const isCopy = file.bytes !== null && version[slot] === this.#known[slot]
        const copy = this.#room(file, start + PAGE_SIZE)
        if (!isCopy) copy.set(this.#contents.expected(slot), start)
        copy.set(bytes.subarray(at, at + length), start + within)
      }
      this.#known[slot] = ++version[slot]!
    })
  }

  /** Compares bytes of a file that a direct read got with what they must be; all lie before its end. Throws ContentsError. */
  checkBytes(object: number, offset: number, bytes: Uint8Array, sector: number): void {
    const file = this.#file(object)
    this.#eachPage(object, offset, bytes.length, (slot, within, length, at) => {
      const isCopy = this.#contents.version[slot] === this.#known[slot]
      const other = isCopy && file.bytes !== null ? file.bytes : this.#contents.expected(slot)
      const from = isCopy && file.bytes !== null ? offset + at : within
      for (let i = 0; i < length; i++)
        if (bytes[at + i] !== other[from + i])
          throw new ContentsError(
            `byte ${offset + at + i} of file object ${object} was read directly as ${bytes[at + i]!}, not ${other[from + i]!}; the transfer began at sector ${sector}`,
          )
    })
  }

  /** The pages that bytes of a file lie in: slot, first byte within the page, how many, and how many came before. */
  #eachPage(
    object: number,
    offset: number,
    lengthBytes: number,
    visit: (slot: number, within: number, length: number, at: number) => void,
  ): void {
    const { slotBase } = this.#file(object)
    for (let at = 0; at < lengthBytes;) {
      const within = (offset + at) % PAGE_SIZE
      const length = Math.min(PAGE_SIZE - within, lengthBytes - at)
      visit(slotBase + (offset + at - within) / PAGE_SIZE, within, length, at)
      at += length
    }
  }

  /** The file has another size. What lies beyond a smaller one is forgotten and reads as zeros if it grows again. */
  resize(object: number, sizeBytes: number): void {
    const file = this.#file(object)
    const old = file.sizeBytes
    file.sizeBytes = sizeBytes
    const from = Math.min(old, sizeBytes)
    const { isReal } = this.#contents
    const bytes = isReal ? this.#room(file, Math.max(old, sizeBytes)) : new Uint8Array(0)
    for (let index = Math.floor(from / PAGE_SIZE); index * PAGE_SIZE < Math.max(old, sizeBytes); index++) {
      const slot = file.slotBase + index
      if (slot >= this.#known.length) break
      const keep = Math.max(0, Math.min(PAGE_SIZE, from - index * PAGE_SIZE))
      if (isReal && keep > 0 && this.#contents.version[slot] !== this.#known[slot]) {
        bytes.set(this.#contents.expected(slot).subarray(0, keep), index * PAGE_SIZE)
        // what stores have made of it by now stays in memory, as far as the file goes
        const frame = this.#pages.lookup(object, index)
        if (frame >= 0) {
          this.#contents.fill(frame, slot)
          this.#contents.view(frame).fill(0, keep)
        }
      }
      bytes.fill(0, index * PAGE_SIZE + keep, Math.min((index + 1) * PAGE_SIZE, bytes.length))
      this.#known[slot] = ++this.#contents.version[slot]!
    }
  }

  /** A file's copy, long enough for `length` bytes. */
  #room(file: TruthFile, length: number): Uint8Array {
    if (file.bytes !== null && file.bytes.length >= length) return file.bytes
    const bytes = new Uint8Array(Math.ceil(Math.max(length, file.sizeBytes) / PAGE_SIZE) * PAGE_SIZE)
    if (file.bytes !== null) bytes.set(file.bytes)
    file.bytes = bytes
    return bytes
  }
}
