/**
 * What the trace store costs, on the events of a real program: GCC compiling (cc1-O2 of PAGER_TRACES, else the demo trace) in
 * 10 % of its footprint, as the engine records it.
 *
 *   record            events per second, encoded, digested, indexed, compressed and committed by two threads, while a third waits for the disk; baseline: one SQLite row each
 *   encode            events per second of one thread's processor time, without SQLite
 *   scan              events per second that come back, all columns
 *   bytes-per-event   growth of the workspace's file by the events, with digest, page index and all that SQLite adds
 *   record-overhead   wall time of the whole run in the service, recorded, to that of the same not recorded just before; the median
 *   first-chart-ms   of a long run (longRun.ts): from opening the file to the tiles of five metrics
 *   page-history-first-ms, page-history-ms   of the same run, by the service's two query threads: the newest 40 events of a page, which the
 *                     window shows first, and the newest 1000; of several pages the slowest
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { encodeChunk, EventEncoder } from '../../db/eventEncoder.ts'
import { someEnd, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { Checkpointer } from '../../electron/service/checkpointer.ts'
import { ChunkQueue, EncoderThread } from '../../electron/service/chunkEncoders.ts'
import { copyEvents, eventChunkIn, newEventBuffer } from '../../electron/service/eventBuffer.ts'
import { pageHistory } from '../../electron/service/pageHistory.ts'
import type { QueryCalls } from '../../electron/service/protocol.ts'
import { runToEnd } from '../../electron/service/testing.ts'
import { ThreadClient } from '../../electron/service/threadCalls.ts'
import { threadUrls } from '../../electron/service/threadUrls.ts'
import { createWorkbench } from '../../electron/service/workbench.ts'
import { chunkArrays, eventColumns, EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import type { EventChunk } from '../../engine/sim/events.ts'
import { longRun, recordedEvents, traceFile } from './longRun.ts'
import { median, type BenchResult } from './result.ts'

/** Some seconds: what a run's end costs by itself counts as little as in a long run. */
const EVENTS_RECORDED = 20_000_000
const ROUNDS = 3
/** Runs of a second, of which one is now and then half as long again: neighbours on the same processor come and go. */
const OVERHEAD_ROUNDS = 11
const QUICK_EVENTS = 3_000_000
const LONG_EVENTS = 100_000_000

