/**
 * The stored form of a reference stream, and readers over stored and in-memory streams.
 *
 * A stream is kept in chunks of 65536 references, the last one shorter; chunk c holds references c * 65536 and on. The
 * bytes of a chunk are one byte with the width of a reference (2 if all of them are below 65536, that is for up to
 * 16384 pages, else 4), then the references as little-endian numbers of that width, compressed with zstd.
 * Measured on recorded programs, this is both smaller and several times faster than differences as varints, because
 * programs come back to the same pages and zstd finds the repetition in fixed-width numbers.
 */
import { CodecError, compressBytes, decompressBytes } from './codec.ts'
import { PageUse } from './workload.ts'
import type { ProcessStream, StreamReader, StreamTables, Workload } from './workload.ts'

export const REFERENCES_PER_CHUNK = 65536

/** The stored bytes of references 0..count-1 of `references`, at most REFERENCES_PER_CHUNK of them. */
export function encodeReferences(references: Uint32Array, count: number): Uint8Array {
  if (count > REFERENCES_PER_CHUNK || count > references.length)
    throw new RangeError(`a chunk of ${count} references, at most ${Math.min(REFERENCES_PER_CHUNK, references.length)}`)
  let bits = 0
  for (let i = 0; i < count; i++) bits |= references[i]!
  const width = bits >>> 16 === 0 ? 2 : 4
  const rows = new (width === 2 ? Uint16Array : Uint32Array)(count)
  rows.set(references.subarray(0, count))
  const compressed = compressBytes(new Uint8Array(rows.buffer))
  const bytes = new Uint8Array(compressed.length + 1)
  bytes[0] = width
  bytes.set(compressed, 1)
  return bytes
}

/** Decodes a chunk of `count` references into `out`. Throws CodecError if the bytes are not such a chunk. */
export function decodeReferences(bytes: Uint8Array, out: Uint32Array, count: number): void {
  const width = bytes[0]
  if (width !== 2 && width !== 4)
    throw new CodecError('bad-head', 0, `a chunk of references begins with byte ${width ?? 'none'} instead of 2 or 4`)
  const raw = decompressBytes(bytes.subarray(1), count * width)
  // zlib hands out buffers at any alignment of a shared pool.
  const aligned = raw.byteOffset % width === 0 ? raw : raw.slice()
  out.set(
    width === 2
      ? new Uint16Array(aligned.buffer, aligned.byteOffset, count)
      : new Uint32Array(aligned.buffer, aligned.byteOffset, count),
  )
}

/**
 * Reads a stored stream. `load(chunk)` gives the stored bytes of a chunk. The two chunks used last stay decoded, so that going
 * back and forth over a chunk's edge is cheap.
 */
export class StoredStreamReader implements StreamReader {
  readonly #pageCount: number
  readonly #referenceCount: number
  readonly #load: (chunk: number) => Uint8Array
  #current: DecodedChunk = newDecodedChunk()
  #other: DecodedChunk = newDecodedChunk()

  constructor(tables: StreamTables, load: (chunk: number) => Uint8Array) {
    this.#pageCount = tables.pageCount
    this.#referenceCount = tables.referenceCount
    this.#load = load
  }

  read(ordinal: number): Uint32Array {
    if (ordinal >= this.#referenceCount) return nothing
    const chunk = Math.floor(ordinal / REFERENCES_PER_CHUNK)
    if (this.#current.chunk !== chunk) {
      const before = this.#current
      this.#current = this.#other
      this.#other = before
      if (this.#current.chunk !== chunk) this.#decode(chunk, this.#current)
    }
    const count = Math.min(REFERENCES_PER_CHUNK, this.#referenceCount - chunk * REFERENCES_PER_CHUNK)
    return this.#current.references.subarray(ordinal - chunk * REFERENCES_PER_CHUNK, count)
  }

  #decode(chunk: number, into: DecodedChunk): void {
    const count = Math.min(REFERENCES_PER_CHUNK, this.#referenceCount - chunk * REFERENCES_PER_CHUNK)
    into.chunk = -1
    decodeReferences(this.#load(chunk), into.references, count)
    checkReferences(into.references, count, this.#pageCount, chunk * REFERENCES_PER_CHUNK)
    into.chunk = chunk
  }
}

/** Where a builder puts the references of one process, chunk by chunk, and from where they are read afterwards. */
export interface ReferenceStorage {
  /** Takes chunk number `chunk` (they come in order, all but the last full). `references` is valid during the call only. */
  write(chunk: number, references: Uint32Array): void
  /** A reader of the finished stream. */
  open(tables: StreamTables): StreamReader
}

/** Keeps a stream in memory as it is, 4 bytes a reference. */
export class MemoryStorage implements ReferenceStorage {
  readonly #chunks: Uint32Array[] = []

  write(chunk: number, references: Uint32Array): void {
    this.#chunks[chunk] = references.slice()
  }

  open(): StreamReader {
    const chunks = this.#chunks
    return {
      read: (ordinal) => {
        const chunk = chunks[Math.floor(ordinal / REFERENCES_PER_CHUNK)]
        return chunk === undefined ? nothing : chunk.subarray(ordinal % REFERENCES_PER_CHUNK)
      },
    }
  }
}

/**
 * A stream over references that are in memory already. Pages are dense; `pageNumbers` gives their virtual page numbers, the
 * page's own index where it is left out. Throws CodecError on kind 3 or a page beyond `pageNumbers`.
 */
export function memoryStream(name: string, references: Uint32Array, pageNumbers?: Float64Array): ProcessStream {
  let pageCount = pageNumbers?.length ?? 0
  if (pageNumbers === undefined)
    for (const reference of references) pageCount = Math.max(pageCount, (reference >>> 2) + 1)
  checkReferences(references, references.length, pageCount, 0)
  const pageUse = new Uint8Array(pageCount)
  for (const reference of references) pageUse[reference >>> 2]! |= useOfKind[reference & 3]!
  return {
    name,
    pageCount,
    referenceCount: references.length,
    pageNumbers: pageNumbers ?? Float64Array.from({ length: pageCount }, (_, page) => page),
    pageUse,
    open: () => ({ read: (ordinal) => references.subarray(Math.min(ordinal, references.length)) }),
  }
}

/** A workload of one process per array of references (see memoryStream). */
export function memoryWorkload(name: string, ...streams: Uint32Array[]): Workload {
  return {
    name,
    source: 'in memory',
    eventsPerReference: 1,
    processes: streams.map((references, index) =>
      memoryStream(streams.length === 1 ? name : `${name} ${index + 1}`, references),
    ),
  }
}

/** PageUse bit of each ReferenceKind; 0 for the unused kind 3. */
export const useOfKind = Uint8Array.of(PageUse.read, PageUse.write, PageUse.fetch, 0)

interface DecodedChunk {
  chunk: number
  references: Uint32Array
}

const nothing = new Uint32Array(0)

function newDecodedChunk(): DecodedChunk {
  return { chunk: -1, references: new Uint32Array(REFERENCES_PER_CHUNK) }
}

/** The machine indexes its tables by page without looking, so a damaged store must not get past here. */
function checkReferences(references: Uint32Array, count: number, pageCount: number, firstOrdinal: number): void {
  for (let i = 0; i < count; i++) {
    const reference = references[i]!
    if (reference >>> 2 >= pageCount || (reference & 3) === 3)
      throw new CodecError(
        'bad-value',
        firstOrdinal + i,
        `reference ${firstOrdinal + i} has page ${reference >>> 2} of ${pageCount} and kind ${reference & 3}`,
      )
  }
}
