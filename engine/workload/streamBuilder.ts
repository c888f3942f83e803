/**
 * Builds streams from references as they come, in bounded memory: what importers write into.
 *
 * Life cycle:
 *  1. A WorkloadBuilder is made with a name and, if the references shall not stay in memory, a storage per process.
 *  2. The importer asks it for a process and adds references; each page gets its dense index when it is first seen.
 *  3. `finish` writes the last chunks and hands the workload out. An import that fails never gets here: what its
 *     storages have been given is theirs to drop.
 */
import { ImportError } from './importError.ts'
import { PageIndexMap } from './pageIndexMap.ts'
import { MemoryStorage, REFERENCES_PER_CHUNK, useOfKind } from './streamFile.ts'
import type { ReferenceStorage } from './streamFile.ts'
import type { ProcessStream, Workload } from './workload.ts'

/** Page numbers are exact below this; it is also all that 64-bit addresses can name. */
export const PAGE_NUMBER_END = 4503599627370496

/** A reference has 30 bits for its page. */
export const PAGES_MAX = 1073741824

export interface WorkloadBuilderOptions {
  name: string
  /** Where the workload comes from, for a person to read. */
  source?: string
  /** Raw events per stored reference; the importer's own count wins where it has one. */
  eventsPerReference?: number
  /** Where the references of process number 0, 1, ... go; memory where it is left out. */
  storageFor?: (process: number) => ReferenceStorage
}

export class WorkloadBuilder {
  /** Raw events that stand behind the references, where the importer has dropped some; 0 where it has not. */
  rawEvents = 0
  readonly #options: WorkloadBuilderOptions
  readonly #streams = new Map<string, StreamBuilder>()

  constructor(options: WorkloadBuilderOptions) {
    this.#options = options
  }

