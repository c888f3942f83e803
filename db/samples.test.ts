import Database from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SAMPLE_WIDTH } from '../engine/sim/metrics.ts'
import { StoreError } from './errors.ts'
import { packColumns, PackedColumns } from './pack.ts'
import { isGauge } from './pyramid.ts'
import { metricNames, perRow, sampleTiles } from './samples.ts'
import type { SampleTable } from './samples.ts'
import { batchOf } from './sampleBatch.ts'
import { sampleRows, sequenceOf, someEnd, someRun, withStore } from './testing.ts'
import { TraceStore } from './traceStore.ts'

const columns = ['faults', 'references', 'freePages', 'swapUsed', 'device0.reads', 'device1.queue']
const BUCKET_NS = 1000

/** What a query must answer, the slow way: every base bucket written out, then summed. */
function naive(rows: Float64Array, count: number, from: number, to: number, most: number) {
  const end = count === 0 ? 0 : rows[(count - 1) * SAMPLE_WIDTH]! + 1
  to = Math.min(to, end)
  let bucketsPerRow = 1
  if (to <= from) return { rows: 0, bucketsPerRow, columns: columns.map(() => ({ sum: [], min: [], max: [] })) }
  while (Math.ceil(to / bucketsPerRow) - Math.floor(from / bucketsPerRow) > most) bucketsPerRow *= 2
  const first = Math.floor(from / bucketsPerRow)
  const rowCount = Math.ceil(to / bucketsPerRow) - first
  const answer = columns.map((name) => {
    const metric = metricNames.indexOf(name)
    const dense = new Float64Array(end)
    let row = 0
    let carry = rows[1 + metric]!
    for (let bucket = 0; bucket < end; bucket++) {
      let growth = 0
      if (rows[row * SAMPLE_WIDTH] === bucket) {
        growth = carry = rows[row * SAMPLE_WIDTH + 1 + metric]!
        row++
      }
      dense[bucket] = isGauge[metric] ? carry : growth
    }
    const pieces = Array.from({ length: rowCount }, (_, i) =>
      dense.subarray((first + i) * bucketsPerRow, (first + i + 1) * bucketsPerRow),
    )
    return {
      sum: pieces.map((piece) => piece.reduce((a, b) => a + b, 0)),
      min: pieces.map((piece) => piece.reduce((a, b) => Math.min(a, b), Infinity)),
      max: pieces.map((piece) => piece.reduce((a, b) => Math.max(a, b), -Infinity)),
    }
  })
  return { rows: rowCount, bucketsPerRow, columns: answer }
}

const plain = (table: SampleTable) => ({
  rows: table.rows,
  bucketsPerRow: table.bucketsPerRow,
  columns: table.columns.map(({ sum, min, max }) => ({ sum: [...sum], min: [...min], max: [...max] })),
})

function sparseBuckets(count: number, seed: number, gapEvery: number): number[] {
  const next = sequenceOf(seed)
  let bucket = next(3)
  return Array.from({ length: count }, () => (bucket += next(gapEvery) === 0 ? 1 + next(gapEvery === 1 ? 40 : 300) : 1))
}

/** Chunks and more of samples that follow on each other, and of such that lie 40 buckets or more apart. */
function turns(count: number): number[] {
  const next = sequenceOf(11)
  let bucket = 0
  let isFar = false
  let left = 0
  return Array.from({ length: count }, () => {
    if (left-- === 0) {
      isFar = !isFar
      left = 300 + next(900)
    }
    return (bucket += isFar ? 40 + next(20) : 1)
  })
}

/** Levels of a run's chunks that are stored. */
const levelsOf = (store: TraceStore, run: number) => [...new Set([...store.samples.storedChunks(run)].map(({ level }) => level))]

