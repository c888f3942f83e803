/**
 * Aids for tests and benchmarks of the machine: an experiment with every field filled in, and a machine on images in a
 * temporary folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { NullStore, type BlockStore } from '../disk/blockStore.ts'
import { createImage, RawImage } from '../disk/rawImage.ts'
import type { PagerVariant } from '../swap/variant.ts'
import type { Verb } from '../workload/verbs.ts'
import type { ProcessStream } from '../workload/workload.ts'
import { chunkArrays, type EventChunk } from './events.ts'
import type { DaemonName, Experiment } from './experiment.ts'
import { Machine } from './machine.ts'
import type { FileSource } from './machineFiles.ts'
import type { MachineMessage } from './messages.ts'
import { createHash } from 'node:crypto'

export interface TestMachineOptions {
  streams: readonly ProcessStream[]
  /** Of each process. */
  verbs?: readonly (readonly Verb[])[]
  fileSource?: FileSource | undefined
  frames: number
  policy?: DaemonName
  /** Pages of each swap device. */
  swapPages?: readonly number[]
  timing?: string
  /** Thresholds 0, clusters of 1, no read-ahead: as plain as a replacement simulator. */
  isPlain?: boolean
  contents?: 'verify' | 'none'
  change?: (experiment: Experiment) => void
  variant?: PagerVariant | undefined
}

export interface TestMachine {
  machine: Machine
  experiment: Experiment
  messages: MachineMessage[]
  /** Chunks of events as they were handed out, copied. */
  chunks: EventChunk[]
  samples: Float64Array[]
  /** SHA-256 over the events so far. */
  digest(): string
  imagePaths: string[]
  /** Closes the images and removes their folder. */
  close(): void
}

export function testExperiment(options: TestMachineOptions): Experiment {
  const { isPlain = false, policy = 'freebsd', timing = 'instant', swapPages = [] } = options
  const threshold = isPlain ? 0 : null
  const experiment: Experiment = {
    name: 'test',
    seed: 1,
    machine: { frames: options.frames, wired: 0, cpus: 1, quantum: 10000, nsPerReference: 10 },
    daemon: {
      policy,
      freeReserved: threshold,
      freeMin: threshold,
      freeTarget: threshold,
      inactiveTarget: threshold,
      pageoutCluster: isPlain ? 1 : 32,
    },
    paging: { readCluster: isPlain ? 0 : 16, readAheadMax: isPlain ? 0 : 31 },
    swap: {
      devices: swapPages.map((_, number) => ({
        image: `swap${number}`,
        createPages: 0,
        partition: null,
        kind: 'disk',
        timing: { model: timing, parameters: {} },
        mode: 'overlay',
        swapon: true,
        force: false,
      })),
      overcommit: 0,
      asyncMax: 4,
      bufferCount: 256,
      lowWater: 128,
      highWater: 512,
      maxZoneBytes: 0,
    },
    repaired: [],
    users: [],
    onSignal: 'die',
    untouched: 'zero',
    files: null,
    fileTiming: { model: timing, parameters: {} },
    contents: options.contents ?? 'verify',
    sampling: { bucketNs: 1_000_000 },
    faults: [],
    interventions: [],
  }
  options.change?.(experiment)
  return experiment
}

export function testMachine(options: TestMachineOptions): TestMachine {
  const experiment = testExperiment(options)
  const isReal = experiment.contents === 'verify'
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-machine-'))
  const open: BlockStore[] = []
  const imagePaths: string[] = []
  const makeStore = (name: string, pages: number): BlockStore => {
    if (!isReal) return new NullStore(pages)
    const file = path.join(folder, name)
    imagePaths.push(file)
    createImage(file, pages * 4096)
    const store = RawImage.open(file, 'write')
    open.push(store)
    return store
  }
  const messages: MachineMessage[] = []
  const chunks: EventChunk[] = []
  const samples: Float64Array[] = []
  const machine = new Machine({
    experiment,
    processes: options.streams.map((stream, process) => ({
      name: stream.name,
      stream,
      verbs: options.verbs?.[process] ?? [],
    })),
    stores: (options.swapPages ?? []).map((pages, number) => makeStore(`swap${number}.img`, pages)),
    makeFileStore: (pages) => makeStore('files.img', pages),
    trace: {
      take(chunk) {
        chunks.push(copyChunk(chunk))
        return chunk
      },
    },
    samples: {
      take(rows, count) {
        samples.push(rows.slice(0, (rows.length / 256) * count))
      },
    },
    messages: (message) => messages.push(message),
    variant: options.variant,
    fileSource: options.fileSource,
  })
  return {
    machine,
    experiment,
    messages,
    chunks,
    samples,
    digest() {
      const hash = createHash('sha256')
      for (const chunk of chunks)
        for (const array of chunkArrays(chunk))
          hash.update(new Uint8Array(array.buffer, array.byteOffset, chunk.count * array.BYTES_PER_ELEMENT))
      return hash.digest('hex')
    },
    imagePaths,
    close() {
      for (const store of open) store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Runs a machine to its end. */
export function runToEnd(machine: Machine): string {
  let status
  do status = machine.run(1_000_000)
  while (status === 'running')
  machine.finish()
  return status
}

function copyChunk(chunk: EventChunk): EventChunk {
  return {
    count: chunk.count,
    time: chunk.time.slice(0, chunk.count),
    kind: chunk.kind.slice(0, chunk.count),
    process: chunk.process.slice(0, chunk.count),
    object: chunk.object.slice(0, chunk.count),
    page: chunk.page.slice(0, chunk.count),
    pages: chunk.pages.slice(0, chunk.count),
    device: chunk.device.slice(0, chunk.count),
    block: chunk.block.slice(0, chunk.count),
    duration: chunk.duration.slice(0, chunk.count),
    detail: chunk.detail.slice(0, chunk.count),
  }
}
