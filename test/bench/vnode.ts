/**
 * Speed of the vnode pagers' read path: each kernel's pager gets the pages of a file of 256 MiB in order, 32 in a call, against plain
 * reads of the same file in calls of 128 KiB, always into the same 32 frames; both compare each page whole with what it must be. A device without latency, so that only
 * our own work is timed, in processor time. Rounds are interleaved and the fastest of nine counts: what else runs only adds to it.
 *
 *   pagein-freebsd, pagein-dragonfly, pagein-netbsd   pages per second
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { Columns } from '../../engine/sim/columns.ts'
import { Machine } from '../../engine/sim/machine.ts'
import { Counter } from '../../engine/sim/metrics.ts'
import { testExperiment } from '../../engine/sim/testing.ts'
import { Contents } from '../../engine/vm/contents.ts'
import { DragonflyFiles } from '../../engine/vnode/dragonfly/adapter.ts'
import { DragonflyPageFlag } from '../../engine/vnode/dragonfly/pageOperations.ts'
import { filePagerNames, type FilePager, type FilePagerName } from '../../engine/vnode/filePager.ts'
import { FreebsdFiles } from '../../engine/vnode/freebsd/adapter.ts'
import { NetbsdFiles } from '../../engine/vnode/netbsd/adapter.ts'
import { RequestFlag } from '../../engine/vnode/netbsd/host.ts'
import { NO_PAGE } from '../../engine/vnode/netbsd/pageStates.ts'
import type { Operation } from '../../engine/vnode/operation.ts'
import { generateWorkload } from '../../engine/workload/generators/index.ts'
import type { BenchResult } from './result.ts'

const ROUNDS = 9
const PAGES = 65536
const CALL_PAGES = 32
/** RAM: a small part of the file, so that pages are taken again and again. */
const FRAMES = 1024

