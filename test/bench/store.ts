/**
 * What the trace store costs: events encoded, digested, compressed and written (`record`, against one SQLite row an
 * event), their size, and how soon the first chart of a run of a million samples is there.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import Database from 'better-sqlite3'
import { EventEncoder } from '../../db/eventEncoder.ts'
import type { EncodedChunk } from '../../db/eventEncoder.ts'
import { sampleRows, someEnd, someEvents, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { chunkArrays, eventColumns, EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import type { EventChunk } from '../../engine/sim/events.ts'
import { SAMPLE_WIDTH } from '../../engine/sim/metrics.ts'
import type { BenchResult } from './result.ts'

const CHUNKS = 48
const SAMPLE_ROWS = 1_000_000

export function bench(): Promise<BenchResult[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'pager-bench-'))
  try {
    return Promise.resolve([...recording(directory), ...charts(directory)])
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function recording(directory: string): BenchResult[] {
  const chunks = Array.from({ length: 6 }, (_, i) => someEvents(EVENTS_PER_CHUNK, i + 1, i * 1e9))
  const encodeAll = (recorded: boolean): { seconds: number; encoded: EncodedChunk[] } => {
    const encoder = new EventEncoder(recorded)
    const encoded: EncodedChunk[] = []
    const began = performance.now()
    for (let i = 0; i < CHUNKS; i++) encoded.push(encoder.add(chunks[i % chunks.length]!))
    encoder.finish()
    return { seconds: (performance.now() - began) / 1000, encoded }
  }
  encodeAll(true)
  const digestOnly = encodeAll(false)
  const { seconds: encodeSeconds, encoded } = encodeAll(true)
  const events = CHUNKS * EVENTS_PER_CHUNK

  const store = TraceStore.open(path.join(directory, 'record.sqlite'))
  const run = store.createRun(someRun())
  const began = performance.now()
  const encoder = new EventEncoder(true)
  for (let i = 0; i < CHUNKS; i++) store.appendEvents(run, encoder.add(chunks[i % chunks.length]!))
  store.finishRun(run, someEnd())
  const recordSeconds = (performance.now() - began) / 1000
  const scanBegan = performance.now()
  let seen = 0
  for (const window of store.events.eventsInRange(run, { fromNs: 0, toNs: Infinity, kinds: [] })) seen += window.count
  const scanSeconds = (performance.now() - scanBegan) / 1000
  store.close()
  if (seen !== events) throw new Error(`${seen} of ${events} events came back`)

  const storedBytes = encoded.reduce(
    (sum, chunk) => sum + chunk.columns.reduce((bytes, column) => bytes + column.data.length, 0),
    0,
  )
  const rowsPerSecond = rowByRow(directory, chunks[0]!)

  return [
    {
      name: 'record',
      value: events / recordSeconds,
      unit: 'events/s',
      baseline: rowsPerSecond,
      ratio: events / recordSeconds / rowsPerSecond,
    },
    { name: 'encode', value: events / encodeSeconds, unit: 'events/s' },
    { name: 'digest-only', value: events / digestOnly.seconds, unit: 'events/s' },
    { name: 'scan', value: seen / scanSeconds, unit: 'events/s' },
    { name: 'bytes-per-event', value: storedBytes / events, unit: 'bytes' },
  ]
}

/** The baseline: the same events as one SQLite row each, in one transaction. */
function rowByRow(directory: string, chunk: EventChunk): number {
  const sqlite = new Database(path.join(directory, 'rows.sqlite'))
  sqlite.pragma('journal_mode = WAL')
  sqlite.exec(`CREATE TABLE events (${eventColumns.map(({ name }) => `${name} INTEGER`).join(', ')}) STRICT`)
  const insert = sqlite.prepare(`INSERT INTO events VALUES (${eventColumns.map(() => '?').join(', ')})`)
  const columns = chunkArrays(chunk)
  const began = performance.now()
  sqlite.transaction(() => {
    for (let row = 0; row < chunk.count; row++) insert.run(...columns.map((column) => column[row]))
  })()
  const seconds = (performance.now() - began) / 1000
  sqlite.close()
  return chunk.count / seconds
}

function charts(directory: string): BenchResult[] {
  const file = path.join(directory, 'charts.sqlite')
  const store = TraceStore.open(file)
  const run = store.createRun(someRun({ bucketNs: 1000 }))
  const piece = 10_000
  const rows = sampleRows(Array.from({ length: piece }, (_, i) => i))
  const began = performance.now()
  for (let first = 0; first < SAMPLE_ROWS; first += piece) {
    for (let row = 0; row < piece; row++) rows[row * SAMPLE_WIDTH] = first + row
    store.appendSamples(run, rows, piece)
  }
  store.finishRun(run, someEnd())
  const appendSeconds = (performance.now() - began) / 1000
  store.close()

  const columns = ['faults', 'swapins', 'swapouts', 'freePages', 'swapUsed']
  const openBegan = performance.now()
  const reader = TraceStore.open(file, { readOnly: true })
  reader.samples.query(run, { fromNs: 0, toNs: SAMPLE_ROWS * 1000, buckets: 1024, columns })
  const firstMs = performance.now() - openBegan
  const times = Array.from({ length: 40 }, (_, i) => {
    const from = ((i * 37) % 90) * SAMPLE_ROWS * 10
    const length = (SAMPLE_ROWS * 1000) / 2 ** (i % 12)
    const queryBegan = performance.now()
    reader.samples.query(run, { fromNs: from, toNs: from + length, buckets: 1024, columns })
    return performance.now() - queryBegan
  }).sort((a, b) => a - b)
  reader.close()
  return [
    { name: 'first-chart-ms', value: firstMs, unit: 'ms' },
    { name: 'chart-median-ms', value: times[20]!, unit: 'ms' },
    { name: 'chart-slowest-ms', value: times[39]!, unit: 'ms' },
    { name: 'sample-rows', value: SAMPLE_ROWS / appendSeconds, unit: 'rows/s' },
  ]
}
