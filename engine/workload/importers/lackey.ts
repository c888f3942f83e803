/**
 * The text that `valgrind --tool=lackey --trace-mem=yes` prints: a line per instruction fetch (I), load (L), store (S) or
 * modify (M, a load then a store) with a hexadecimal address and a decimal size; lines of valgrind's own begin with
 * ==pid== (--pid-- and **pid** for some) and are passed over, whatever the pid: the text is one process.
 *
 * An access touches every page from its first byte's to its last byte's. An event equal in page and kind to the one
 * immediately before is dropped, or more where a larger filter is asked for (referenceFilter.ts).
 */
import { ImportError } from '../importError.ts'
import { ReferenceFilter } from '../referenceFilter.ts'
import type { ReferenceSink } from '../referenceFilter.ts'
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

export interface LackeyOptions {
  /** Asked for the process's name at its first reference; `program` where it is left out. */
  processName?: () => string
  /** Pages of the filter; 1 where it is left out. */
  filterSize?: number
  /** Hears of valgrind's own lines, without their mark. */
  onMessage?: (text: string) => void
  /** Hears of lines that are neither references nor valgrind's own; false: it does not know such a line. None is known where it is left out. */
  onOther?: (text: string) => boolean
  /** Asked at each reference that passes the filter. From the first no on, nothing is stored or counted. */
  accepts?: () => boolean
}

/** Larger than any access that lackey prints (a whole vector state is some kilobytes). */
const ACCESS_BYTES_MAX = 65536
const PAGE_BYTES = 4096

const SPACE = 32
const COMMA = 44
const ZERO = 48
const STAR = 42
const DASH = 45
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
  readonly #builder: WorkloadBuilder
  readonly #options: LackeyOptions
  readonly #lines: LineSplitter
  readonly #filter: ReferenceFilter
  #stream: StreamBuilder | undefined
  /** Events before the first reference that was not accepted; -1 while all are. */
  #eventsAccepted = -1

  constructor(builder: WorkloadBuilder, options: LackeyOptions = {}) {
    this.#builder = builder
    this.#options = options
    this.#lines = new LineSplitter((bytes, start, end, line) => this.#take(bytes, start, end, line))
    const store: ReferenceSink = { add: (pageNumber, kind) => this.#store(pageNumber, kind) }
    this.#filter = new ReferenceFilter(options.filterSize ?? 1, store)
  }

  get pageEvents(): number {
    return this.#eventsAccepted < 0 ? this.#filter.events : this.#eventsAccepted
  }

  /** The process's stream; undefined before its first reference. */
  get stream(): StreamBuilder | undefined {
    return this.#stream
  }

  get lines(): number {
    return this.#lines.line
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  finish(): void {
    this.#lines.finish()
    this.finishCut()
  }

  /** The input is over, cut anywhere: what there is of an unfinished line is left out. */
  finishCut(): void {
    this.#builder.rawEvents += this.pageEvents
  }

  #take(bytes: Uint8Array, start: number, end: number, line: number): void {
    const first = start < end ? bytes[start]! : EQUALS
    if (first === EQUALS || ((first === DASH || first === STAR) && bytes[start + 1] === first)) {
      this.ignoredLines++
      const { onMessage } = this.#options
      if (onMessage !== undefined && start < end) onMessage(messageText(bytes, start, end))
      return
    }
    const letter = first === LETTER_I ? LETTER_I : bytes[start + 1]!
    const isEvent =
      end - start >= 6 &&
      bytes[start + 2] === SPACE &&
      (first === LETTER_I
        ? bytes[start + 1] === SPACE
        : first === SPACE && (letter === LETTER_L || letter === LETTER_S || letter === LETTER_M))
    if (!isEvent) {
      if (this.#options.onOther?.(utf8.decode(bytes.subarray(start, end))) === true) return
      throw damaged(bytes, start, end, line)
    }
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
    const filter = this.#filter
    for (let touched = page; touched <= lastPage; touched++) {
      if (letter === LETTER_I) filter.add(touched, ReferenceKind.fetch)
      else {
        if (letter !== LETTER_S) filter.add(touched, ReferenceKind.read)
        if (letter !== LETTER_L) filter.add(touched, ReferenceKind.write)
      }
    }
  }

  #store(pageNumber: number, kind: number): void {
    if (this.#eventsAccepted >= 0) return
    const { accepts, processName } = this.#options
    if (accepts !== undefined && !accepts()) {
      this.#eventsAccepted = this.#filter.events - 1
      return
    }
    this.#stream ??= this.#builder.process(processName?.() ?? 'program')
    this.#stream.add(pageNumber, kind)
  }
}

function isMessage(line: string): boolean {
  return /^(==|--|\*\*)/.test(line)
}

const utf8 = new TextDecoder()

/** A message of valgrind's without the mark and the pid before it. */
function messageText(bytes: Uint8Array, start: number, end: number): string {
  const text = utf8.decode(bytes.subarray(start, end))
  return text.replace(/^(==|--|\*\*)\d+\1 ?/, '')
}

function damaged(bytes: Uint8Array, start: number, end: number, line: number): ImportError {
  return new ImportError(
    'damaged',
    { line },
    `expected "I  ADDRESS,SIZE" or " L", " S", " M" in the same shape, found ${excerpt(bytes, start, end)}; ` +
      `a program's own output is kept apart by valgrind's --log-file`,
  )
}
