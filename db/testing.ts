/** What the tests of the store share: stores in scratch directories, and made-up runs, samples and events. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chunkArrays, eventColumns, EVENTS_PER_CHUNK, newEventChunk } from '../engine/sim/events.ts'
import type { EventChunk } from '../engine/sim/events.ts'
import { SAMPLE_WIDTH } from '../engine/sim/metrics.ts'
import { encodeColumn } from '../engine/workload/codec.ts'
import { encodeGroupedColumn, RowGroups } from '../engine/workload/groupedColumn.ts'
import { digestOf, encodeChunk } from './eventEncoder.ts'
import type { EncodedChunk } from './eventEncoder.ts'
import { isGauge } from './pyramid.ts'
import { TraceStore } from './traceStore.ts'
import { zeroTotals } from './types.ts'
import type { NewRun, RunEnd } from './types.ts'

/** Runs `body` with a fresh directory that is removed afterwards. */
export function inScratch<T>(body: (directory: string) => T): T {
  const directory = mkdtempSync(path.join(tmpdir(), 'pager-store-'))
  try {
    return body(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Runs `body` with a fresh store that is closed and removed afterwards. */
export function withStore<T>(body: (store: TraceStore, file: string) => T): T {
  return inScratch((directory) => {
    const file = path.join(directory, 'workbench.sqlite')
    const store = TraceStore.open(file)
    try {
      return body(store, file)
    } finally {
      store.close()
    }
  })
}

export const someRun = (changes: Partial<NewRun> = {}): NewRun => ({
  name: 'a run',
  experimentName: 'an experiment',
  file: { name: 'an experiment', seed: 7, machine: { frames: 1000 } },
  seed: 7,
  engineVersion: '1.2.3',
  recorded: true,
  workloads: [{ id: null, name: 'a workload' }],
  replayOf: null,
  sameConfiguration: false,
  frames: 1000,
  nsPerReference: 31,
  footprint: 4000,
  referencesTotal: 2_000_000,
  bucketNs: 1000,
  thresholds: { freeMin: 10, freeTarget: 40 },
  devices: [{ name: 'swap0', image: 'swap0.img', pages: 8192, timing: 'hdd', baseDigest: 'ab'.repeat(32) }],
  ...changes,
})

export const someEnd = (changes: Partial<RunEnd> = {}): RunEnd => ({
  status: 'finished',
  problem: null,
  totals: {
    ...zeroTotals(),
    faults: 96,
    references: 2_000_000,
    seconds: 1.5,
    traceDigest: 'cd'.repeat(32),
    status: 'finished',
  },
  endTimeNs: 5_000_000,
  ...changes,
})

/** Numbers that look random and are the same every time. */
export function sequenceOf(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

/** `count` sample rows for the given bucket numbers: small counters, wandering gauges. */
export function sampleRows(buckets: readonly number[], seed = 1): Float64Array {
  const next = sequenceOf(seed)
  const rows = new Float64Array(buckets.length * SAMPLE_WIDTH)
  buckets.forEach((bucket, row) => {
    rows[row * SAMPLE_WIDTH] = bucket
    isGauge.forEach((gauge, metric) => {
      rows[row * SAMPLE_WIDTH + 1 + metric] = gauge ? 500 + next(100) : metric % 3 === 0 ? 0 : next(50)
    })
  })
  return rows
}

/** `count` events like those of a pager under pressure; times go on from `timeNs`. */
export function someEvents(count: number, seed = 1, timeNs = 0): EventChunk {
  const next = sequenceOf(seed)
  const chunk = newEventChunk(Math.max(1, count))
  chunk.count = count
  const pageOf = [0, 0, 0, 0]
  let time = timeNs
  let block = 2
  for (let row = 0; row < count; row++) {
    const draw = next(16)
    const object = next(4)
    // faults come in runs over neighbouring pages, with jumps
    const page = next(8) === 0 ? next(20_000) : (pageOf[object] ?? 0) + 1
    pageOf[object] = page
    time += draw < 4 ? 0 : 40 * next(60)
    const kind = draw < 6 ? 0 : draw < 9 ? 1 : draw < 11 ? 2 : draw < 15 ? 5 : 8
    const isTransfer = kind === 1 || kind === 2
    if (isTransfer) block += 8
    chunk.time[row] = time
    chunk.kind[row] = kind
    chunk.process[row] = kind === 5 ? -1 : 0
    chunk.object[row] = object
    chunk.page[row] = page
    chunk.pages[row] = isTransfer ? 8 : 1
    chunk.device[row] = isTransfer ? row & 1 : -1
    chunk.block[row] = isTransfer || kind === 8 ? block : 0
    chunk.duration[row] = isTransfer ? 80_000 : kind === 0 ? 80_000 + 40 * next(30) : 0
    chunk.detail[row] = kind === 0 ? next(3) + 16 * next(2) : 0
  }
  return chunk
}

/** Records a run of full chunks of someEvents; its id, the chunks, and the time of the last event. */
export function recordChunks(store: TraceStore, chunks: number): { id: number; events: EventChunk[]; endNs: number } {
  const id = store.runs.create(someRun())
  const events: EventChunk[] = []
  let time = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    const some = someEvents(EVENTS_PER_CHUNK, chunk + 1, time)
    time = some.time[some.count - 1]!
    store.events.append(id, encodeChunk(some, chunk * EVENTS_PER_CHUNK, true))
    events.push(some)
  }
  return { id, events, endNs: time }
}

/** A chunk as earlier versions stored it, in trace format 1, and the digest of a run of this one chunk. */
export function formatOneChunk(chunk: EventChunk): { encoded: EncodedChunk; traceDigest: string } {
  const groups = new RowGroups(chunk.kind, chunk.count)
  const columns = chunkArrays(chunk).map((column, i) => {
    const { name } = eventColumns[i]!
    const data = name === 'kind' ? encodeColumn(column, chunk.count) : encodeGroupedColumn(column, groups)
    return { name, rawBytes: data.length, data }
  })
  // the digest of a chunk today is what that of a whole trace was taken over
  const traceDigest = digestOf(
    chunk.count,
    columns.map(({ data }) => data),
  )
  return {
    encoded: { ...encodeChunk(chunk, 0, true), columns, index: null },
    traceDigest: Buffer.from(traceDigest).toString('hex'),
  }
}