/** With `long`, the long run has a hundred million events; it is made once and kept in the folder for temporary files. */
export async function bench({ long }: { long: boolean }): Promise<BenchResult[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'pager-bench-'))
  try {
    const chunks = await recordedEvents()
    return [
      ...(await recording(directory, chunks)),
      ...encoding(chunks),
      size(directory, chunks),
      await overhead(directory),
      ...(await reading(directory, long ? LONG_EVENTS : QUICK_EVENTS, long)),
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const eventsOf = (chunks: readonly EventChunk[]) => chunks.reduce((sum, { count }) => sum + count, 0)

/** Full chunks again and again, as the writer's thread takes them, with the encoder's thread beside it. */
async function recording(directory: string, chunks: EventChunk[]): Promise<BenchResult[]> {
  const full = chunks.filter(({ count }) => count === EVENTS_PER_CHUNK)
  const thread = new EncoderThread()
  const checkpointer = new Checkpointer()
  const rates: number[] = []
  let scanned = 0
  for (let round = 0; round <= ROUNDS; round++) {
    const file = path.join(directory, `record-${round}.sqlite`)
    const store = TraceStore.open(file)
    store.checkpointSeldom()
    const run = store.createRun(someRun())
    const encoder = new EventEncoder(true)
    const free = Array.from({ length: 4 }, () => newEventBuffer(EVENTS_PER_CHUNK))
    let wake = () => {}
    const queue = new ChunkQueue(thread, true, {
      onEncoded: (chunk) => {
        store.appendEvents(run, encoder.accept(chunk))
        checkpointer.wrote(chunk.columns.reduce((sum, { data }) => sum + data.length, 0), file)
      },
      onBuffer: (buffer) => {
        free.push(buffer)
        wake()
      },
      onFailed: (error) => {
        throw error
      },
    })
    let filling = 0
    const began = performance.now()
    for (let i = 0; i * EVENTS_PER_CHUNK < EVENTS_RECORDED; i++) {
      while (free.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      const buffer = free.pop()
      const chunk = full[i % full.length]
      if (!buffer || !chunk) throw new Error('the trace has no full chunk of events')
      // that is the machine's work
      const copying = performance.now()
      copyEvents(chunk, eventChunkIn(buffer, 0))
      filling += performance.now() - copying
      queue.add(buffer, chunk.count)
      await nextTurn()
    }
    await new Promise<void>((resolve) => queue.whenIdle(resolve))
    store.finishRun(run, someEnd())
    const seconds = (performance.now() - began - filling) / 1000
    // the first round warms up
    if (round > 0) rates.push(encoder.events / seconds)
    if (round === ROUNDS) scanned = scan(store, run)
    store.close()
  }
  await thread.end()
  await checkpointer.end()
  const baseline = rowByRow(directory, full.slice(0, 2))
  const record = median(rates)
  return [
    { name: 'record', value: record, unit: 'events/s', baseline, ratio: record / baseline },
    { name: 'scan', value: scanned, unit: 'events/s' },
  ]
}

function scan(store: TraceStore, run: number): number {
  const began = performance.now()
  let seen = 0
  for (const window of store.events.eventsInRange(run, { fromNs: 0, toNs: Infinity, kinds: [] })) seen += window.count
  return seen / ((performance.now() - began) / 1000)
}

function encoding(chunks: EventChunk[]): BenchResult[] {
  const rate = (recording: boolean) => {
    const rates: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const before = process.cpuUsage()
      for (const chunk of chunks) encodeChunk(chunk, 0, recording)
      const { user, system } = process.cpuUsage(before)
      if (round > 0) rates.push(eventsOf(chunks) / ((user + system) / 1e6))
    }
    return median(rates)
  }
  return [
    { name: 'encode', value: rate(true), unit: 'events per s of processor time' },
    { name: 'digest-only', value: rate(false), unit: 'events per s of processor time' },
  ]
}

function size(directory: string, chunks: EventChunk[]): BenchResult {
  const file = path.join(directory, 'size.sqlite')
  const bytesWith = (events: readonly EventChunk[]) => {
    const store = TraceStore.open(file)
    const run = store.createRun(someRun())
    const encoder = new EventEncoder(true)
    for (const chunk of events) store.appendEvents(run, encoder.add(chunk))
    store.finishRun(run, someEnd())
    store.close()
    return statSync(file).size
  }
  const before = bytesWith([])
  return { name: 'bytes-per-event', value: (bytesWith(chunks) - before) / eventsOf(chunks), unit: 'bytes' }
}

/** The baseline: the same events as one SQLite row each, in one transaction. */
function rowByRow(directory: string, chunks: EventChunk[]): number {
  const sqlite = new Database(path.join(directory, 'rows.sqlite'))
  sqlite.pragma('journal_mode = WAL')
  sqlite.exec(`CREATE TABLE events (${eventColumns.map(({ name }) => `${name} INTEGER`).join(', ')}) STRICT`)
  const insert = sqlite.prepare(`INSERT INTO events VALUES (${eventColumns.map(() => '?').join(', ')})`)
  const began = performance.now()
  sqlite.transaction(() => {
    for (const chunk of chunks) {
      const columns = chunkArrays(chunk)
      for (let row = 0; row < chunk.count; row++) insert.run(...columns.map((column) => column[row]))
    }
  })()
  const seconds = (performance.now() - began) / 1000
  sqlite.close()
  return eventsOf(chunks) / seconds
}

/** The run as a person starts it, recorded and not, in turn. */
async function overhead(directory: string): Promise<BenchResult> {
  const workbench = await createWorkbench({
    workspace: path.join(directory, 'workspace'),
    host: 'command',
    seed: false,
  })
  try {
    const { job } = await workbench.request('workloads.import', {
      ...{ path: traceFile(), format: '', name: 'program', limit: 0, eventsPerReference: 1 },
    })
    await new Promise<void>((resolve, reject) => {
      workbench.on('job', (notice) => {
        if (notice.job !== job || notice.state === 'running') return
        if (notice.state === 'finished') resolve()
        else reject(new Error(notice.error ?? notice.state))
      })
    })
    const file = {
      name: 'recording',
      machine: { footprintPercent: 10 },
      swap: { devices: [{ image: 'swap.img', create: '256 MiB', timing: { model: 'ssd' } }] },
      contents: 'none',
      processes: [{ workload: { name: 'program' } }],
    }
    const seconds = { on: [] as number[], off: [] as number[] }
    for (let round = 0; round <= OVERHEAD_ROUNDS; round++) {
      for (const record of [false, true]) {
        const ended = await runToEnd(workbench, () =>
          workbench.request('runs.start', { file, record, startPaused: false }),
        )
        if (ended.status !== 'finished') throw new Error(`a run ended as ${ended.status}: ${ended.problem ?? ''}`)
        if (round > 0) seconds[record ? 'on' : 'off'].push(ended.totals.seconds)
      }
    }
    const ratio = median(seconds.on.map((on, round) => on / seconds.off[round]!))
    return { name: 'record-overhead', value: ratio, unit: 'ratio', baseline: median(seconds.off), ratio }
  } finally {
    await workbench.close()
  }
}

const CHART = ['faults', 'swapins', 'swapouts', 'freePages', 'swapUsed']

async function reading(directory: string, events: number, isKept: boolean): Promise<BenchResult[]> {
  const { file, run, pages } = await longRun(events, isKept ? tmpdir() : directory)
  const { endTimeNs, totals } = withStore(file, (store) => store.runs.detail(run))
  const charts = Array.from({ length: ROUNDS }, () => {
    const began = performance.now()
    withStore(file, (store) => store.samples.query(run, { fromNs: 0, toNs: endTimeNs, buckets: 1024, columns: CHART }))
    return performance.now() - began
  })
  const threads = ['one', 'another'].map(
    (name) => new ThreadClient<QueryCalls>(threadUrls.query, `${name} query thread`, { data: { database: file } }),
  )
  const [thread, helper] = threads
  if (!thread || !helper) throw new Error('there are no query threads')
  await Promise.all(threads.map((each) => each.call('isEmpty')))
  const histories: number[] = []
  const firsts: number[] = []
  for (const place of pages)
    for (const { limit, times } of [
      { limit: 40, times: firsts },
      { limit: 1000, times: histories },
    ]) {
      const began = performance.now()
      await pageHistory(thread, () => helper, { id: run, ...place, limit })
      times.push(performance.now() - began)
    }
  await Promise.all(threads.map((each) => each.end()))
  return [
    { name: 'first-chart-ms', value: median(charts), unit: 'ms' },
    { name: 'page-history-ms', value: Math.max(...histories), unit: 'ms' },
    { name: 'page-history-first-ms', value: Math.max(...firsts), unit: 'ms' },
    { name: 'page-history-median-ms', value: median(histories), unit: 'ms' },
    { name: 'long-run-events', value: totals.events, unit: 'events' },
    { name: 'long-run-bytes-per-event', value: statSync(file).size / totals.events, unit: 'bytes, samples too' },
  ]
}

function withStore<T>(file: string, body: (store: TraceStore) => T): T {
  const store = TraceStore.open(file, { readOnly: true })
  try {
    return body(store)
  } finally {
    store.close()
  }
}
