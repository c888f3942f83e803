/**
 * Golden operation logs: reading them, telling their kinds apart, checking their records, comparing results.
 *
 * A log is JSON Lines, plain or gzipped: one operation a line, in execution order, with its inputs and the results
 * that the reference produced. Nothing in a log is ever skipped: what cannot be understood is an `UnusableLogError`.
 *
 * To add a kind: a discriminator in `logKind`, a file with its `Replayer`, one line in the registry of index.ts.
 */

import { readFileSync } from 'node:fs'
import { constants, gunzipSync } from 'node:zlib'

/** A JSON value in which an integer outside the safe range of a number is a bigint. */
export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonRecord

export interface JsonRecord {
  [field: string]: JsonValue
}

export type LogKind = 'blockList' | 'swap' | 'vnode-freebsd' | 'vnode-dragonfly' | 'genfs'

/** One result that is not what the reference produced. `field` is a path such as `state.devs[2][4]`. */
export interface Difference {
  field: string
  expected: JsonValue
  got: JsonValue
}

/** Applies a log's records one after another to an implementation. */
export interface Replayer {
  /**
   * Performs one operation and returns every result that differs from the record's; empty when all agree.
   * Throws UnusableLogError for an unknown operation or field, or an input of the wrong type.
   */
  apply(record: JsonRecord, line: number): Difference[]
}

export type UnusableLogCode =
  'log-unreadable' | 'log-truncated' | 'log-json' | 'log-kind' | 'log-operation' | 'log-field'

/** A log that cannot be replayed. The message is one line that names the file, the line and what is wrong. */
export class UnusableLogError extends Error {
  readonly code: UnusableLogCode
  /** What is wrong, without the place. */
  readonly detail: string
  readonly field: string | undefined
  readonly file: string | undefined
  /** From 1; undefined when the file as a whole cannot be read. */
  readonly line: number | undefined

  constructor(code: UnusableLogCode, detail: string, place: { file?: string; line?: number; field?: string } = {}) {
    const { file, line, field } = place
    super(
      [file, line === undefined ? undefined : `line ${line}`, detail].filter((part) => part !== undefined).join(': '),
    )
    this.name = 'UnusableLogError'
    this.code = code
    this.detail = detail
    this.field = field
    this.file = file
    this.line = line
  }

  /** The same error with the place filled in, where it did not know it. */
  at(file: string, line: number): UnusableLogError {
    const place = { file: this.file ?? file, line: this.line ?? line }
    return new UnusableLogError(
      this.code,
      this.detail,
      this.field === undefined ? place : { ...place, field: this.field },
    )
  }
}

/** Yields a log's records with their line numbers, from 1. Throws UnusableLogError at the line that is wrong. */
export function* readLog(file: string): Generator<{ line: number; record: JsonRecord }> {
  const bytes = readBytes(file)
  if (bytes.length === 0) throw new UnusableLogError('log-truncated', 'the log is empty', { file })
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let line = 0
  for (let start = 0; start < bytes.length;) {
    line++
    const newline = bytes.indexOf(0x0a, start)
    const end = newline < 0 ? bytes.length : newline
    let value: JsonValue
    try {
      value = parseExact(decoder.decode(bytes.subarray(start, end)))
    } catch (error) {
      const lastAndCut = newline < 0
      const why = error instanceof Error ? error.message.replaceAll('\n', ' ') : 'unreadable'
      const detail = lastAndCut
        ? `not valid JSON; the file seems to be cut off here (${why})`
        : `not valid JSON (${why})`
      throw new UnusableLogError(lastAndCut ? 'log-truncated' : 'log-json', detail, { file, line })
    }
    if (!isRecord(value)) throw new UnusableLogError('log-json', 'not a JSON object', { file, line })
    yield { line, record: value }
    start = end + 1
  }
}

