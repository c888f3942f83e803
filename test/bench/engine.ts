/**
 * Speed of the whole engine: references that hit, faults that move real bytes, faults that are only counted.
 *
 *   hits            references per second, cc1-O2 (the full trace where PAGER_TRACES has it, else the demo trace) with RAM
 *                   above its footprint, trace chunks and samples taken
 *   faults-moved    faults per second, uniform random over 4 times RAM, half of them writes, no read-ahead, real bytes on a
 *                   preallocated image; baseline: a bare loop that makes the same system calls, fills and comparisons
 *   faults-counted  the same without contents; -fastest is the best of the pieces whose median that is: what a neighbour on the same processor
 *                   takes is less there
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { inlining } from '../../electron/service/inlining.ts'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { NullStore } from '../../engine/disk/blockStore.ts'
import { newEventChunk } from '../../engine/sim/events.ts'
import type { DaemonName, Experiment } from '../../engine/sim/experiment.ts'
import { Machine } from '../../engine/sim/machine.ts'
import { Counter } from '../../engine/sim/metrics.ts'
import { Columns } from '../../engine/sim/columns.ts'
import { testExperiment } from '../../engine/sim/testing.ts'
import { Contents } from '../../engine/vm/contents.ts'
import { generateWorkload } from '../../engine/workload/generators/index.ts'
import { importTrace } from '../../engine/workload/importers/index.ts'
import { memoryStream } from '../../engine/workload/streamFile.ts'
import type { ProcessStream } from '../../engine/workload/workload.ts'
import { median, type BenchResult } from './result.ts'

/** Rounds that count; one more goes before them, in which the code is compiled. */
const ROUNDS = 5

// as the engine's thread does
for (const flag of inlining) setFlagsFromString(flag)

export async function bench(): Promise<BenchResult[]> {
  // An engine's thread runs one machine. Here others that have run before spoil the compiler's picture of it: what depends on that most
  // comes first.
  const countedFaults = counted()
  const movedFaults = moved()
  return [await hits(), ...movedFaults, ...countedFaults]
}

interface Run {
  seconds: number
  machine: Machine
}

function newMachine(experiment: Experiment, stream: ProcessStream, store: RawImage | NullStore): Machine {
  let spare = newEventChunk()
  return new Machine({
    experiment,
    processes: [{ name: stream.name, stream }],
    stores: [store],
    makeFileStore: (pages) => new NullStore(pages),
    // whoever takes a chunk gives one back that has been written
    trace: {
      take: (chunk) => {
        const given = spare
        spare = chunk
        return given
      },
    },
    samples: { take: () => undefined },
    messages: () => undefined,
  })
}

function runMachine(experiment: Experiment, stream: ProcessStream, store: RawImage | NullStore): Run {
  const machine = newMachine(experiment, stream, store)
  const started = process.hrtime.bigint()
  runToEnd(machine)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  return { seconds, machine }
}

/** Runs a machine to its end. */
function runToEnd(machine: Machine): void {
  while (machine.run(10_000_000) === 'running');
  machine.finish()
  if (machine.status !== 'finished') throw new Error(`the run ended as ${machine.status}: ${machine.problem ?? ''}`)
}

/** The median of all values but the first, which is that of the round in which the code is compiled. */
const afterFirst = (values: readonly number[]) => median(values.slice(1))

async function hits(): Promise<BenchResult> {
  const full = path.join(process.env['PAGER_TRACES'] ?? '', 'cc1-O2.pgt.zst')
  const file = existsSync(full) ? full : path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst')
  const stream = (await importTrace(file)).processes[0]!
  // references in memory as they are while a stored chunk is decoded ahead of the engine
  const references = new Uint32Array(stream.referenceCount)
  const reader = stream.open()
  for (let at = 0; at < references.length;) {
    const view = reader.read(at)
    references.set(view, at)
    at += view.length
  }
  const plain = memoryStream(stream.name, references, stream.pageNumbers)
  const rates: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const experiment = testExperiment({
      streams: [plain],
      frames: stream.pageCount + 1000,
      swapPages: [1000],
      contents: 'none',
    })
    rates.push(stream.referenceCount / runMachine(experiment, plain, new NullStore(1000)).seconds)
  }
  return { name: 'hits', value: afterFirst(rates), unit: 'references/s' }
}

