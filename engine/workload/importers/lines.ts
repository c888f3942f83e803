/**
 * Splits pushed bytes into lines without making strings, for the text formats: lines end with LF, with or without a CR
 * before it; the last one may lack its end.
 */
import { ImportError } from '../importError.ts'
import { ReferenceKind } from '../workload.ts'

/** A longer line is not a line of a trace. */
const LINE_BYTES_MAX = 65536

const LF = 10
const CR = 13

/** Takes the line `bytes[start..end)`, without its end. */
export type LineHandler = (bytes: Uint8Array, start: number, end: number, line: number) => void

export class LineSplitter {
  /** The number, from 1, of the line that is being handled, or of the last one. */
  line = 0
  readonly #handle: LineHandler
  #carry = new Uint8Array(256)
  #carryLength = 0

  constructor(handle: LineHandler) {
    this.#handle = handle
  }

  push(chunk: Uint8Array): void {
    let start = 0
    if (this.#carryLength > 0) {
      const end = chunk.indexOf(LF)
      this.#keep(chunk, 0, end < 0 ? chunk.length : end)
      if (end < 0) return
      const length = this.#carryLength
      this.#carryLength = 0
      this.#line(this.#carry, 0, length)
      start = end + 1
    }
    for (;;) {
      // Lines are short, so a loop of our own beats a call of indexOf per line.
      let end = start
      while (end < chunk.length && chunk[end] !== LF) end++
      if (end === chunk.length) break
      this.#line(chunk, start, end)
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk, start, chunk.length)
  }

  finish(): void {
    if (this.#carryLength === 0) return
    const length = this.#carryLength
    this.#carryLength = 0
    this.#line(this.#carry, 0, length)
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    this.line++
    this.#handle(bytes, start, end > start && bytes[end - 1] === CR ? end - 1 : end, this.line)
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#carryLength + end - start
    if (length > LINE_BYTES_MAX)
      throw new ImportError(
        'damaged',
        { line: this.line + 1 },
        `longer than ${LINE_BYTES_MAX} bytes, so not a trace's line`,
      )
    if (length > this.#carry.length) {
      const wider = new Uint8Array(length * 2)
      wider.set(this.#carry.subarray(0, this.#carryLength))
      this.#carry = wider
    }
    this.#carry.set(chunk.subarray(start, end), this.#carryLength)
    this.#carryLength = length
  }
}

/** The value of a hexadecimal digit's byte, -1 if it is none. */
export const hexDigit = new Int8Array(256).fill(-1)
for (let digit = 0; digit < 16; digit++) {
  hexDigit[digit.toString(16).charCodeAt(0)] = digit
  hexDigit[digit.toString(16).toUpperCase().charCodeAt(0)] = digit
}

const PAGE_DIGITS = 3

/**
 * The page number (address / 4096) of the hexadecimal address in `bytes[start..end)`, -1 if that is not one of at most 64
 * bits. The last three digits are the place in the page and are never made part of a number, so that all 64 bits are exact.
 */
export function hexPageNumber(bytes: Uint8Array, start: number, end: number): number {
  let first = start
  while (first < end - 1 && bytes[first] === 48) first++
  if (first >= end || end - first > 16) return -1
  let page = 0
  const last = end - PAGE_DIGITS
  let position = first
  for (; position < last; position++) {
    const digit = hexDigit[bytes[position]!]!
    if (digit < 0) return -1
    page = page * 16 + digit
  }
  for (; position < end; position++) if (hexDigit[bytes[position]!]! < 0) return -1
  return page
}

/** The place in the page of a hexadecimal address that hexPageNumber has accepted. */
export function hexPageOffset(bytes: Uint8Array, start: number, end: number): number {
  let offset = 0
  for (let position = Math.max(start, end - PAGE_DIGITS); position < end; position++)
    offset = offset * 16 + hexDigit[bytes[position]!]!
  return offset
}

/** A piece of a line for an error message: printable and short. */
export function excerpt(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let position = start; position < Math.min(end, start + 60); position++) {
    const byte = bytes[position]!
    text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '?'
  }
  return `"${text}${end - start > 60 ? '...' : ''}"`
}

/** The first complete lines of a file's beginning, at most `count`, as strings: for detection. */
export function firstLines(beginning: Uint8Array, count: number): string[] {
  const lines: string[] = []
  for (let start = 0; start < beginning.length && lines.length < count;) {
    const end = beginning.indexOf(LF, start)
    const stop = end < 0 ? beginning.length : end
    if (stop - start > LINE_BYTES_MAX) break
    lines.push(String.fromCharCode(...beginning.subarray(start, Math.min(stop, start + 1000))).replace(/\r$/, ''))
    start = stop + 1
  }
  return lines
}

/** ReferenceKind of the words that text formats use for it, in lower case; undefined for any other. */
export const kindOfWord: Partial<Record<string, number>> = {
  r: ReferenceKind.read,
  l: ReferenceKind.read,
  read: ReferenceKind.read,
  load: ReferenceKind.read,
  '0': ReferenceKind.read,
  w: ReferenceKind.write,
  s: ReferenceKind.write,
  write: ReferenceKind.write,
  store: ReferenceKind.write,
  '1': ReferenceKind.write,
  i: ReferenceKind.fetch,
  x: ReferenceKind.fetch,
  f: ReferenceKind.fetch,
  fetch: ReferenceKind.fetch,
  ifetch: ReferenceKind.fetch,
  exec: ReferenceKind.fetch,
  '2': ReferenceKind.fetch,
}

/** The number in `text`, hexadecimal after 0x, else decimal; undefined if it is none of at most 64 bits. */
export function parseNumber(text: string): bigint | undefined {
  if (!/^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text)) return undefined
  const value = BigInt(text)
  return value >> 64n === 0n ? value : undefined
}
