/**
 * Workloads for the three vnode pagers, made of references and verbs only: scans, stores through mappings, calls on files, holes,
 * growth, devices that fail, little memory. The coverage report runs them all.
 */
import type { InjectedFault } from '../../engine/sim/experiment.ts'
import { runToEnd, testMachine, type TestMachineOptions } from '../../engine/sim/testing.ts'
import type { Machine } from '../../engine/sim/machine.ts'
import { MemoryStore } from '../../engine/ufs/testing.ts'
import { Queue } from '../../engine/vm/pages.ts'
import { filePagerNames, type FilePagerName } from '../../engine/vnode/filePager.ts'
import { DeviceVolume } from '../../engine/vnode/volume.ts'
import { FIRST_PAGE_NUMBER } from '../../engine/workload/generators/generator.ts'
import { generateWorkload } from '../../engine/workload/generators/index.ts'
import type { Verb, VerbAction } from '../../engine/workload/verbs.ts'

const PAGE = 4096
const FILE = { file: 'log' } as const

interface Workload {
  name: string
  generator?: [string, Record<string, number>]
  verbs?: Verb[]
  /** Of a second process, which makes the same references. */
  other?: Verb[]
  frames?: number
  mapping?: 'private' | 'shared'
  untouched?: 'zero' | 'file'
  blockSize?: number
  /** Of the file that verbs know, bytes: at the start and at the most. */
  bytes?: number
  mostBytes?: number
  /** How many others there are, of the same size. */
  otherFiles?: number
  syncerSeconds?: number
  timing?: string
  /** Of the page daemon: a plain policy instead of FreeBSD's. */
  policy?: 'lru' | 'clock'
  nbuf?: number
  faults?: Omit<InjectedFault, 'device'>[]
  /** The file is the device. */
  isDevice?: boolean
  /** Under this kernel a failed write loses data, which ends the run when they are read again. */
  losesData?: FilePagerName
}

const first = (...verbs: VerbAction[]): Verb[] => verbs.map((verb) => ({ ...verb, at: 0 }))
const read = (offset: number, bytes: number): VerbAction => ({ verb: 'file-read', ...FILE, offset, bytes })
const write = (offset: number, bytes: number, isSync = false): VerbAction => ({
  verb: 'file-write',
  ...FILE,
  offset,
  bytes,
  isSync,
})
const readDirect = (offset: number, bytes: number): VerbAction => ({
  verb: 'file-read',
  ...FILE,
  offset,
  bytes,
  isDirect: true,
})
const writeDirect = (offset: number, bytes: number): VerbAction => ({
  verb: 'file-write',
  ...FILE,
  offset,
  bytes,
  isSync: false,
  isDirect: true,
})
const send = (offset: number, bytes: number): VerbAction => ({
  verb: 'file-send',
  ...FILE,
  offset,
  bytes,
  bytesPerSecond: 20e6,
})
const truncate = (bytes: number): VerbAction => ({ verb: 'file-truncate', ...FILE, bytes })
const sync: VerbAction = { verb: 'file-sync', ...FILE }
const life = (verb: 'file-open' | 'file-close' | 'file-unlink' | 'file-reclaim'): VerbAction => ({ verb, ...FILE })
const map = (pages: number, page = 0): VerbAction => ({
  verb: 'file-map',
  ...FILE,
  page: FIRST_PAGE_NUMBER + page,
  pages,
  offset: page,
})
const fault = (direction: 'read' | 'write', fromRequest: number, count: number, errno = 5) => ({
  direction,
  fromRequest,
  count,
  errno,
})

