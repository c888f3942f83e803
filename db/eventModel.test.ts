import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkArrays, eventColumns, newEventChunk } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { ChunkReader } from './chunkReader.ts'
import type { ColumnName } from './chunkReader.ts'
import { canonicalBytes, TRACE_FORMAT } from './eventEncoder.ts'
import { someEvents } from './testing.ts'

function readerOf(chunk: EventChunk): ChunkReader {
  const raw = canonicalBytes(chunk)
  return new ChunkReader(chunk.count, TRACE_FORMAT, (name) => {
    const data = raw[eventColumns.findIndex((column) => column.name === name)]!
    return { rawBytes: data.length, data }
  })
}

const used = (chunk: EventChunk) => chunkArrays(chunk).map((column) => column.slice(0, chunk.count))

type Row = [
  time: number,
  kind: number,
  object: number,
  page: number,
  pages: number,
  block: number,
  duration: number,
  detail: number,
]

function chunkOf(rows: readonly Row[]): EventChunk {
  const chunk = newEventChunk(Math.max(1, rows.length))
  chunk.count = rows.length
  rows.forEach(([time, kind, object, page, pages, block, duration, detail], row) => {
    chunk.time[row] = time
    chunk.kind[row] = kind
    chunk.object[row] = object
    chunk.page[row] = page
    chunk.pages[row] = pages
    chunk.block[row] = block
    chunk.duration[row] = duration
    chunk.detail[row] = detail
  })
  return chunk
}

const rowsOf = (number: fc.Arbitrary<number>) =>
  fc.array(
    fc.tuple(
      number,
      fc.integer({ min: 0, max: 15 }),
      fc.oneof(fc.integer({ min: -1, max: 4 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      number,
      fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      number,
      number,
      fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    ),
    { maxLength: 300 },
  )

describe('events that were foreseen or not', () => {
  it('come back as they were, whatever they are', () => {
    const small = fc.integer({ min: 0, max: 60 })
    const any = fc.oneof(small, fc.integer({ min: -(2 ** 50), max: 2 ** 50 }))
    const huge = fc.oneof(small, fc.maxSafeInteger())
    fc.assert(
      fc.property(fc.oneof(rowsOf(small), rowsOf(any), rowsOf(huge)), (rows) => {
        const chunk = chunkOf(rows)
        expect(used(readerOf(chunk).events())).toEqual(used(chunk))
      }),
      { numRuns: 150, seed: 11 },
    )
  })

  it('come back in whatever order their columns are asked for', () => {
    const chunk = someEvents(4000, 5)
    const orders: ColumnName[][] = [['block'], ['page'], ['duration', 'object'], ['time'], ['detail', 'block', 'time']]
    for (const order of orders) {
      const reader = readerOf(chunk)
      for (const name of order) expect(reader.column(name)).toEqual(chunk[name].slice(0, chunk.count))
    }
  })

  it('take hardly a byte where everything follows from what was before', () => {
    // a page is asked for, comes, and goes again, by turns, in frames that are given back
    const rows: Row[] = []
    for (let time = 0, turn = 0; turn < 3000; turn++) {
      const page = turn % 200
      rows.push([time, 3, 1, page, 1, 5000 + page, 800, 0], [time + 800, 0, 1, page, 1, 7, 800, 3])
      rows.push([time + 800, 5, 1, page, 1, 7, 0, 0])
      time += 1000
    }
    const bytes = canonicalBytes(chunkOf(rows))
    const ofModels = bytes.filter((_, i) => eventColumns[i]!.name !== 'kind')
    // nothing but the beginning, and the page that comes next as often as 200 pages come for the first time
    expect(ofModels.reduce((sum, column) => sum + column.length, 0)).toBeLessThan(1000)
  })

  it('are refused where a column is cut off, or of two that go together one only is as it was', () => {
    const chunk = someEvents(500)
    const raw = canonicalBytes(chunk)
    const at = (name: string) => eventColumns.findIndex((column) => column.name === name)
    const reading = (name: string, change: (bytes: Uint8Array) => Uint8Array) => {
      const data = raw.map((bytes, i) => (i === at(name) ? change(bytes) : bytes))
      const load = (column: string) => ({ rawBytes: data[at(column)]!.length, data: data[at(column)]! })
      return () => new ChunkReader(chunk.count, TRACE_FORMAT, load).events()
    }
    expect(reading('page', (bytes) => bytes.subarray(0, bytes.length - 1))).toThrow()
    expect(reading('object', (bytes) => Uint8Array.of(7, ...bytes.subarray(1)))).toThrow('begins with 7')
    expect(reading('time', () => new Uint8Array(0))).toThrow('begins with -1')
    expect(reading('kind', (bytes) => bytes.subarray(1))).toThrow()
  })
})
