import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CodecError } from './codec.ts'
import {
  MemoryStorage,
  REFERENCES_PER_CHUNK,
  StoredStreamReader,
  decodeReferences,
  encodeReferences,
  memoryStream,
  memoryWorkload,
} from './streamFile.ts'
import type { StreamReader } from './workload.ts'

const longStream = Uint32Array.from({ length: REFERENCES_PER_CHUNK * 2 + 100 }, (_, i) => ((i % 777) << 2) | (i % 3))

function readAll(reader: StreamReader): number[] {
  const all: number[] = []
  for (let view = reader.read(0); view.length > 0; view = reader.read(all.length))
    for (const item of view) all.push(item)
  return all
}

function stored(references: Uint32Array) {
  const stream = memoryStream('s', references)
  const chunks: Uint8Array[] = []
  for (let start = 0; start < references.length; start += REFERENCES_PER_CHUNK) {
    const chunk = references.subarray(start, start + REFERENCES_PER_CHUNK)
    chunks.push(encodeReferences(chunk, chunk.length))
  }
  const loads: number[] = []
  const reader = new StoredStreamReader(stream, (chunk) => {
    loads.push(chunk)
    return chunks[chunk]!
  })
  return { stream, chunks, reader, loads }
}

describe('a stored chunk of references', () => {
  it('comes back exactly', () => {
    const reference = fc.oneof(fc.nat(200), fc.nat(70000), fc.integer({ min: 0, max: 4294967295 }))
    fc.assert(
      fc.property(fc.array(reference), (items) => {
        const out = new Uint32Array(items.length)
        decodeReferences(encodeReferences(Uint32Array.from(items), items.length), out, items.length)
        expect([...out]).toEqual(items)
      }),
    )
  })

  it('takes two bytes a reference before compression while the pages are few', () => {
    expect(encodeReferences(Uint32Array.of(65535), 1)[0]).toBe(2)
    expect(encodeReferences(Uint32Array.of(65536), 1)[0]).toBe(4)
  })

  it('that is damaged is refused', () => {
    const bytes = encodeReferences(longStream, 1000)
    const out = new Uint32Array(1000)
    expect(() => decodeReferences(bytes, out, 999)).toThrow(CodecError)
    expect(() => decodeReferences(bytes.subarray(0, 20), out, 1000)).toThrow(CodecError)
    expect(() => decodeReferences(Uint8Array.of(7, ...bytes.subarray(1)), out, 1000)).toThrow(CodecError)
    expect(() => decodeReferences(new Uint8Array(0), out, 1000)).toThrow(CodecError)
  })
})

describe('a reader of stored chunks', () => {
  it('gives the whole stream in order and nothing after its end', () => {
    const { reader } = stored(longStream)
    expect(readAll(reader)).toEqual([...longStream])
    expect(reader.read(longStream.length)).toHaveLength(0)
    expect(reader.read(longStream.length * 10)).toHaveLength(0)
  })

  it('reads from any place, and decodes nothing again while it goes to and fro over an edge', () => {
    const { reader, loads } = stored(longStream)
    for (const ordinal of [REFERENCES_PER_CHUNK - 1, REFERENCES_PER_CHUNK, REFERENCES_PER_CHUNK - 5, 70000, 3])
      expect(reader.read(ordinal)[0]).toBe(longStream[ordinal])
    expect(loads).toEqual([0, 1])
  })

  it('refuses references that its stream cannot have', () => {
    const { stream, chunks } = stored(longStream)
    const reader = new StoredStreamReader({ ...stream, pageCount: 776 }, (chunk) => chunks[chunk]!)
    expect(() => reader.read(0)).toThrow('reference 776 has page 776 of 776')
  })
})

describe('streams in memory', () => {
  it('know their pages and how each is used', () => {
    const stream = memoryStream('s', Uint32Array.of((0 << 2) | 0, (1 << 2) | 1, (0 << 2) | 2, (2 << 2) | 0))
    expect(stream.pageCount).toBe(3)
    expect([...stream.pageUse]).toEqual([5, 2, 1])
    expect([...stream.pageNumbers]).toEqual([0, 1, 2])
    expect(readAll(stream.open())).toEqual([0, 5, 2, 8])
  })

  it('refuse kind 3 and pages without a page number', () => {
    expect(() => memoryStream('s', Uint32Array.of(3))).toThrow(CodecError)
    expect(() => memoryStream('s', Uint32Array.of(8), Float64Array.of(1, 2))).toThrow(CodecError)
  })

  it('make a workload of a process each', () => {
    const workload = memoryWorkload('pair', Uint32Array.of(0), Uint32Array.of(0, 4))
    expect(workload.processes.map((each) => [each.name, each.pageCount])).toEqual([
      ['pair 1', 1],
      ['pair 2', 2],
    ])
  })

  it('come back from the storage that builders use', () => {
    const storage = new MemoryStorage()
    storage.write(0, longStream.subarray(0, REFERENCES_PER_CHUNK))
    storage.write(1, longStream.subarray(REFERENCES_PER_CHUNK, REFERENCES_PER_CHUNK + 10))
    expect(readAll(storage.open())).toEqual([...longStream.subarray(0, REFERENCES_PER_CHUNK + 10)])
  })
})