const workloads: Workload[] = [
  { name: 'scan', generator: ['sequential', { pages: 900, referencesPerPage: 1 }], untouched: 'file' },
  {
    name: 'scan with room',
    generator: ['sequential', { pages: 300, referencesPerPage: 1 }],
    frames: 1000,
    untouched: 'file',
  },
  {
    name: 'scan of a device that takes no time',
    generator: ['sequential', { pages: 300, referencesPerPage: 1 }],
    timing: 'instant',
    untouched: 'file',
  },
  {
    name: 'stores, skewed',
    generator: ['zipf', { pages: 600, references: 12000, writeFraction: 0.3 }],
    mapping: 'shared',
    syncerSeconds: 0.02,
  },
  {
    name: 'stores on a disk with heads',
    generator: ['uniform', { pages: 600, references: 3000, writeFraction: 0.5 }],
    mapping: 'shared',
    syncerSeconds: 0.1,
    timing: 'hdd',
    frames: 250,
  },
  {
    name: 'stores under a plain policy',
    generator: ['uniform', { pages: 500, references: 5000, writeFraction: 0.5 }],
    mapping: 'shared',
    policy: 'lru',
    frames: 200,
  },
  {
    name: 'stores in small blocks',
    generator: ['uniform', { pages: 400, references: 4000, writeFraction: 0.3 }],
    mapping: 'shared',
    blockSize: 4096,
    frames: 250,
  },
  {
    name: 'mapping over holes, cut under it, and at its end',
    generator: ['uniform', { pages: 60, references: 4000, writeFraction: 0.4 }],
    bytes: 20 * PAGE + 700,
    mostBytes: 64 * PAGE,
    verbs: [
      ...first(truncate(60 * PAGE - 100), map(60), read(0, 60 * PAGE)),
      { at: 1000, ...sync },
      { at: 1500, ...truncate(12 * PAGE + 1000) },
      { at: 1500, ...truncate(60 * PAGE) },
      { at: 2500, ...write(3 * PAGE + 10, 9 * PAGE) },
      { at: 3000, verb: 'sync' },
    ],
  },
  {
    name: 'references beyond the end of the file',
    generator: ['sequential', { pages: 40, referencesPerPage: 1, writeFraction: 0.5 }],
    bytes: 10 * PAGE,
    mostBytes: 40 * PAGE,
    verbs: first(map(40)),
  },
  {
    name: 'calls',
    bytes: 50 * PAGE + 1,
    mostBytes: 400 * PAGE,
    verbs: first(
      write(5000, 20000),
      read(0, 50 * PAGE),
      write(50 * PAGE, 3, true),
      write(60 * PAGE + 5, 200 * PAGE),
      read(0, 260 * PAGE),
      read(30 * PAGE, 10),
      sync,
      truncate(100 * PAGE + 17),
      truncate(330 * PAGE),
      read(90 * PAGE, 240 * PAGE),
      truncate(0),
      write(0, 64 * PAGE),
      write(0, 64 * PAGE),
      { verb: 'sync' },
      // there is no more room
      write(399 * PAGE, 3 * PAGE),
      truncate(500 * PAGE),
    ),
  },
  {
    name: 'direct calls',
    bytes: 50 * PAGE + 1,
    mostBytes: 100 * PAGE,
    verbs: first(
      readDirect(0, 60 * PAGE),
      writeDirect(512, 40 * PAGE),
      readDirect(0, 40 * PAGE),
      write(3000, 5000),
      writeDirect(7, 9 * PAGE),
      truncate(90 * PAGE),
      // over holes, and beyond the end
      readDirect(40 * PAGE, 48 * PAGE),
      writeDirect(40 * PAGE, 60 * PAGE),
      read(0, 100 * PAGE),
      writeDirect(8 * PAGE, 8 * PAGE),
      map(8),
      readDirect(0, 16 * PAGE),
    ),
  },
  {
    name: 'direct calls that fail',
    bytes: 50 * PAGE,
    mostBytes: 50 * PAGE,
    verbs: first(
      write(0, 8 * PAGE),
      writeDirect(0, 8 * PAGE),
      readDirect(8 * PAGE, 16 * PAGE),
      readDirect(0, 50 * PAGE),
    ),
    faults: [fault('write', 0, 1, 12), fault('write', 1, 1), fault('read', 0, 1)],
  },
  {
    name: 'calls with few buffers',
    bytes: 100 * PAGE,
    mostBytes: 200 * PAGE,
    nbuf: 4,
    frames: 250,
    verbs: first(write(0, 90 * PAGE), read(0, 100 * PAGE), write(100 * PAGE, 100 * PAGE), sync, read(0, 200 * PAGE)),
  },
  {
    name: 'reads that fail',
    generator: ['sequential', { pages: 200, referencesPerPage: 2 }],
    untouched: 'file',
    faults: [fault('read', 2, 2), fault('read', 9, 1), fault('read', 12, 30)],
  },
  {
    name: 'calls whose reads fail',
    bytes: 100 * PAGE,
    mostBytes: 100 * PAGE,
    verbs: first(read(0, 100 * PAGE), write(7, 5000), truncate(50 * PAGE + 3), read(0, 50 * PAGE), sync),
    faults: [fault('read', 0, 4), fault('read', 6, 1)],
  },
  {
    name: 'writes that fail',
    generator: ['uniform', { pages: 400, references: 6000, writeFraction: 0.4 }],
    mapping: 'shared',
    syncerSeconds: 0.05,
    frames: 250,
    faults: [fault('write', 2, 3), fault('write', 20, 2, 12), fault('write', 40, 2, 28)],
    losesData: 'netbsd',
  },
  {
    name: 'calls whose writes fail',
    bytes: 10 * PAGE,
    mostBytes: 200 * PAGE,
    verbs: first(write(0, 5000, true), sync, write(0, 100 * PAGE), sync, write(100, 100, true)),
    faults: [fault('write', 0, 1), fault('write', 3, 1, 12)],
  },
  {
    name: 'locked, advised, unmapped and forked',
    generator: ['uniform', { pages: 100, references: 4000, writeFraction: 0.3 }],
    bytes: 100 * PAGE,
    mostBytes: 100 * PAGE,
    frames: 260,
    syncerSeconds: 0.05,
    verbs: [
      ...first(map(100), { verb: 'lock', page: FIRST_PAGE_NUMBER + 10, pages: 20 }, sync),
      { at: 1000, verb: 'madvise', page: FIRST_PAGE_NUMBER, pages: 50, advice: 'willneed' },
      { at: 1200, verb: 'madvise', page: FIRST_PAGE_NUMBER, pages: 50, advice: 'dontneed' },
      { at: 1500, ...truncate(15 * PAGE + 100) },
      { at: 1500, ...truncate(100 * PAGE) },
      { at: 2000, verb: 'unlock', page: FIRST_PAGE_NUMBER + 10, pages: 20 },
      { at: 3000, verb: 'unmap', page: FIRST_PAGE_NUMBER + 50, pages: 50 },
    ],
  },
  {
    name: 'a file that ends within a page',
    generator: ['uniform', { pages: 31, references: 600, writeFraction: 0.3 }],
    bytes: 30 * PAGE + 700,
    mostBytes: 64 * PAGE,
    verbs: [...first(map(31)), { at: 300, ...sync }],
  },
  {
    name: 'fsync of a mapping that fails',
    generator: ['uniform', { pages: 40, references: 2000, writeFraction: 0.5 }],
    bytes: 40 * PAGE,
    mostBytes: 40 * PAGE,
    verbs: [...first(map(40)), { at: 500, ...sync }, { at: 1000, ...sync }, { at: 1500, ...sync }],
    faults: [fault('write', 0, 2)],
  },
  {
    name: 'two who share a file, one of whom cuts it, makes it longer and syncs',
    generator: ['uniform', { pages: 200, references: 3000, writeFraction: 0.4 }],
    bytes: 200 * PAGE,
    mostBytes: 220 * PAGE,
    frames: 260,
    syncerSeconds: 0.003,
    verbs: first(map(200)),
    other: [
      ...first(map(200), read(0, 200 * PAGE)),
      ...[200, 600, 1000, 1400].flatMap((at) => [
        { at, ...truncate((at / 10) * PAGE + 77) },
        { at: at + 1, ...truncate(200 * PAGE) },
        { at: at + 100, ...write(50 * PAGE, 100 * PAGE) },
        { at: at + 200, ...sync },
        { at: at + 250, ...read(0, 200 * PAGE) },
      ]),
    ],
  },
  {
    name: 'faults while a file is cut, made longer and synced all the time',
    generator: ['uniform', { pages: 200, references: 1200, writeFraction: 0.4 }],
    bytes: 200 * PAGE,
    frames: 400,
    timing: 'hdd',
    syncerSeconds: 0.002,
    verbs: first(map(200)),
    other: [
      ...first(map(200)),
      ...Array.from({ length: 40 }, (_, i) => 20 * i).flatMap((at) => [
        { at, ...truncate((190 - at / 10) * PAGE + 77) },
        { at, ...truncate(200 * PAGE) },
        { at, ...write(0, 40 * PAGE) },
        { at, ...sync },
      ]),
    ],
  },
  {
    name: 'one reads and writes what another cuts off',
    bytes: 200 * PAGE,
    mostBytes: 200 * PAGE,
    frames: 300,
    timing: 'hdd',
    verbs: first(read(0, 200 * PAGE), write(0, 100 * PAGE), read(0, 200 * PAGE), write(0, 100 * PAGE, true)),
    other: first(truncate(20 * PAGE + 5), truncate(200 * PAGE), sync, truncate(90 * PAGE), truncate(200 * PAGE)),
  },
  {
    name: 'files that are closed, removed and taken away',
    bytes: 200 * PAGE,
    mapping: 'shared',
    generator: ['zipf', { pages: 60, references: 3000, writeFraction: 0.4 }],
    untouched: 'file',
    verbs: [
      ...first(
        map(40),
        write(0, 90 * PAGE),
        life('file-reclaim'),
        life('file-open'),
        read(0, 100 * PAGE),
        write(0, 5000),
      ),
      ...[life('file-close'), life('file-reclaim'), life('file-open'), map(30), map(20, 10)].map((verb) => ({
        ...verb,
        at: 800,
      })),
      { at: 1200, verb: 'file-unmount', isForced: true },
      { at: 1500, verb: 'file-mount' },
      ...[life('file-open'), map(30), life('file-unlink'), life('file-close')].map((verb) => ({ ...verb, at: 1500 })),
      { at: 2500, verb: 'unmap', page: FIRST_PAGE_NUMBER, pages: 60 },
    ],
    other: first(
      life('file-open'),
      read(0, 20 * PAGE),
      life('file-reclaim'),
      sync,
      life('file-open'),
      life('file-close'),
    ),
  },
  {
    name: 'a suspended file system',
    bytes: 200 * PAGE,
    mapping: 'shared',
    frames: 200,
    generator: ['uniform', { pages: 300, references: 6000, writeFraction: 0.5 }],
    untouched: 'file',
    syncerSeconds: 0.01,
    verbs: [
      ...first(map(40), write(0, 90 * PAGE)),
      { at: 2000, verb: 'file-suspend', seconds: 0.05 },
      ...[write(0, 5 * PAGE), truncate(50 * PAGE), sync].map((verb) => ({ ...verb, at: 2500 })),
    ],
    other: [
      { at: 2200, ...write(0, 60 * PAGE, true) },
      { at: 2300, ...sync },
      { at: 2300, ...read(0, 60 * PAGE) },
    ],
  },
  {
    name: 'files that are sent, written and taken away meanwhile',
    bytes: 200 * PAGE,
    frames: 250,
    timing: 'hdd',
    verbs: first(send(100, 0), write(0, 50 * PAGE), send(0, 90 * PAGE), life('file-open'), send(0, 0)),
    other: first(
      read(150 * PAGE, PAGE),
      truncate(120 * PAGE + 5),
      truncate(200 * PAGE),
      send(0, 60 * PAGE),
      life('file-reclaim'),
    ),
    faults: [fault('read', 20, 1)],
  },
  {
    name: 'many files, all read at a time',
    bytes: 20 * PAGE,
    otherFiles: 70,
    frames: 800,
    verbs: first(
      read(0, 20 * PAGE),
      ...Array.from({ length: 70 }, (_, i): VerbAction => ({
        verb: 'file-read',
        file: `other ${i}`,
        offset: 0,
        bytes: 20 * PAGE,
      })),
      { verb: 'file-unmount', isForced: true },
    ),
  },
  {
    name: 'the device itself',
    isDevice: true,
    verbs: first(read(0, 40 * PAGE), write(3 * PAGE, 5 * PAGE, true), write(100, 100), sync, map(8)),
  },
]