describe('samples', () => {
  it.each([
    ['dense', sparseBuckets(3000, 5, 1 << 30)],
    ['with gaps', sparseBuckets(3000, 5, 12)],
    ['mostly gaps', sparseBuckets(1100, 5, 1)],
    ['far apart', sparseBuckets(1300, 5, 1).map((bucket) => bucket * 5)],
    ['far apart here and there', turns(4500)],
    ['of a short run', sparseBuckets(40, 5, 5)],
  ])(
    '%s are summed as the slow way sums them, while the run goes on and when it has ended',
    (_name, buckets) => {
      withStore((store, file) => {
        const count = buckets.length
        const rows = sampleRows(buckets, 9)
        const end = buckets.at(-1)! + 1
        const id = store.createRun(someRun({ bucketNs: BUCKET_NS }))
        const reader = TraceStore.open(file, { readOnly: true })
        const next = sequenceOf(17)
        const compare = (upTo: number, times: number) => {
          for (let i = 0; i < times; i++) {
            const from = i === 0 ? 0 : next(end)
            const to = i === 0 ? end + 10 : from + 1 + next(end)
            const most = [1, 7, 100, 4096][i % 4]!
            const query = { fromNs: from * BUCKET_NS, toNs: to * BUCKET_NS, buckets: most, columns }
            expect(plain(reader.samples.query(id, query)), JSON.stringify({ from, to, most, upTo })).toEqual(
              naive(rows, upTo, from, to, most),
            )
          }
        }
        let at = 0
        while (at < count) {
          const piece = Math.min(count - at, 1 + next(700))
          store.appendSamples(id, batchOf(rows.subarray(at * SAMPLE_WIDTH), piece))
          at += piece
          compare(at, 3)
        }
        store.finishRun(id, someEnd())
        compare(count, 24)
        reader.close()
      })
    },
  )

  it('that lie far apart have no tiles that would be as many as they are', () => {
    withStore((store) => {
      const levels = [sparseBuckets(3000, 5, 1 << 30), sparseBuckets(1300, 5, 1).map((bucket) => bucket * 5), turns(4500)].map((buckets) => {
        const id = store.createRun(someRun())
        store.appendSamples(id, batchOf(sampleRows(buckets), buckets.length))
        store.finishRun(id, someEnd())
        return levelsOf(store, id)
      })
      expect(levels).toEqual([[0, 3], [0, 6], [0, 3, 6]])
      expect([...store.checkAll()].flatMap(({ findings }) => findings).filter(({ where }) => where === 'sample_chunks')).toEqual([])
    })
  })

  it('come back as they were recorded', () => {
    withStore((store) => {
      const buckets = sparseBuckets(1200, 2, 9)
      const rows = sampleRows(buckets)
      const id = store.createRun(someRun())
      store.appendSamples(id, batchOf(rows, buckets.length))
      const back = [...store.samples.rows(id)].flatMap((piece) => [
        ...piece.rows.subarray(0, piece.count * SAMPLE_WIDTH),
      ])
      expect(back).toEqual([...rows])
    })
  })

  it('of one bucket that come in two parts are one row', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const rows = sampleRows([4, 4, 5])
      store.appendSamples(id, batchOf(rows, 1))
      store.appendSamples(id, batchOf(rows.subarray(SAMPLE_WIDTH), 2))
      const metric = metricNames.indexOf('softFaults')
      const gauge = metricNames.indexOf('freePages')
      const table = store.samples.query(id, {
        fromNs: 4000,
        toNs: 5000,
        buckets: 10,
        columns: ['softFaults', 'freePages'],
      })
      expect(table.columns[0]!.sum[0]).toBe(rows[1 + metric]! + rows[SAMPLE_WIDTH + 1 + metric]!)
      expect(table.columns[1]!.sum[0]).toBe(rows[SAMPLE_WIDTH + 1 + gauge])
    })
  })

  it('out of order, of unknown columns or of unknown runs are refused', () => {
    withStore((store, file) => {
      const id = store.createRun(someRun())
      store.appendSamples(id, batchOf(sampleRows([7]), 1))
      expect(() => store.appendSamples(id, batchOf(sampleRows([3]), 1))).toThrow(StoreError)
      const query = { fromNs: 0, toNs: 1e9, buckets: 10, columns: ['nonsense'] }
      expect(() => store.samples.query(id, query)).toThrow('no sample column "nonsense"')
      expect(() => store.samples.query(99, { ...query, columns })).toThrow('no run 99')
      const second = TraceStore.open(file)
      expect(() => second.appendSamples(id, batchOf(sampleRows([9]), 1))).toThrow('recorded by another program')
      second.close()
    })
  })

  it('of a run from before a metric was added, moved or dropped are found by name', () => {
    withStore((store, file) => {
      const id = store.createRun(someRun())
      const rows = sampleRows([0, 1, 2])
      store.appendSamples(id, batchOf(rows, 3))
      const names = [...metricNames]
      const [references = '', faults = ''] = names
      // as if references had not been known then, and faults had stood in their place
      names[0] = faults
      names[1] = 'something that is gone'
      const other = new Database(file)
      other.prepare('UPDATE runs SET sample_columns = ?').run(JSON.stringify(names))
      other.close()
      const table = store.samples.query(id, { fromNs: 0, toNs: 3000, buckets: 10, columns: [references, faults] })
      expect([...table.columns[0]!.sum]).toEqual([0, 0, 0])
      expect([...table.columns[1]!.sum]).toEqual([0, 1, 2].map((row) => rows[row * SAMPLE_WIDTH + 1]))
      const [piece] = [...store.samples.rows(id)]
      expect([...piece!.rows.subarray(0, 3)]).toEqual([0, 0, rows[1]])
    })
  })

  it('with fractions are kept exactly', () => {
    withStore((store) => {
      const id = store.createRun(someRun())
      const rows = sampleRows([0, 1])
      rows[1] = 0.1
      rows[SAMPLE_WIDTH + 1] = 2 ** 60
      store.appendSamples(id, batchOf(rows, 2))
      const table = store.samples.query(id, { fromNs: 0, toNs: 2000, buckets: 2, columns: ['references'] })
      expect([...table.columns[0]!.sum]).toEqual([0.1, 2 ** 60])
    })
  })

  it('give rates of counters per second and means of gauges', () => {
    withStore((store) => {
      const id = store.createRun(someRun({ bucketNs: 1_000_000 }))
      const rows = sampleRows([0, 1, 2])
      const [faults, free] = [metricNames.indexOf('faults'), metricNames.indexOf('freePages')]
      ;[3, 0, 5].forEach((value, row) => (rows[row * SAMPLE_WIDTH + 1 + faults] = value))
      ;[10, 20, 90].forEach((value, row) => (rows[row * SAMPLE_WIDTH + 1 + free] = value))
      store.appendSamples(id, batchOf(rows, 3))
      const table = store.samples.query(id, { fromNs: 0, toNs: 3e6, buckets: 2, columns: ['faults', 'freePages'] })
      expect([...perRow(table, 'faults')]).toEqual([1500, 5000])
      expect([...perRow(table, 'freePages')]).toEqual([15, 90])
      const tiles = sampleTiles(table)
      expect(tiles).toMatchObject({ kind: 1, rows: 2, extra: [2, 0, 0] })
      expect(tiles.columns.map((column) => column.length)).toEqual(Array.from({ length: 8 }, () => 2))
    })
  })
})

describe('packed columns', () => {
  it('give every column back, whatever the numbers', () => {
    const column = fc.array(fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.maxSafeInteger()), {
      minLength: 5,
      maxLength: 5,
    })
    fc.assert(
      fc.property(fc.array(fc.option(column), { minLength: 1, maxLength: 6 }), (given) => {
        const packed = new PackedColumns(
          packColumns(
            given.map((values) => values && Float64Array.from(values)),
            5,
          ),
        )
        given.forEach((values, i) => {
          if (values) expect([...packed.column(i)].map((value) => value + 0)).toEqual(values.map((value) => value + 0))
        })
      }),
    )
  })

  it('that are damaged are refused, not misread', () => {
    const packed = packColumns([Float64Array.of(1, 2, 3)], 3)
    expect(() => new PackedColumns(packed.subarray(0, 6))).toThrow(StoreError)
    expect(() => new PackedColumns(packed.subarray(0, packed.length - 1)).column(0)).toThrow(StoreError)
    expect(() => new PackedColumns(packed).column(1)).toThrow(StoreError)
  })
})
