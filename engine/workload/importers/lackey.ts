/**
 * The text that `valgrind --tool=lackey --trace-mem=yes` prints: a line per instruction fetch (I), load (L), store (S) or
 * modify (M, a load then a store) with a hexadecimal address and a decimal size; lines of valgrind's own begin with
 * ==pid== and are passed over, whatever the pid: the text is one process.
 *
 * An access touches every page from its first byte's to its last byte's. An event equal in page and kind to the one
 * immediately before is dropped.
 */
import { ImportError } from '../importError.ts'
import { PAGE_NUMBER_END } from '../streamBuilder.ts'
import type { StreamBuilder, WorkloadBuilder } from '../streamBuilder.ts'
import { ReferenceKind } from '../workload.ts'
import type { Importer, TraceFormat } from './importer.ts'
import { LineSplitter, excerpt, firstLines, hexPageNumber, hexPageOffset } from './lines.ts'

export const lackey: TraceFormat = {
  name: 'lackey',
  title: 'Valgrind lackey text',
  description: 'Every memory access of a program, as valgrind --tool=lackey --trace-mem=yes prints it.',
  extensions: ['lackey', 'lackey.txt'],
  detect(beginning) {
    const lines = firstLines(beginning, 200)
    // The last line may be cut by the end of the beginning.
    const events = lines.slice(0, Math.max(1, lines.length - 1)).filter((line) => !isMessage(line) && line !== '')
    return events.length > 0 && events.every((line) => /^(I {2}| [LSM] )[0-9a-fA-F]+,\d+$/.test(line))
  },
  create: (builder) => new LackeyImporter(builder),
}

/** Larger than any access that lackey prints (a whole vector state is some kilobytes). */
const ACCESS_BYTES_MAX = 65536
const PAGE_BYTES = 4096

const SPACE = 32
const COMMA = 44
const ZERO = 48
const EQUALS = 61
const LETTER_I = 73
const LETTER_L = 76
const LETTER_M = 77
const LETTER_S = 83

export class LackeyImporter implements Importer {
  /** Counts over the text so far; `pageEvents` are before equal neighbours are dropped. */
  fetches = 0
  loads = 0
  stores = 0
  modifies = 0
  ignoredLines = 0
  pageCrossings = 0
  pageEvents = 0
  readonly #builder: WorkloadBuilder
  readonly #lines: LineSplitter
  #stream: StreamBuilder | undefined
  #lastPageNumber = -1
  #lastKind = -1

  constructor(builder: WorkloadBuilder) {
    this.#builder = builder
    this.#lines = new LineSplitter((bytes, start, end, line) => this.#take(bytes, start, end, line))
  }

  get lines(): number {
    return this.#lines.line
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  finish(): void {
    this.#lines.finish()
    this.#builder.rawEvents = this.pageEvents
  }

  #take(bytes: Uint8Array, start: number, end: number, line: number): void {
    const first = start < end ? bytes[start]! : EQUALS
    if (first === EQUALS) {
      this.ignoredLines++
      return
    }
    const letter = first === LETTER_I ? LETTER_I : bytes[start + 1]!
    const isEvent =
      end - start >= 6 &&
      bytes[start + 2] === SPACE &&
      (first === LETTER_I
        ? bytes[start + 1] === SPACE
        : first === SPACE && (letter === LETTER_L || letter === LETTER_S || letter === LETTER_M))
    if (!isEvent) throw damaged(bytes, start, end, line)
    const addressStart = start + 3
    let comma = addressStart
    while (comma < end && bytes[comma] !== COMMA) comma++
    let size = 0
    for (let position = comma + 1; position < end; position++) {
      const digit = bytes[position]! - ZERO
      if (digit < 0 || digit > 9 || size > ACCESS_BYTES_MAX) throw damaged(bytes, start, end, line)
      size = size * 10 + digit
    }
    const page = hexPageNumber(bytes, addressStart, comma)
    if (page < 0 || size === 0 || size > ACCESS_BYTES_MAX) throw damaged(bytes, start, end, line)

    if (letter === LETTER_I) this.fetches++
    else if (letter === LETTER_L) this.loads++
    else if (letter === LETTER_S) this.stores++
    else this.modifies++

    const beyond = hexPageOffset(bytes, addressStart, comma) + size - 1
    const lastPage = beyond < PAGE_BYTES ? page : page + Math.floor(beyond / PAGE_BYTES)
    if (lastPage !== page) {
      this.pageCrossings++
      if (lastPage >= PAGE_NUMBER_END) throw damaged(bytes, start, end, line)
    }
    for (let touched = page; touched <= lastPage; touched++) {
      if (letter === LETTER_I) this.#event(touched, ReferenceKind.fetch)
      else {
        if (letter !== LETTER_S) this.#event(touched, ReferenceKind.read)
        if (letter !== LETTER_L) this.#event(touched, ReferenceKind.write)
      }
    }
  }

  #event(pageNumber: number, kind: number): void {
    this.pageEvents++
    if (pageNumber === this.#lastPageNumber && kind === this.#lastKind) return
    this.#lastPageNumber = pageNumber
    this.#lastKind = kind
    this.#stream ??= this.#builder.process('program')
    this.#stream.add(pageNumber, kind)
  }
}

function isMessage(line: string): boolean {
  return line.startsWith('==')
}

function damaged(bytes: Uint8Array, start: number, end: number, line: number): ImportError {
  return new ImportError(
    'damaged',
    { line },
    `expected "I  ADDRESS,SIZE" or " L", " S", " M" in the same shape, found ${excerpt(bytes, start, end)}; ` +
      `a program's own output is kept apart by valgrind's --log-file`,
  )
}
