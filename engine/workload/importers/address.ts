/**
 * An address per line, hexadecimal after 0x or decimal, with the kind of the access beside it or before it if it is known:
 * `0x7f3a10 w`, `R 4198400`, `4198400`. Blank lines and lines that begin with # are passed over. Nothing is dropped:
 * each line is one reference.
 */
import { ImportError } from '../importError.ts'
import type { StreamBuilder, WorkloadBuilder } from '../streamBuilder.ts'
import { ReferenceKind } from '../workload.ts'
import type { Importer, TraceFormat } from './importer.ts'
import { LineSplitter, excerpt, firstLines, hexDigit, hexPageNumber, kindOfWord, parseNumber } from './lines.ts'

export const address: TraceFormat = {
  name: 'address',
  title: 'Addresses, one per line',
  description: 'Plain text: an address per line, hexadecimal after 0x or decimal, and optionally r, w or i.',
  extensions: ['addr', 'addresses', 'address'],
  detect(beginning) {
    const lines = firstLines(beginning, 50).filter((line) => line.trim() !== '' && !line.startsWith('#'))
    const complete = lines.slice(0, Math.max(1, lines.length - 1))
    return complete.length > 0 && complete.every((line) => parseLine(line) !== undefined)
  },
  create: (builder) => new AddressImporter(builder),
}

const SPACE = 32
const HASH = 35
const ZERO = 48
const NINE = 57
const LETTER_X = 120
const PAGE_SHIFT = 12n

class AddressImporter implements Importer {
  readonly #builder: WorkloadBuilder
  readonly #lines: LineSplitter
  #stream: StreamBuilder | undefined

  constructor(builder: WorkloadBuilder) {
    this.#builder = builder
    this.#lines = new LineSplitter((bytes, start, end, line) => this.#take(bytes, start, end, line))
  }

  push(chunk: Uint8Array): void {
    this.#lines.push(chunk)
  }

  finish(): void {
    this.#lines.finish()
  }

  finishCut(): void {
    // each record stands by itself
  }

  #take(bytes: Uint8Array, start: number, end: number, line: number): void {
    if (start === end || bytes[start] === HASH) return
    this.#stream ??= this.#builder.process('program')
    // The plain shapes, `0x` or decimal digits and perhaps a space and a letter, without making a string.
    let numberEnd = end
    let kind: number | undefined = ReferenceKind.read
    if (end - start > 2 && bytes[end - 2] === SPACE && hexDigit[bytes[end - 3]!]! >= 0) {
      numberEnd = end - 2
      kind = kindOfLetter[bytes[end - 1]!]!
    }
    if (kind >= 0) {
      if (numberEnd - start > 2 && bytes[start] === ZERO && bytes[start + 1] === LETTER_X) {
        const page = hexPageNumber(bytes, start + 2, numberEnd)
        if (page >= 0) {
          this.#stream.add(page, kind)
          return
        }
      } else if (numberEnd - start <= 15) {
        let value = 0
        let position = start
        for (; position < numberEnd && bytes[position]! >= ZERO && bytes[position]! <= NINE; position++)
          value = value * 10 + (bytes[position]! - ZERO)
        if (position === numberEnd) {
          this.#stream.add(Math.floor(value / 4096), kind)
          return
        }
      }
    }
    const text = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + 200)))
    if (text.trim() === '') return
    const parsed = parseLine(text)
    if (parsed === undefined)
      throw new ImportError(
        'damaged',
        { line },
        `expected an address (hexadecimal after 0x, or decimal) and optionally r, w or i, found ${excerpt(bytes, start, end)}`,
      )
    this.#stream.add(parsed.pageNumber, parsed.kind)
  }
}

const kindOfLetter = new Int8Array(256).fill(-1)
for (const [word, kind] of Object.entries(kindOfWord))
  if (kind !== undefined && /^[a-z]$/.test(word)) {
    kindOfLetter[word.charCodeAt(0)] = kind
    kindOfLetter[word.toUpperCase().charCodeAt(0)] = kind
  }

function parseLine(line: string): { pageNumber: number; kind: number } | undefined {
  const words = line
    .trim()
    .toLowerCase()
    .split(/[\s,]+/)
  if (words.length > 2) return undefined
  const [first = '', second] = words
  const letterFirst = second !== undefined && /^[a-z]+$/.test(first)
  const value = parseNumber(letterFirst ? second : first)
  const word = letterFirst ? first : second
  if (word !== undefined && !/^[a-z]+$/.test(word)) return undefined
  const kind = word === undefined ? ReferenceKind.read : kindOfWord[word]
  return value === undefined || kind === undefined ? undefined : { pageNumber: Number(value >> PAGE_SHIFT), kind }
}