export function bench(): Promise<BenchResult[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-bench-'))
  try {
    const image = path.join(folder, 'file.img')
    createImage(image, PAGES * 4096, { preallocate: true })
    const seconds = new Map<FilePagerName, number[]>(filePagerNames.map((name) => [name, []]))
    const plain: number[] = []
    // once each, so that the code is compiled and the file is in the host's memory
    for (const name of filePagerNames) readThrough(name, image)
    readPlain(image)
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(readPlain(image))
      for (const name of filePagerNames) seconds.get(name)!.push(readThrough(name, image))
    }
    return Promise.resolve(
      filePagerNames.map((name) => {
        const own = seconds.get(name)!
        return {
          name: `pagein-${name}`,
          value: PAGES / Math.min(...own),
          unit: 'pages/s',
          baseline: PAGES / Math.min(...plain),
          ratio: Math.min(...plain) / Math.min(...own),
        }
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Seconds that a pager takes to get all pages of the file, 32 in a call, and to free them. */
function readThrough(name: FilePagerName, image: string): number {
  const [reader] = generateWorkload('sequential', { pages: PAGES, referencesPerPage: 1, writeFraction: 0 }).processes
  const experiment = testExperiment({
    streams: [reader!],
    frames: FRAMES,
    change: (change) => {
      change.untouched = 'file'
      change.files = {
        pager: name,
        image: null,
        mapping: 'private',
        named: [],
        blockSize: 65536,
        syncerSeconds: 0,
        nbuf: 0,
        hirunningspace: 1048576,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  })
  const store = RawImage.open(image, 'write')
  const machine = new Machine({
    experiment,
    processes: [{ name: 'reader', stream: reader! }],
    stores: [],
    makeFileStore: () => store,
    trace: { take: (chunk) => chunk },
    samples: { take: () => {} },
    messages: () => {},
  })
  const taken = timed(() => new Reader(machine).readAll())
  const read = machine.totals()[Counter.bytesVerified]!
  store.close()
  if (read !== PAGES * 4096) throw new Error(`${name}: ${read} bytes were read, not each of the file's once`)
  return taken
}

/**
 * Somebody who reads the only file of a machine once, in order, and frees what is passed. Methods, not closures: what has been compiled
 * for one machine serves the next.
 */
class Reader {
  readonly #machine: Machine
  readonly #pager: FilePager
  readonly #object: number
  readonly #vnode: number
  readonly #frames = new Int32Array(CALL_PAGES)
  /** Pages before this one are freed. */
  #passed = 0

  constructor(machine: Machine) {
    this.#machine = machine
    this.#pager = machine.files!.pager
    this.#object = machine.regions.object[0]!
    this.#vnode = machine.pages.handle[this.#object]!
  }

  readAll(): void {
    const pager = this.#pager
    for (let first = 0; first < PAGES; first += CALL_PAGES) {
      if (pager instanceof FreebsdFiles) this.#getRow(pager, first)
      else if (pager instanceof DragonflyFiles) this.#getRowThroughCache(pager, first)
      else if (pager instanceof NetbsdFiles) this.#getRange(pager, first)
      this.#freePassed(first + CALL_PAGES)
    }
  }

  #getRow(files: FreebsdFiles, first: number): void {
    const { pages } = this.#machine
    const frames = this.#frames
    for (let i = 0; i < CALL_PAGES; i++) frames[i] = pages.allocate(this.#object, first + i)
    run(files.pager.getPages(this.#object, frames, 0))
    this.#machine.releaseBusy(frames[0]!)
  }

  /** The buffer cache reads ahead: what it has brought is not asked for again, but for a page that says that it is time to read on. */
  #getRowThroughCache(files: DragonflyFiles, first: number): void {
    const machine = this.#machine
    const { pages } = machine
    const object = this.#object
    const frames = this.#frames
    let missing = 0
    for (let i = 0; i < CALL_PAGES; i++) {
      const frame = pages.lookup(object, first + i)
      if (frame < 0) frames[missing++] = pages.allocate(object, first + i)
      else if (files.mustAsk(frame)) {
        pages.exclusiveBusy[frame] = 1
        pages.kernelFlags[frame]! &= ~DragonflyPageFlag.readAheadMark
        run(files.pager.getPage(object, frame, true))
        machine.releaseBusy(frame)
      }
    }
    if (missing === 0) return
    run(files.pager.genericGetPages(this.#vnode, frames.subarray(0, missing), missing * 4096, 0, true))
    machine.releaseBusy(frames[0]!)
  }

  #getRange(files: NetbsdFiles, first: number): void {
    const frames = this.#frames
    frames.fill(NO_PAGE)
    run(
      files.pager.getPages(this.#vnode, {
        offset: first * 4096,
        count: CALL_PAGES,
        center: 0,
        isWrite: false,
        flags: RequestFlag.syncIo,
        frames,
      }),
    )
    files.pager.unbusyPages(frames)
  }

  /** What is passed is freed, in order, as soon as no buffer holds it. */
  #freePassed(before: number): void {
    const { pages } = this.#machine
    for (; this.#passed < before; this.#passed++) {
      const frame = pages.lookup(this.#object, this.#passed)
      if (pages.wired[frame] !== 0) return
      this.#machine.freePage(frame)
    }
  }
}

/** Runs an operation that has nothing to wait for. */
function run(operation: Operation<unknown>): void {
  const step = operation.next()
  if (step.done !== true) throw new Error(`waits for ${step.value.on} on a device that takes no time`)
}

/** Seconds of the plain reads, each page made anew and compared, as a machine does. */
function readPlain(image: string): number {
  const contents = new Contents(new Columns(), { frames: CALL_PAGES, slots: PAGES, seed: 1, isReal: true })
  const base = contents.allocateSlots(PAGES)
  contents.version.fill(1, base, base + PAGES)
  const bytes = new Uint8Array(contents.view(0).buffer, 0, CALL_PAGES * 4096)
  const file = openSync(image, 'r')
  let equal = 0
  const taken = timed(() => {
    for (let page = 0; page < PAGES; page += CALL_PAGES) {
      readSync(file, bytes, 0, bytes.length, page * 4096)
      for (let i = 0; i < CALL_PAGES; i++) if (contents.isAsExpected(i, base + page + i)) equal += 1
    }
  })
  closeSync(file)
  if (equal !== PAGES) throw new Error(`${PAGES - equal} pages of the file are not as they must be`)
  return taken
}

function timed(work: () => void): number {
  const started = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(started)
  return (user + system) / 1e6
}
