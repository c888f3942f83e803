/**
 * libCacheSim's oracleGeneral: records of 24 bytes, little-endian: u32 time, u64 object id, u32 size, i64 place of the object's
 * next access (-1 none). The object id is taken as the page number, every record is a read, and size, time and next
 * access are passed over. The format has no magic, so it is known by its name or by records that make sense.
 */
import { ImportError } from '../importError.ts'
import type { StreamBuilder, WorkloadBuilder } from '../streamBuilder.ts'
import { ReferenceKind } from '../workload.ts'
import type { Importer, TraceFormat } from './importer.ts'

export const oracle: TraceFormat = {
  name: 'oracle',
  title: 'libCacheSim oracleGeneral',
  description: 'Binary records of a cache trace: each object becomes a page, each request a read.',
  extensions: ['oraclegeneral', 'oraclegeneral.bin'],
  detect(beginning, fileName) {
    if (/oraclegeneral/i.test(fileName)) return true
    return looksLikeRecords(beginning)
  },
  create: (builder) => new OracleImporter(builder),
}

const RECORD_BYTES = 24
const OBJECT_OFFSET = 4
const SIZE_OFFSET = 12
const NEXT_OFFSET = 16

class OracleImporter implements Importer {
  readonly #builder: WorkloadBuilder
  #stream: StreamBuilder | undefined
  #offset = 0
  readonly #partial = new Uint8Array(RECORD_BYTES)
  #partialLength = 0

  constructor(builder: WorkloadBuilder) {
    this.#builder = builder
  }

  push(chunk: Uint8Array): void {
    let position = 0
    if (this.#partialLength > 0) {
      const length = Math.min(RECORD_BYTES - this.#partialLength, chunk.length)
      this.#partial.set(chunk.subarray(0, length), this.#partialLength)
      this.#partialLength += length
      position = length
      if (this.#partialLength < RECORD_BYTES) return
      this.#partialLength = 0
      this.#records(this.#partial, 0, 1)
    }
    const whole = Math.floor((chunk.length - position) / RECORD_BYTES)
    if (whole > 0) this.#records(chunk, position, whole)
    position += whole * RECORD_BYTES
    this.#partial.set(chunk.subarray(position))
    this.#partialLength = chunk.length - position
  }

  finish(): void {
    if (this.#partialLength > 0)
      throw new ImportError(
        'truncated',
        { offset: this.#offset + this.#partialLength },
        `the file ends inside the 24-byte record that begins at byte ${this.#offset}`,
      )
  }

  finishCut(): void {
    // each record stands by itself
  }

  #records(bytes: Uint8Array, position: number, count: number): void {
    this.#stream ??= this.#builder.process('program')
    const stream = this.#stream
    const view = new DataView(bytes.buffer, bytes.byteOffset + position, count * RECORD_BYTES)
    for (let record = 0; record < count; record++) {
      const object = record * RECORD_BYTES + OBJECT_OFFSET
      const page = stream.pageOf(view.getUint32(object + 4, true), view.getUint32(object, true))
      stream.addDense(page, ReferenceKind.read)
    }
    this.#offset += count * RECORD_BYTES
  }
}

/** Times that do not fall, sizes that are not zero, and next accesses that lie ahead or are none. */
function looksLikeRecords(beginning: Uint8Array): boolean {
  const count = Math.floor(beginning.length / RECORD_BYTES)
  if (count === 0) return false
  const view = new DataView(beginning.buffer, beginning.byteOffset, count * RECORD_BYTES)
  let time = 0
  for (let record = 0; record < count; record++) {
    const at = record * RECORD_BYTES
    const nextTime = view.getUint32(at, true)
    const next = view.getBigInt64(at + NEXT_OFFSET, true)
    if (nextTime < time || view.getUint32(at + SIZE_OFFSET, true) === 0) return false
    if (next !== -1n && next <= BigInt(record)) return false
    time = nextTime
  }
  return true
}
