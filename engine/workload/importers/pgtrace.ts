/**
 * PGTRACE1: references already reduced to pages, as this project's recorder writes them. Little-endian: magic, u32 page size
 * (4096), u32 P distinct pages, u64 N references, u64 zero; u32[N] references, (page << 2) | kind; u64[P] virtual page
 * numbers. The size is exactly 32 + 4N + 8P.
 *
 * Pages are expected in the order of first reference; a file that numbers them otherwise is renumbered, and pages that no
 * reference names are left out.
 */
import { ImportError } from '../importError.ts'
import { PAGE_NUMBER_END, PAGES_MAX } from '../streamBuilder.ts'
import type { StreamBuilder, WorkloadBuilder } from '../streamBuilder.ts'
import { PageIndexMap } from '../pageIndexMap.ts'
import type { Importer, TraceFormat } from './importer.ts'

export const pgtrace: TraceFormat = {
  name: 'pgtrace',
  title: 'Page trace (PGTRACE1)',
  description: 'Page references with their kind, four bytes each, and the table of page numbers.',
  extensions: ['pgt', 'pgtrace'],
  detect: (beginning) => String.fromCharCode(...beginning.subarray(0, 8)) === PGTRACE_MAGIC,
  create: (builder) => new PgtraceImporter(builder),
}

export const PGTRACE_MAGIC = 'PGTRACE1'
export const PGTRACE_HEADER_BYTES = 32
const REFERENCE_BYTES = 4
const PAGE_NUMBER_BYTES = 8
const PAGE_BYTES = 4096

export class PgtraceImporter implements Importer {
  readonly #builder: WorkloadBuilder
  #stream: StreamBuilder | undefined
  /** Where the record begins that comes next or of which `partial` holds the beginning. */
  #offset = 0
  /** An unfinished header, reference or page number. */
  readonly #partial = new Uint8Array(PGTRACE_HEADER_BYTES)
  readonly #partialView = new DataView(this.#partial.buffer)
  #partialLength = 0
  #aligned = new Uint32Array(0)
  #pageCount = 0
  #referenceCount = 0
  #pageNumbersOffset = 0
  /** Set by the header. */
  #endOffset = Infinity
  /** Pages 0..inOrder-1 of the file have been seen in this order, so that file page and dense page are the same. */
  #inOrder = 0
  #isInOrder = true
  #pageNumbers = new Float64Array(0)
  readonly #numbersSeen = new PageIndexMap()

  constructor(builder: WorkloadBuilder) {
    this.#builder = builder
  }

