import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { filePagerNames, type FilePagerName } from '../vnode/filePager.ts'
import { FIRST_PAGE_NUMBER } from '../workload/generators/generator.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import { importTrace } from '../workload/importers/index.ts'
import type { VerbAction } from '../workload/verbs.ts'
import type { ProcessStream } from '../workload/workload.ts'
import type { Experiment, FilesExperiment, InjectedFault } from './experiment.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine, type TestMachineOptions } from './testing.ts'

let demo: ProcessStream
beforeAll(async () => {
  demo = (await importTrace(path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst'))).processes[0]!
})

function withFiles(pager: FilePagerName, change: Partial<FilesExperiment> = {}) {
  return (experiment: Experiment) => {
    experiment.untouched = 'file'
    experiment.files = {
      pager,
      image: null,
      mapping: 'private',
      named: [],
      blockSize: 16384,
      syncerSeconds: 30,
      nbuf: 0,
      hirunningspace: 1048576,
      maxphys: 131072,
      maxdio: 65536,
      ...change,
    }
  }
}

function generated(name: string, parameters: Record<string, number>): ProcessStream {
  return generateWorkload(name, parameters).processes[0]!
}

function onFiles(pager: FilePagerName, more: Partial<TestMachineOptions> & { files?: Partial<FilesExperiment> }) {
  return testMachine({
    streams: [demo],
    frames: Math.floor(demo.pageCount / 4),
    swapPages: [8192],
    timing: 'ssd',
    change: withFiles(pager, more.files),
    ...more,
  })
}

describe.each(filePagerNames)("%s's vnode pager under a machine", (pager) => {
  test('goes on from a keyframe as it did, with transfers on their way where nobody waits for them', () => {
    const under = onFiles(pager, {
      streams: [generated('sequential', { pages: 4000, referencesPerPage: 64, writeFraction: 0 })],
      frames: 1500,
    })
    const { machine } = under
    const files = machine.files!
    // a kernel whose read-ahead is asked for and forgotten has some on its way when nothing waits; the others' always have an owner
    const isWanted = () => machine.canSave && (pager !== 'netbsd' || files.device.inFlight > 0)
    machine.run(100_000)
    for (let i = 0; i < 20_000 && !isWanted(); i++) machine.run(1)
    expect(isWanted()).toBe(true)
    const { references } = machine
    const keyframe = machine.save()
    const inFlight = files.device.inFlight
    const after = (): string => {
      expect([runToEnd(machine), machine.problem]).toEqual(['finished', null])
      const totals = machine.totals()
      expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
      return `${[...totals].join(' ')} ${machine.virtualNs} ${machine.eventCount} ${JSON.stringify(files.pager.ownCounters())}`
    }
    const first = after()
    machine.restore(keyframe)
    expect([machine.references, files.device.inFlight]).toEqual([references, inFlight])
    expect(after()).toBe(first)
    under.close()
  })

  test('a process that is spawned has files of its own, and memory that is mapped anew is zero', () => {
    const writer = generated('loop', { pages: 40, references: 400, writeFraction: 1, seed: 1 })
    const reader = generated('sequential', { pages: 300, referencesPerPage: 2, writeFraction: 0 })
    const under = onFiles(pager, {
      streams: [writer, reader],
      frames: 400,
      verbs: [
        [
          { at: 100, verb: 'map', page: FIRST_PAGE_NUMBER, pages: 40, object: '', offset: 0 },
          { at: 200, verb: 'spawn', child: 1 },
          { at: 200, verb: 'wait', child: 1 },
        ],
        [],
      ],
    })
    try {
      const { machine } = under
      expect([runToEnd(machine), machine.problem]).toEqual(['finished', null])
      const totals = machine.totals()
      expect(totals[Counter.references]).toBe(1000)
      expect(totals[Counter.zeroFills]).toBe(80)
      expect(totals[Counter.vnodePagesIn]).toBeGreaterThanOrEqual(300)
      expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
      expect(machine.pager.reservation.reserved).toBe(0)
    } finally {
      under.close()
    }
  })

  test('reads the pages that the demo trace never writes, and each byte is what the file has', () => {
    const under = onFiles(pager, {})
    expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
    const totals = under.machine.totals()
    expect(totals[Counter.references]).toBe(demo.referenceCount)
    expect(totals[Counter.vnodeins]).toBeGreaterThan(100)
    expect(totals[Counter.vnodePagesIn]).toBeGreaterThanOrEqual(totals[Counter.vnodeins]!)
    expect(totals[Counter.vnodeouts]).toBe(0)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    under.close()
  })

  test.each(['freebsd', 'lru', 'clock'] as const)(
    'writes what stores through a shared mapping have dirtied, under the daemon %s, and reads it again as it was',
    (policy) => {
      const under = onFiles(pager, {
        streams: [generated('zipf', { pages: 600, references: 20000, writeFraction: 0.3 })],
        frames: 300,
        swapPages: [],
        policy,
        files: { mapping: 'shared', syncerSeconds: 0.02 },
      })
      expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
      const totals = under.machine.totals()
      expect(totals[Counter.vnodeouts]).toBeGreaterThan(10)
      expect(totals[Counter.bytesRead]).toBeGreaterThan(300 * 4096)
      expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
      expect(totals[Counter.swapouts]).toBe(0)
      under.close()
    },
  )
})

test('a machine that has no room for a block beyond its reserve is refused', () => {
  const small = () =>
    onFiles('netbsd', {
      streams: [generated('uniform', { pages: 200, references: 100 })],
      frames: 50,
      swapPages: [],
      files: { mapping: 'shared', blockSize: 65536 },
    })
  expect(small).toThrow(/8 are left beyond v_free_reserved \(42\).* a block of a file takes 16/)
})

describe.each(filePagerNames)('calls on files under %s', (pager) => {
  interface Calls {
    /** Of a second process. */
    other?: VerbAction[]
    faults?: InjectedFault[]
  }

  /** One process that makes a few references and, before the first of them, these calls on a file of 10 pages that may grow to 40. */
  function withCalls(verbs: VerbAction[], frames = 400, bytes = 40000, more: Calls = {}) {
    const stream = generated('sequential', { pages: 8, referencesPerPage: 1 })
    return testMachine({
      streams: more.other === undefined ? [stream] : [stream, stream],
      frames,
      swapPages: [],
      timing: 'ssd',
      verbs: [verbs, more.other ?? []].map((each) => each.map((verb) => ({ ...verb, at: 0 }))),
      change: (experiment) => {
        withFiles(pager, { named: [{ name: 'log', bytes, mostBytes: 40 * 4096 }] })(experiment)
        experiment.faults = more.faults ?? []
      },
    })
  }

  test('what was written is read back, from memory and, after the pages are gone, from the device', () => {
    const under = withCalls([
      { verb: 'file-write', file: 'log', offset: 5000, bytes: 20000, isSync: false },
      { verb: 'file-read', file: 'log', offset: 0, bytes: 40000 },
      { verb: 'file-sync', file: 'log' },
      { verb: 'file-write', file: 'log', offset: 100, bytes: 50, isSync: true },
      { verb: 'file-read', file: 'log', offset: 0, bytes: 40000 },
    ])
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    const totals = under.machine.totals()
    expect(totals[Counter.vnodeouts]).toBeGreaterThan(0)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    under.close()
  })

  test('a file grows over a hole and at its end, and is cut in the middle of a page', () => {
    const under = withCalls([
      { verb: 'file-write', file: 'log', offset: 39000, bytes: 30000, isSync: false },
      { verb: 'file-truncate', file: 'log', bytes: 150000 },
      { verb: 'file-read', file: 'log', offset: 0, bytes: 150000 },
      { verb: 'file-write', file: 'log', offset: 140000, bytes: 100, isSync: false },
      { verb: 'file-truncate', file: 'log', bytes: 41000 },
      { verb: 'file-sync', file: 'log' },
      { verb: 'file-truncate', file: 'log', bytes: 90000 },
      { verb: 'file-read', file: 'log', offset: 0, bytes: 90000 },
      { verb: 'sync' },
    ])
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    expect(under.machine.files!.volume.sizeBytes(0)).toBe(90000)
    under.close()
  })

  test('direct reads and writes move the bytes between the device and the process, and ordinary ones agree with them', () => {
    const file = 'log'
    const under = withCalls([
      { verb: 'file-read', file, offset: 0, bytes: 40000, isDirect: true },
      // aligned, in the middle of pages, over what is in memory dirty, unaligned, over a hole and beyond the end
      { verb: 'file-write', file, offset: 4096, bytes: 8192, isSync: false, isDirect: true },
      { verb: 'file-write', file, offset: 1024, bytes: 9728, isSync: false, isDirect: true },
      { verb: 'file-write', file, offset: 12288, bytes: 9000, isSync: false },
      { verb: 'file-write', file, offset: 14336, bytes: 4096, isSync: false, isDirect: true },
      { verb: 'file-read', file, offset: 512, bytes: 30000, isDirect: true },
      { verb: 'file-write', file, offset: 20001, bytes: 12000, isSync: true, isDirect: true },
      { verb: 'file-truncate', file, bytes: 120000 },
      { verb: 'file-write', file, offset: 32768, bytes: 49152, isSync: false, isDirect: true },
      { verb: 'file-write', file, offset: 110592, bytes: 20480, isSync: false, isDirect: true },
      { verb: 'file-read', file, offset: 0, bytes: 131072 },
      { verb: 'file-read', file, offset: 0, bytes: 131072, isDirect: true },
    ])
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    const totals = under.machine.totals()
    expect(totals[Counter.bytesWritten]).toBeGreaterThan(100000)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    under.close()
  })

  test('what was read directly takes no memory', () => {
    const bytes = 40 * 4096
    const resident = (isDirect: boolean) => {
      const under = withCalls([{ verb: 'file-read', file: 'log', offset: 0, bytes, isDirect }], 400, bytes)
      expect(runToEnd(under.machine)).toBe('finished')
      const { pages } = under.machine
      const pagesOfFile = pages.residentPages[under.machine.files!.named.get('log')!]!
      under.close()
      return pagesOfFile
    }
    expect([resident(false), resident(true)]).toEqual([40, 0])
  })

  test('one process writes directly what another one reads, cuts and maps', () => {
    const file = 'log'
    const bytes = 40 * 4096
    const mine = Array.from({ length: 6 }, (_, i): VerbAction => ({
      verb: 'file-write',
      file,
      offset: i * 4096,
      bytes: bytes - i * 8192,
      isSync: i % 2 === 0,
      isDirect: true,
    }))
    const other: VerbAction[] = [
      { verb: 'file-read', file, offset: 0, bytes },
      { verb: 'file-write', file, offset: 30000, bytes: 60000, isSync: false },
      { verb: 'file-truncate', file, bytes: 100000 },
      { verb: 'file-truncate', file, bytes },
      { verb: 'file-read', file, offset: 0, bytes, isDirect: true },
      { verb: 'file-map', page: FIRST_PAGE_NUMBER, pages: 8, file, offset: 2 },
    ]
    const under = withCalls(mine, 400, bytes, { other })
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    under.close()
  })

  test('a direct transfer that fails goes through pages', () => {
    const file = 'log'
    const verbs: VerbAction[] = [
      { verb: 'file-write', file, offset: 512, bytes: 32768, isSync: false, isDirect: true },
      { verb: 'file-sync', file },
      { verb: 'file-read', file, offset: 0, bytes: 32768, isDirect: true },
    ]
    const faults: InjectedFault[] = [{ device: 'files', direction: 'write', errno: 5, fromRequest: 0, count: 1 }]
    const under = withCalls(verbs, 400, 40000, { faults })
    expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
    const totals = under.machine.totals()
    expect(totals[Counter.ioErrors]).toBe(1)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    under.close()
  })

  test.skipIf(pager === 'dragonfly').each(['freebsd', 'lru', 'clock'] as const)(
    'what writes and stores while the file system is suspended goes on when it is resumed, under the daemon %s',
    (policy) => {
      const file = 'log'
      const stream = generated('uniform', { pages: 300, references: 6000, writeFraction: 0.5 })
      const under = testMachine({
        streams: [stream, stream],
        frames: 250,
        swapPages: [],
        policy,
        timing: 'ssd',
        verbs: [
          [{ at: 2000, verb: 'file-suspend', seconds: 2 }],
          [
            { at: 2500, verb: 'file-write', file, offset: 0, bytes: 100000, isSync: true },
            { at: 3000, verb: 'file-truncate', file, bytes: 5000 },
            { at: 3500, verb: 'file-read', file, offset: 0, bytes: 5000 },
          ],
        ],
        change: withFiles(pager, {
          mapping: 'shared',
          syncerSeconds: 0.5,
          named: [{ name: file, bytes: 40000, mostBytes: 163840 }],
        }),
      })
      const { machine } = under
      // requests that were on their way when it was suspended may end
      let writesBefore = -1
      for (let beforeNs = 1e7; machine.run(Infinity, { beforeNs }) === 'running'; beforeNs += 1e7) {
        const { pager: own, device } = machine.files!
        if (!own.isSuspended || (writesBefore < 0 && device.inFlight > 0)) continue
        const writes = machine.totals()[Counter.vnodePagesOut]!
        if (writesBefore < 0) writesBefore = writes
        expect(writes).toBe(writesBefore)
      }
      expect(writesBefore).toBeGreaterThanOrEqual(0)
      expect([runToEnd(machine), machine.problem, under.messages]).toEqual(['finished', null, []])
      expect(machine.now).toBeGreaterThan(2e9)
      const totals = under.machine.totals()
      expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
      under.close()
    },
  )

  test('what is written beyond a hole is on the device, wherever in a block it begins', () => {
    const file = 'log'
    const under = withCalls(
      [
        { verb: 'file-truncate', file, bytes: 40000 },
        { verb: 'file-write', file, offset: 100000, bytes: 9000, isSync: true },
        { verb: 'file-read', file, offset: 98304, bytes: 10240, isDirect: true },
        { verb: 'file-reclaim', file },
        { verb: 'file-open', file },
        { verb: 'file-read', file, offset: 0, bytes: 109000 },
      ],
      400,
      163840,
    )
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    under.close()
  })

  test('files that are read and no more leave no page where no daemon finds it', () => {
    const reads: VerbAction[] = [0, 1, 2].map(() => ({ verb: 'file-read', file: 'log', offset: 0, bytes: 163840 }))
    const under = withCalls(reads, 400, 163840)
    expect([runToEnd(under.machine), under.machine.problem]).toEqual(['finished', null])
    const { pages } = under.machine
    for (let frame = 0; frame < pages.frames; frame++)
      if (pages.wired[frame] === 0) expect(pages.queue[frame]).toBeGreaterThan(0)
    under.close()
  })

  test('a file longer than memory is written and read in order', () => {
    const bytes = 40 * 4096
    const under = withCalls(
      [
        { verb: 'file-write', file: 'log', offset: 0, bytes, isSync: false },
        { verb: 'file-read', file: 'log', offset: 0, bytes },
        { verb: 'file-read', file: 'log', offset: 0, bytes },
      ],
      90,
      0,
    )
    expect([runToEnd(under.machine), under.machine.problem, under.messages]).toEqual(['finished', null, []])
    under.close()
  })
})