/** Runs all of them under each pager; those that ended otherwise than they should, each in a line. */
export function runVnodeWorkloads(): string[] {
  return filePagerNames.flatMap((pager) =>
    workloads
      .filter(({ isDevice }) => isDevice !== true || pager !== 'freebsd')
      .flatMap((workload) => {
        const { status, problem } = runOne(pager, workload)
        return status === (workload.losesData === pager ? 'failed' : 'finished') &&
          (status === 'failed' || problem === null)
          ? []
          : [`${pager}, ${workload.name}: ${status}, ${problem ?? 'without a problem'}`]
      }),
  )
}

/** Pages that nobody has busy or wired, and that can never be taken. */
function pagesOnNoQueue({ pages }: Machine): number {
  let count = 0
  for (let frame = 0; frame < pages.frames; frame++)
    if (pages.queue[frame] === Queue.none && !pages.isBusy(frame) && pages.wired[frame] === 0) count += 1
  return count
}

function namedFiles(bytes: number, { mostBytes = bytes, otherFiles = 0 }: Workload) {
  const others = Array.from({ length: otherFiles }, (_, i) => ({ name: `other ${i}`, bytes, mostBytes: bytes }))
  return [{ name: FILE.file, bytes, mostBytes }, ...others]
}

function runOne(pager: FilePagerName, workload: Workload): { status: string; problem: string | null } {
  const { generator = ['sequential', { pages: 8, referencesPerPage: 1 }], bytes } = workload
  const stream = generateWorkload(generator[0], { writeFraction: 0, ...generator[1] }).processes[0]!
  const devicePages = 256
  const store = new MemoryStore(new Uint8Array(devicePages * PAGE))
  const options: TestMachineOptions = {
    streams: workload.other === undefined ? [stream] : [stream, stream],
    frames: workload.frames ?? 400,
    swapPages: [1024],
    timing: workload.timing ?? 'ssd',
    verbs: [workload.verbs ?? [], workload.other ?? []],
    fileSource:
      workload.isDevice === true
        ? {
            volume: new DeviceVolume(devicePages),
            store,
            file: 0,
            isDevice: true,
            name: FILE.file,
            readAll: () => new Uint8Array(devicePages * PAGE),
          }
        : undefined,
    change: (experiment) => {
      experiment.untouched = workload.untouched ?? 'zero'
      experiment.daemon.policy = workload.policy ?? 'freebsd'
      experiment.faults = (workload.faults ?? []).map((each) => ({ ...each, device: 'files' as const }))
      experiment.onSignal = 'continue'
      experiment.files = {
        pager,
        image: workload.isDevice === true ? { name: 'device', partition: null, path: '', mode: 'write-through' } : null,
        mapping: workload.mapping ?? 'private',
        named: bytes === undefined ? [] : namedFiles(bytes, workload),
        blockSize: workload.blockSize ?? 16384,
        syncerSeconds: workload.syncerSeconds ?? 30,
        nbuf: workload.nbuf ?? 0,
        hirunningspace: 262144,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  }
  const under = testMachine(options)
  const { machine } = under
  // a machine that is looked at goes on from a keyframe
  machine.run(1500)
  if (machine.canSave) machine.restore(machine.save())
  const status = runToEnd(machine)
  const lost = pagesOnNoQueue(machine)
  const problem = lost > 0 ? `${lost} pages are on no queue, where no daemon finds them` : machine.problem
  under.close()
  return { status, problem }
}
