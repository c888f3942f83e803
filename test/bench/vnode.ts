/**
 * Speed of the vnode pagers' read path: a machine reads a file of 256 MiB page by page in order, through each kernel's pager, against
 * plain reads of the same file in calls of 128 KiB; both compare each page whole with what it must be. A device without latency, so
 * that only our own work is timed. Rounds are interleaved, each figure is the median of five.
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
import { filePagerNames, type FilePagerName } from '../../engine/vnode/filePager.ts'
import { generateWorkload } from '../../engine/workload/generators/index.ts'
import type { BenchResult } from './result.ts'

const ROUNDS = 5
const PAGES = 65536
const CALL_PAGES = 32
/** RAM: an eighth of the file, so that pages are taken again and again. */
const FRAMES = 8192

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
          value: PAGES / median(own),
          unit: 'pages/s',
          baseline: PAGES / median(plain),
          ratio: median(plain.map((time, round) => time / own[round]!)),
        }
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Seconds that a machine takes to read the file; its making, and that of the file's contents, is not counted. */
function readThrough(pager: FilePagerName, image: string): number {
  const [process] = generateWorkload('sequential', { pages: PAGES, referencesPerPage: 1, writeFraction: 0 }).processes
  const experiment = testExperiment({
    streams: [process!],
    frames: FRAMES,
    change: (change) => {
      change.untouched = 'file'
      change.files = {
        pager,
        image: null,
        mapping: 'private',
        blockSize: 65536,
        syncerSeconds: 30,
        nbuf: 0,
        hirunningspace: 1048576,
        maxphys: 131072,
      }
    },
  })
  const store = RawImage.open(image, 'write')
  const machine = new Machine({
    experiment,
    processes: [{ name: 'reader', stream: process! }],
    stores: [],
    makeFileStore: () => store,
    trace: { take: (chunk) => chunk },
    samples: { take: () => {} },
    messages: () => {},
  })
  const taken = timed(() => {
    while (machine.run(1 << 20) === 'running');
  })
  const read = machine.totals()[Counter.bytesVerified]!
  store.close()
  if (machine.status !== 'finished' || read < PAGES * 4096)
    throw new Error(`${pager}: ${machine.status}, ${read} bytes were read: ${machine.problem ?? ''}`)
  return taken
}

/** Seconds of the plain reads, each page made anew and compared, as a machine does. */
function readPlain(image: string): number {
  const contents = new Contents(new Columns(), CALL_PAGES, 1, true)
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
  const started = process.hrtime.bigint()
  work()
  return Number(process.hrtime.bigint() - started) / 1e9
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