  push(chunk: Uint8Array): void {
    let position = 0
    while (position < chunk.length) {
      if (this.#offset === this.#endOffset)
        throw new ImportError('damaged', { offset: this.#offset }, `${this.#sizes()}, but the file goes on`)
      if (this.#partialLength === 0 && this.#isAmongReferences()) {
        const whole = Math.floor(
          Math.min(chunk.length - position, this.#pageNumbersOffset - this.#offset) / REFERENCE_BYTES,
        )
        if (whole > 0) {
          this.#references(chunk, position, whole)
          position += whole * REFERENCE_BYTES
          continue
        }
      }
      position += this.#collect(chunk, position)
    }
  }

  finish(): void {
    const offset = this.#offset + this.#partialLength
    if (offset < PGTRACE_HEADER_BYTES)
      throw new ImportError('truncated', { offset }, 'the file ends inside its 32-byte header')
    if (offset < this.#endOffset) {
      const place = this.#isAmongReferences()
        ? `reference ${(this.#offset - PGTRACE_HEADER_BYTES) / REFERENCE_BYTES}`
        : `page number ${(this.#offset - this.#pageNumbersOffset) / PAGE_NUMBER_BYTES}`
      const where = this.#partialLength === 0 ? 'before' : 'inside'
      throw new ImportError('truncated', { offset }, `the file ends ${where} ${place}: ${this.#sizes()}`)
    }
    this.#stream?.setPageNumbers(this.#pageNumbers)
  }

  #isAmongReferences(): boolean {
    return this.#offset >= PGTRACE_HEADER_BYTES && this.#offset < this.#pageNumbersOffset
  }

  #sizes(): string {
    return `${this.#referenceCount} references and ${this.#pageCount} pages make ${this.#endOffset} bytes`
  }

  /** Takes bytes towards one header, reference or page number, and handles it when it is whole; how many it took. */
  #collect(chunk: Uint8Array, position: number): number {
    const isHeader = this.#offset < PGTRACE_HEADER_BYTES
    const isReference = this.#isAmongReferences()
    const size = isHeader ? PGTRACE_HEADER_BYTES : isReference ? REFERENCE_BYTES : PAGE_NUMBER_BYTES
    const length = Math.min(size - this.#partialLength, chunk.length - position)
    this.#partial.set(chunk.subarray(position, position + length), this.#partialLength)
    this.#partialLength += length
    if (this.#partialLength === size) {
      this.#partialLength = 0
      if (isHeader) this.#header()
      else if (isReference) this.#references(this.#partial, 0, 1)
      else this.#pageNumber()
    }
    return length
  }

  #header(): void {
    const view = this.#partialView
    for (let i = 0; i < PGTRACE_MAGIC.length; i++)
      if (this.#partial[i] !== PGTRACE_MAGIC.charCodeAt(i))
        throw new ImportError('damaged', { offset: i }, `expected the magic ${PGTRACE_MAGIC}`)
    const pageBytes = view.getUint32(8, true)
    if (pageBytes !== PAGE_BYTES)
      throw new ImportError('unsupported', { offset: 8 }, `the page size is ${pageBytes}, only ${PAGE_BYTES} is read`)
    this.#pageCount = view.getUint32(12, true)
    const references = view.getBigUint64(16, true)
    if (this.#pageCount > PAGES_MAX)
      throw new ImportError('too-large', { offset: 12 }, `${this.#pageCount} pages, at most ${PAGES_MAX} can be held`)
    // Bounded so that every offset below is exact.
    if (references > 1n << 48n) throw new ImportError('too-large', { offset: 16 }, `${references} references`)
    this.#referenceCount = Number(references)
    this.#pageNumbersOffset = PGTRACE_HEADER_BYTES + REFERENCE_BYTES * this.#referenceCount
    this.#endOffset = this.#pageNumbersOffset + PAGE_NUMBER_BYTES * this.#pageCount
    this.#stream = this.#builder.process('program')
    this.#offset = PGTRACE_HEADER_BYTES
  }

  /** Takes `count` whole references from `bytes[position]` on and moves the offset over them. */
  #references(bytes: Uint8Array, position: number, count: number): void {
    const start = bytes.byteOffset + position
    let references: Uint32Array
    if (start % REFERENCE_BYTES === 0) references = new Uint32Array(bytes.buffer, start, count)
    else {
      if (this.#aligned.length < count) this.#aligned = new Uint32Array(count)
      references = this.#aligned.subarray(0, count)
      new Uint8Array(references.buffer, references.byteOffset, count * REFERENCE_BYTES).set(
        bytes.subarray(position, position + count * REFERENCE_BYTES),
      )
    }
    const stream = this.#stream!
    for (let i = 0; i < count; i++) {
      if (this.#isInOrder) {
        const known = this.#knownUntil(references, i)
        if (known > i) stream.addKnown(references.subarray(i, known))
        i = known
        if (i === count) break
      }
      const reference = references[i]!
      let page = reference >>> 2
      const kind = reference & 3
      if (page >= this.#pageCount || kind === 3)
        throw this.#badReference(page, kind, this.#offset + i * REFERENCE_BYTES)
      if (page >= this.#inOrder || !this.#isInOrder) {
        if (page > this.#inOrder) this.#isInOrder = false
        page = stream.pageOf(0, page)
        this.#inOrder = stream.pageCount
      }
      stream.addDense(page, kind)
    }
    this.#offset += count * REFERENCE_BYTES
  }

  /** The end of the references from `start` on that are sound and name pages seen before. */
  #knownUntil(references: Uint32Array, start: number): number {
    const end = this.#inOrder * 4
    let i = start
    while (i < references.length && references[i]! < end && (references[i]! & 3) !== 3) i++
    return i
  }

  #badReference(page: number, kind: number, offset: number): ImportError {
    return new ImportError(
      'damaged',
      { offset },
      kind === 3
        ? 'a reference has kind 3, expected 0 (read), 1 (write) or 2 (instruction fetch)'
        : `a reference names page ${page}, but the header says ${this.#pageCount} pages`,
    )
  }

  #pageNumber(): void {
    const offset = this.#offset
    const low = this.#partialView.getUint32(0, true)
    const high = this.#partialView.getUint32(4, true)
    const number = high * 4294967296 + low
    if (number >= PAGE_NUMBER_END)
      throw new ImportError('damaged', { offset }, `page number ${number} is beyond a 64-bit address space (2^52)`)
    const filePage = (offset - this.#pageNumbersOffset) / PAGE_NUMBER_BYTES
    if (this.#numbersSeen.indexOf(high, low) !== filePage)
      throw new ImportError('damaged', { offset }, `page number ${number} stands for two pages`)
    const stream = this.#stream!
    if (filePage === 0) this.#pageNumbers = new Float64Array(stream.pageCount)
    const page = stream.findPage(0, filePage)
    if (page >= 0) this.#pageNumbers[page] = number
    this.#offset += PAGE_NUMBER_BYTES
  }
}
