/** Runs of a real program that the engine makes for the store's benchmark: one to take its events from, one of many events. */
import { createHash } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { inlining } from '../../electron/service/inlining.ts'
import { EventEncoder } from '../../db/eventEncoder.ts'
import { migrations } from '../../db/migrations/index.ts'
import { batchOf } from '../../db/sampleBatch.ts'
import { someEnd, someRun } from '../../db/testing.ts'
import { TraceStore } from '../../db/traceStore.ts'
import { zeroTotals } from '../../db/types.ts'
import { NullStore } from '../../engine/disk/blockStore.ts'
import { newEventChunk } from '../../engine/sim/events.ts'
import type { EventChunk } from '../../engine/sim/events.ts'
import { Machine } from '../../engine/sim/machine.ts'
import type { SampleSink } from '../../engine/sim/sampler.ts'
import { testExperiment } from '../../engine/sim/testing.ts'
import { importTrace } from '../../engine/workload/importers/index.ts'
import { memoryStream } from '../../engine/workload/streamFile.ts'
import type { ProcessStream } from '../../engine/workload/workload.ts'

// as the engine's thread does
for (const flag of inlining) setFlagsFromString(flag)

const SWAP_PAGES = 65536
const BUCKET_NS = 100_000_000

/** As much of an experiment as a window needs to show the run. */
const experimentFile = {
  name: 'A program over and over',
  processes: [{ name: 'cc1', workload: { generator: 'loop', parameters: {} } }],
}

export function traceFile(): string {
  const full = path.join(process.env['PAGER_TRACES'] ?? '', 'cc1-O2.pgt.zst')
  return existsSync(full) ? full : path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst')
}

/** The events of the program in 10 % of its footprint, under FreeBSD's daemon. */
export async function recordedEvents(): Promise<EventChunk[]> {
  const chunks: EventChunk[] = []
  const take = (chunk: EventChunk) => {
    if (chunk.count > 0) chunks.push(chunk)
    return newEventChunk()
  }
  runAll(await programStream(1), { take }, { take: () => undefined }, Infinity)
  return chunks
}

export interface LongRun {
  file: string
  run: number
  /** Pages that are asked for often and seldom. */
  pages: { object: number; page: number }[]
}

/** The same program over and over, until it has made `events` events; one that `folder` has already is taken as it is. */
export async function longRun(events: number, folder: string): Promise<LongRun> {
  const file = path.join(folder, `pager-bench-long-${events}-${fingerprint()}.sqlite`)
  if (!existsSync(file)) await makeLongRun(events, file)
  const store = TraceStore.open(file, { readOnly: true })
  try {
    const [info] = store.runs.list()
    if (!info) throw new Error(`${file} has no run; remove it`)
    return { file, run: info.id, pages: pagesOf(store, info.id) }
  } finally {
    store.close()
  }
}

/** Of what a kept run is made of besides its events: one of an earlier version is not taken for one of this. */
function fingerprint(): string {
  return createHash('sha256')
    .update(JSON.stringify([migrations.length, BUCKET_NS, experimentFile]))
    .digest('hex')
    .slice(0, 8)
}

async function makeLongRun(events: number, file: string): Promise<void> {
  const draft = `${file}.${process.pid}`
  const store = TraceStore.open(draft)
  try {
    const run = store.createRun(someRun({ bucketNs: BUCKET_NS, file: experimentFile }))
    const encoder = new EventEncoder(true)
    const take = (chunk: EventChunk) => {
      if (chunk.count > 0) store.appendEvents(run, encoder.add(chunk))
      return chunk
    }
    const samples: SampleSink = { take: (rows, count) => store.appendSamples(run, batchOf(rows, count)) }
    const machine = runAll(await programStream(1 + Math.ceil(events / 100_000)), { take }, samples, events)
    const totals = { ...zeroTotals(run), events: encoder.events, traceDigest: encoder.finish(), status: 'finished' as const }
    store.finishRun(run, someEnd({ totals, endTimeNs: machine.virtualNs }))
    store.close()
    renameSync(draft, file)
  } finally {
    store.close()
    for (const ending of ['', '-wal', '-shm']) rmSync(`${draft}${ending}`, { force: true })
  }
}

function runAll(
  stream: ProcessStream,
  trace: { take: (chunk: EventChunk) => EventChunk },
  samples: SampleSink,
  events: number,
): Machine {
  const experiment = testExperiment({
    streams: [stream],
    frames: Math.floor(stream.pageCount / 10),
    swapPages: [SWAP_PAGES],
    timing: 'ssd',
    contents: 'none',
    change: (each) => {
      each.untouched = 'file'
      each.machine.nsPerReference = 1
      each.sampling.bucketNs = BUCKET_NS
    },
  })
  const machine = new Machine({
    experiment,
    processes: [{ name: stream.name, stream }],
    stores: [new NullStore(SWAP_PAGES)],
    makeFileStore: (pages) => new NullStore(pages),
    trace,
    samples,
    messages: () => undefined,
  })
  while (machine.run(1_000_000) === 'running' && machine.eventCount < events);
  machine.finish()
  return machine
}

/** The program's stream, `times` times over. */
async function programStream(times: number): Promise<ProcessStream> {
  const [stream] = (await importTrace(traceFile())).processes
  if (!stream) throw new Error(`${traceFile()} has no process`)
  const once = stream.referenceCount
  const references = new Uint32Array(once)
  const reader = stream.open()
  for (let at = 0; at < once;) {
    const view = reader.read(at)
    references.set(view, at)
    at += view.length
  }
  const plain = memoryStream(stream.name, references, stream.pageNumbers)
  return {
    ...plain,
    referenceCount: once * times,
    open: () => {
      const one = plain.open()
      return { read: (ordinal) => (ordinal < once * times ? one.read(ordinal % once) : one.read(once)) }
    },
  }
}

/** Pages that events name: some of the first, of the middle and of the last. */
function pagesOf(store: TraceStore, run: number): LongRun['pages'] {
  const { events } = store.runs.get(run).totals
  const filter = { fromNs: 0, toNs: Infinity, kinds: ['fault'], offset: 0, limit: 40 }
  const found = [0, 0.5, 0.95].flatMap((share) => {
    const window = store.events.query(run, { ...filter, fromEvent: Math.floor(events * share) })
    return Array.from(window.kind.keys(), (row) => ({ object: window.object[row] ?? 0, page: window.page[row] ?? 0 }))
  })
  return found.filter((_, i) => i % 10 === 0)
}