  /** The stream of the process called `name`, made when it is first asked for. */
  process(name: string): StreamBuilder {
    let stream = this.#streams.get(name)
    if (stream === undefined) {
      stream = new StreamBuilder(name, this.#options.storageFor?.(this.#streams.size) ?? new MemoryStorage())
      this.#streams.set(name, stream)
    }
    return stream
  }

  /** References added so far, over all processes: progress. */
  get referenceCount(): number {
    let count = 0
    for (const stream of this.#streams.values()) count += stream.referenceCount
    return count
  }

  /** Ends all streams. Throws ImportError `empty` if there is not one reference. */
  finish(): Workload {
    const references = this.referenceCount
    if (references === 0) throw new ImportError('empty', undefined, 'no memory reference was found')
    const { name, source, eventsPerReference } = this.#options
    return {
      name,
      source: source ?? name,
      eventsPerReference: this.rawEvents > 0 ? this.rawEvents / references : (eventsPerReference ?? 1),
      processes: [...this.#streams.values()].map((stream) => stream.finish()),
    }
  }
}

export class StreamBuilder {
  readonly name: string
  readonly #storage: ReferenceStorage
  readonly #pages = new PageIndexMap()
  #pageUse = new Uint8Array(1024)
  readonly #chunk = new Uint32Array(REFERENCES_PER_CHUNK)
  #chunkCount = 0
  #chunkNumber = 0
  #lastPageNumber = -1
  #lastPage = -1
  #pageNumbers: Float64Array | undefined

  constructor(name: string, storage: ReferenceStorage) {
    this.name = name
    this.#storage = storage
  }

  get referenceCount(): number {
    return this.#chunkNumber * REFERENCES_PER_CHUNK + this.#chunkCount
  }

  /** Distinct pages so far. */
  get pageCount(): number {
    return this.#pages.size
  }

  /** Adds a reference to a virtual page number, an integer from 0 to 2^52 - 1. */
  add(pageNumber: number, kind: number): void {
    if (pageNumber !== this.#lastPageNumber) {
      const high = Math.floor(pageNumber / 4294967296)
      this.#lastPage = this.pageOf(high, pageNumber - high * 4294967296)
      this.#lastPageNumber = pageNumber
    }
    this.addDense(this.#lastPage, kind)
  }

  /** The dense index of a 64-bit page number given in halves (see PageIndexMap); a new page gets the next one. */
  pageOf(high: number, low: number): number {
    const page = this.#pages.indexOf(high, low)
    if (page >= this.#pageUse.length) {
      if (page >= PAGES_MAX) throw new ImportError('too-large', undefined, `more than ${PAGES_MAX} distinct pages`)
      const wider = new Uint8Array(this.#pageUse.length * 2)
      wider.set(this.#pageUse)
      this.#pageUse = wider
    }
    return page
  }

  /** As pageOf, but -1 for a page that has not been seen. */
  findPage(high: number, low: number): number {
    return this.#pages.find(high, low)
  }

  /** The page number of a page that has been seen, as `add` was given it. */
  pageNumber(page: number): number {
    return this.#pages.high(page) * 4294967296 + this.#pages.low(page)
  }

  /** PageUse bits of a page that has been seen, so far. */
  use(page: number): number {
    return this.#pageUse[page]!
  }

  /** Adds a reference to a page by its dense index. */
  addDense(page: number, kind: number): void {
    this.#pageUse[page]! |= useOfKind[kind]!
    this.#chunk[this.#chunkCount++] = (page << 2) | kind
    if (this.#chunkCount === REFERENCES_PER_CHUNK) this.#flush()
  }

  /** Adds references to pages that have been seen already, by dense index: addDense for many at once. */
  addKnown(references: Uint32Array): void {
    const pageUse = this.#pageUse
    for (let i = 0; i < references.length; i++) {
      const reference = references[i]!
      pageUse[reference >>> 2]! |= useOfKind[reference & 3]!
    }
    for (let taken = 0; taken < references.length;) {
      const count = Math.min(references.length - taken, REFERENCES_PER_CHUNK - this.#chunkCount)
      this.#chunk.set(references.subarray(taken, taken + count), this.#chunkCount)
      this.#chunkCount += count
      taken += count
      if (this.#chunkCount === REFERENCES_PER_CHUNK) this.#flush()
    }
  }

  /** Replaces the table of page numbers, for sources that say them only at their end. One number per dense page. */
  setPageNumbers(pageNumbers: Float64Array): void {
    this.#pageNumbers = pageNumbers
  }

  finish(): ProcessStream {
    if (this.#chunkCount > 0) this.#flush()
    const pageCount = this.#pages.size
    const tables = {
      name: this.name,
      pageCount,
      referenceCount: this.referenceCount,
      pageNumbers: this.#pageNumbers ?? this.#numbersOfKeys(),
      pageUse: this.#pageUse.slice(0, pageCount),
    }
    const storage = this.#storage
    return { ...tables, open: () => storage.open(tables) }
  }

  #flush(): void {
    const count = this.#chunkCount
    this.#storage.write(this.#chunkNumber, this.#chunk.subarray(0, count))
    if (count === REFERENCES_PER_CHUNK) {
      this.#chunkNumber++
      this.#chunkCount = 0
    }
  }

  /**
   * The page numbers, from the keys. Ids of 2^52 and more (hashes, in traces of caches) lose their top 12 bits; two that
   * then fall together are refused rather than merged.
   */
  #numbersOfKeys(): Float64Array {
    const pages = this.#pages
    const numbers = new Float64Array(pages.size)
    const folded = new PageIndexMap()
    let anyFolded = false
    for (let page = 0; page < pages.size; page++) {
      const high = pages.high(page) & 0xfffff
      if (high !== pages.high(page)) anyFolded = true
      numbers[page] = high * 4294967296 + pages.low(page)
    }
    if (anyFolded)
      for (let page = 0; page < pages.size; page++)
        if (folded.indexOf(pages.high(page) & 0xfffff, pages.low(page)) !== page)
          throw new ImportError('too-large', undefined, `two object ids are equal in their lowest 52 bits`)
    return numbers
  }
}
