/**
 * A reference stream as libCacheSim's oracleGeneral: records of 24 bytes, little-endian: u32 time, u64 object, u32 size, i64 ordinal of
 * the object's next access (-1 none). A page is an object of 4096 bytes, named by its virtual page number; time is the reference's
 * ordinal, as far as 32 bits go. What kind a reference is of does not fit in.
 *
 * The next access is known only from the end, so the stream is read backwards, chunk by chunk, and the file is written so too: the memory
 * that this takes is that of the pages, not of the references.
 */
import { writeSync } from 'node:fs'
import { REFERENCES_PER_CHUNK } from '../engine/workload/streamFile.ts'
import type { ProcessStream } from '../engine/workload/workload.ts'

const RECORD_BYTES = 24
const PAGE_BYTES = 4096

/** Writes a stream to an open, empty file. `onWritten` hears of the references written so far. */
export function writeOracle(
  stream: ProcessStream,
  fd: number,
  onWritten: (references: number) => void = () => {},
): void {
  const reader = stream.open()
  const next = new Float64Array(stream.pageCount).fill(-1)
  const records = Buffer.alloc(REFERENCES_PER_CHUNK * RECORD_BYTES)
  const references = new Uint32Array(REFERENCES_PER_CHUNK)
  const chunks = Math.ceil(stream.referenceCount / REFERENCES_PER_CHUNK)
  for (let chunk = chunks - 1; chunk >= 0; chunk--) {
    const first = chunk * REFERENCES_PER_CHUNK
    const count = Math.min(REFERENCES_PER_CHUNK, stream.referenceCount - first)
    for (let have = 0; have < count;) {
      const view = reader.read(first + have).subarray(0, count - have)
      if (view.length === 0) throw new RangeError(`the stream ${stream.name} ends at reference ${first + have}`)
      references.set(view, have)
      have += view.length
    }
    for (let i = count - 1; i >= 0; i--) {
      const page = references[i]! >>> 2
      const at = i * RECORD_BYTES
      records.writeUInt32LE((first + i) >>> 0, at)
      records.writeBigUInt64LE(BigInt(stream.pageNumbers[page]!), at + 4)
      records.writeUInt32LE(PAGE_BYTES, at + 12)
      records.writeBigInt64LE(BigInt(next[page]!), at + 16)
      next[page] = first + i
    }
    for (let at = 0; at < count * RECORD_BYTES;)
      at += writeSync(fd, records, at, count * RECORD_BYTES - at, first * RECORD_BYTES + at)
    onWritten(stream.referenceCount - first)
  }
}