/** Tells a log's kind from its first record. */
export function logKind(first: JsonRecord): LogKind {
  const { op, id } = first
  if (op === 'create' && 'blocks' in first) return 'blockList'
  if (op === 'init') return 'swap'
  if (op === 'setup') return 'genfs'
  if (typeof id === 'string' && op !== undefined && isRecord(op)) {
    if (id.startsWith('fb-')) return 'vnode-freebsd'
    if (id.startsWith('df-')) return 'vnode-dragonfly'
    // A vnode counts its users in one kernel and its references in the other.
    const setup = first['setup']
    const vnode = setup !== undefined && isRecord(setup) ? setup['vp'] : undefined
    if (vnode !== undefined && isRecord(vnode)) {
      if ('use' in vnode) return 'vnode-freebsd'
      if ('ref' in vnode) return 'vnode-dragonfly'
    }
  }
  const shown =
    typeof op === 'string' ? `starts with operation ${JSON.stringify(op)}` : 'starts with no known operation'
  throw new UnusableLogError('log-kind', `not a log of a known kind: it ${shown}`, { field: 'op' })
}

/**
 * Parses JSON; integers beyond 2^53 become bigints, everything else is as JSON.parse gives it. Throws SyntaxError.
 */
export function parseExact(text: string): JsonValue {
  // Only a line with a run of 16 digits can hold such an integer, and few do.
  if (!/\d{16}/.test(text)) return jsonValue(JSON.parse(text))
  const exact = (...[, value, context]: unknown[]): unknown => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = sourceOf(context)
    return /^-?\d+$/.test(source) ? BigInt(source) : value
  }
  return jsonValue(JSON.parse(text, exact))
}

/** A value as plain JSON has it: a bigint becomes a decimal string. For output. */
export function plainJson(value: JsonValue): JsonValue {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(plainJson)
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([field, part]) => [field, plainJson(part)]))
  return value
}

/** Requires that a record has all of `required`, and nothing but these and `optional`. */
export function checkFields(
  record: JsonRecord,
  required: readonly string[],
  optional: readonly string[] = [],
  where = '',
): void {
  for (const field of required)
    if (!Object.hasOwn(record, field))
      throw new UnusableLogError('log-field', `field ${where}${field} is missing`, { field: where + field })
  for (const field of Object.keys(record))
    if (!required.includes(field) && !optional.includes(field))
      throw new UnusableLogError('log-field', `unknown field ${where}${field}`, { field: where + field })
}

/** The error for an operation that a replayer does not know. */
export function unknownOperation(operation: JsonValue | undefined): UnusableLogError {
  const shown = typeof operation === 'string' ? JSON.stringify(operation) : '(none)'
  return new UnusableLogError('log-operation', `unknown operation ${shown}`, { field: 'op' })
}

/** Reads a field that must be an integer from `least` to `most`. */
export function integerField(
  record: JsonRecord,
  field: string,
  least = Number.MIN_SAFE_INTEGER,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = record[field]
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  const bounds =
    least === Number.MIN_SAFE_INTEGER && most === Number.MAX_SAFE_INTEGER ? '' : ` from ${least} to ${most}`
  throw wrongType(field, `an integer${bounds}`, value)
}

/** Reads a field that must be an integer of any size. */
export function bigintField(record: JsonRecord, field: string): bigint {
  const value = record[field]
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value)
  throw wrongType(field, 'an integer', value)
}

/** Reads a field that must be 0, 1, false or true. */
export function flagField(record: JsonRecord, field: string): boolean {
  const value = record[field]
  if (value === 0 || value === false) return false
  if (value === 1 || value === true) return true
  throw wrongType(field, '0 or 1', value)
}

export function textField(record: JsonRecord, field: string): string {
  const value = record[field]
  if (typeof value === 'string') return value
  throw wrongType(field, 'a string', value)
}

export function listField(record: JsonRecord, field: string): JsonValue[] {
  const value = record[field]
  if (Array.isArray(value)) return value
  throw wrongType(field, 'a list', value)
}

