/**
 * A file of records, as runs travel between machines: each a JSON head and some bytes.
 *
 * Layout (little-endian): the magic "PWBRUN1\n"; then per record u32 length of the head, u32 length of the bytes, the head (JSON, UTF-8),
 * the bytes; at the end a record whose head is {"type":"end"} and whose bytes are the SHA-256 of everything before it. The file may come from
 * anybody: lengths are bounded, and nothing is believed before the reader's caller has checked it.
 */
import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { StoreError } from './errors.ts'
import { isObject, parseJson } from './json.ts'
import type { JsonObject } from './json.ts'

export interface FileRecord {
  head: JsonObject
  bytes: Uint8Array
}

const MAGIC = Buffer.from('PWBRUN1\n')
const HEAD_BYTES_MAX = 16 << 20
const RECORD_BYTES_MAX = 64 << 20
const NO_BYTES = new Uint8Array(0)

/** Writes a whole file; one that is there already is an error of the file system (EEXIST). */
export function writeRecords(file: string, records: Iterable<{ head: JsonObject; bytes?: Uint8Array }>): void {
  const fd = openSync(file, 'wx')
  const hash = createHash('sha256')
  const put = (bytes: Uint8Array) => {
    hash.update(bytes)
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
  }
  const record = (head: JsonObject, bytes: Uint8Array) => {
    const text = Buffer.from(JSON.stringify(head))
    const lengths = Buffer.alloc(8)
    lengths.writeUInt32LE(text.length, 0)
    lengths.writeUInt32LE(bytes.length, 4)
    put(lengths)
    put(text)
    put(bytes)
  }
  try {
    put(MAGIC)
    for (const { head, bytes = NO_BYTES } of records) record(head, bytes)
    record({ type: 'end' }, hash.copy().digest())
  } finally {
    closeSync(fd)
  }
}

/** The records of a file, without the last one. Throws StoreError `damaged` with the place in the file. */
export function* readRecords(file: string): Generator<FileRecord> {
  const fd = openSync(file, 'r')
  const hash = createHash('sha256')
  let offset = 0
  const take = (length: number): Buffer => {
    const bytes = Buffer.alloc(length)
    let have = 0
    while (have < length) {
      const got = readSync(fd, bytes, have, length - have, offset + have)
      if (got === 0) throw damaged(offset + have, `the file ends where ${length - have} bytes more should be`)
      have += got
    }
    offset += length
    return bytes
  }
  try {
    const magic = take(MAGIC.length)
    if (!magic.equals(MAGIC)) throw damaged(0, 'it does not begin as a packed run does')
    hash.update(magic)
    for (;;) {
      const begin = offset
      const lengths = take(8)
      const [headBytes, length] = [lengths.readUInt32LE(0), lengths.readUInt32LE(4)]
      if (headBytes > HEAD_BYTES_MAX || length > RECORD_BYTES_MAX)
        throw damaged(begin, `a record of ${headBytes} and ${length} bytes is too long`)
      const text = take(headBytes)
      const bytes = take(length)
      const head = parseJson(text.toString('utf8'))
      if (!isObject(head)) throw damaged(begin, 'the head of a record is no JSON object')
      if (head['type'] === 'end') {
        if (!hash.digest().equals(bytes)) throw damaged(begin, 'it is not what was packed: the digest differs')
        if (readSync(fd, Buffer.alloc(1), 0, 1, offset) > 0) throw damaged(offset, 'there is something after the end')
        return
      }
      hash.update(lengths).update(text).update(bytes)
      yield { head, bytes }
    }
  } finally {
    closeSync(fd)
  }
}

const damaged = (offset: number, why: string) =>
  new StoreError('damaged', `the packed run cannot be read at byte ${offset}: ${why}`, `byte ${offset}`)