const FRAMES = 1024
const FOOTPRINT = 4 * FRAMES
/** System calls make a moved fault five times as long. */
const MOVED_REFERENCES = 300_000
const COUNTED_REFERENCES = 1_500_000
/** After so many times those references, all code of the fault path has come to its last state. */
const COMPILING_PIECES = 3

function randomStream(references: number): ProcessStream {
  return generateWorkload('uniform', { pages: FOOTPRINT, references, writeFraction: 0.5, seed: 7 }).processes[0]!
}

function experimentOf(contents: 'verify' | 'none', policy: DaemonName): Experiment {
  return testExperiment({
    streams: [],
    frames: FRAMES,
    policy,
    swapPages: [2 * FOOTPRINT],
    isPlain: true,
    contents,
    change: (experiment) => {
      experiment.daemon.pageoutCluster = 1
    },
  })
}

/** Real bytes, and the bare loop that does the same to the image, in turn. */
function moved(): BenchResult[] {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-bench-'))
  try {
    const image = path.join(folder, 'swap.img')
    createImage(image, 2 * FOOTPRINT * 4096, { preallocate: true })
    const stream = randomStream(MOVED_REFERENCES)
    const engine: number[] = []
    const bare: number[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      let store = RawImage.open(image, 'write')
      const { seconds, machine } = runMachine(experimentOf('verify', 'clock'), stream, store)
      store.close()
      const totals = machine.totals()
      engine.push(totals[Counter.faults]! / seconds)
      store = RawImage.open(image, 'write')
      bare.push(totals[Counter.faults]! / bareLoop(store, totals[Counter.swapins]!, totals[Counter.pagesOut]!))
      store.close()
    }
    return [
      {
        name: 'faults-moved',
        value: afterFirst(engine),
        unit: 'faults/s',
        baseline: afterFirst(bare),
        ratio: afterFirst(engine.map((rate, i) => rate / bare[i]!)),
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `reads` page reads with comparison and `writes` page writes with filling, at random places; its seconds. */
function bareLoop(store: RawImage, reads: number, writes: number): number {
  const contents = new Contents(new Columns(), { frames: FRAMES, slots: FOOTPRINT, seed: 1, isReal: true })
  contents.allocateSlots(FOOTPRINT)
  contents.version.fill(1)
  const views = Array.from({ length: FRAMES }, (_, frame) => contents.view(frame))
  const buffers: Uint8Array[] = [views[0]!]
  // every page is there before it is read
  for (let slot = 0; slot < FOOTPRINT; slot++) {
    contents.fill(0, slot)
    store.writePages(slot + 2, buffers, 1)
  }
  let random = 12345
  const started = process.hrtime.bigint()
  const total = reads + writes
  let written = 0
  for (let i = 0; i < total; i++) {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0
    const slot = random % FOOTPRINT
    const frame = random % FRAMES
    buffers[0] = views[frame]!
    if (written * total < writes * (i + 1)) {
      written += 1
      contents.fill(frame, slot)
      store.writePages(slot + 2, buffers, 1)
    } else {
      store.readPages(slot + 2, buffers, 1)
      if (!contents.isAsExpected(frame, slot)) throw new Error('the bare loop read other bytes than it wrote')
    }
  }
  return Number(process.hrtime.bigint() - started) / 1e9
}

/** One machine, as an engine's thread has one: its references in pieces of equal length, of which the first ones are those in which the code is compiled. */
function counted(): BenchResult[] {
  const stream = randomStream(COUNTED_REFERENCES * (COMPILING_PIECES + ROUNDS))
  const machine = newMachine(experimentOf('none', 'clock'), stream, new NullStore(2 * FOOTPRINT))
  const rates: number[] = []
  for (let piece = 0; piece < COMPILING_PIECES + ROUNDS; piece++) {
    const faultsBefore = machine.counters[Counter.faults]!
    const started = process.hrtime.bigint()
    machine.run(COUNTED_REFERENCES)
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    rates.push((machine.counters[Counter.faults]! - faultsBefore) / seconds)
  }
  runToEnd(machine)
  const counted = rates.slice(COMPILING_PIECES)
  return [
    { name: 'faults-counted', value: median(counted), unit: 'faults/s' },
    { name: 'faults-counted-fastest', value: Math.max(...counted), unit: 'faults/s' },
  ]
}