export function recordField(record: JsonRecord, field: string): JsonRecord {
  const value = record[field]
  if (value !== undefined && isRecord(value)) return value
  throw wrongType(field, 'an object', value)
}

/** Stands for a field that one side does not have. */
export const absent = '(absent)'

/**
 * Compares two values in depth and returns the innermost differences with their paths, in the order of `expected`.
 * An integer equals the same integer as a bigint. A field on one side only differs from `absent`.
 */
export function compareFields(expected: JsonValue, got: JsonValue, field = ''): Difference[] {
  const differences: Difference[] = []
  compareInto(differences, expected, got, field)
  return differences
}

export function isRecord(value: JsonValue): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function compareInto(differences: Difference[], expected: JsonValue, got: JsonValue, field: string): void {
  if (expected === got) return
  if (Array.isArray(expected) && Array.isArray(got)) {
    const common = Math.min(expected.length, got.length)
    for (let index = 0; index < common; index++)
      compareInto(differences, expected[index]!, got[index]!, `${field}[${index}]`)
    for (let index = common; index < expected.length; index++)
      differences.push({ field: `${field}[${index}]`, expected: expected[index]!, got: absent })
    for (let index = common; index < got.length; index++)
      differences.push({ field: `${field}[${index}]`, expected: absent, got: got[index]! })
  } else if (isRecord(expected) && isRecord(got)) {
    const prefix = field === '' ? '' : `${field}.`
    for (const [name, value] of Object.entries(expected)) {
      if (Object.hasOwn(got, name)) compareInto(differences, value, got[name]!, prefix + name)
      else differences.push({ field: prefix + name, expected: value, got: absent })
    }
    for (const [name, value] of Object.entries(got))
      if (!Object.hasOwn(expected, name)) differences.push({ field: prefix + name, expected: absent, got: value })
  } else if (!sameInteger(expected, got)) {
    differences.push({ field, expected, got })
  }
}

function sameInteger(left: JsonValue, right: JsonValue): boolean {
  if (typeof left === 'bigint' && typeof right === 'number') return Number.isInteger(right) && left === BigInt(right)
  if (typeof left === 'number' && typeof right === 'bigint') return sameInteger(right, left)
  return false
}

function wrongType(field: string, wanted: string, value: JsonValue | undefined): UnusableLogError {
  const shown = value === undefined ? 'missing' : JSON.stringify(plainJson(value))
  const short = shown.length > 60 ? `${shown.slice(0, 57)}...` : shown
  return new UnusableLogError('log-field', `field ${field} must be ${wanted}, not ${short}`, { field })
}

/** A file's bytes, unpacked if it is gzip (by its magic number). */
function readBytes(file: string): Uint8Array {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    const said = { ENOENT: 'no such file', EACCES: 'permission denied', EISDIR: 'it is a directory' }[why] ?? why
    throw new UnusableLogError('log-unreadable', `cannot be read: ${said}`, { file })
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown error'
    const place = { file, line: readableLines(bytes) + 1 }
    throw new UnusableLogError('log-truncated', `the gzip data is cut off or damaged (${why})`, place)
  }
}

/** How many whole lines come out of damaged gzip data. */
function readableLines(bytes: Uint8Array): number {
  let lines = 0
  try {
    for (const byte of gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })) if (byte === 0x0a) lines++
  } catch {
    // Damaged rather than cut off: nothing of it is handed out.
  }
  return lines
}

/** What JSON.parse tells a reviver about where a primitive value came from. */
function sourceOf(context: unknown): string {
  if (typeof context === 'object' && context !== null && 'source' in context && typeof context.source === 'string')
    return context.source
  throw new Error('this JavaScript engine does not show the source text of JSON numbers')
}

/** Narrows the output of JSON.parse, which is JSON by construction. */
function jsonValue(value: unknown): JsonValue {
  if (isJson(value)) return value
  throw new SyntaxError('not a JSON value')
}

function isJson(value: unknown): value is JsonValue {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
}
