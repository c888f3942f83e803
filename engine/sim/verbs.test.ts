import { afterEach, describe, expect, test } from 'vitest'
import { memoryStream } from '../workload/streamFile.ts'
import type { Verb } from '../workload/verbs.ts'
import { ReferenceKind, type ProcessStream } from '../workload/workload.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine, type TestMachine, type TestMachineOptions } from './testing.ts'

const open: TestMachine[] = []
afterEach(() => {
  for (const machine of open.splice(0)) machine.close()
})

function machineOf(options: TestMachineOptions): TestMachine {
  const made = testMachine(options)
  open.push(made)
  return made
}

/** A stream over page numbers 0..pages-1: each reference [page, kind]. */
function streamOf(name: string, pages: number, references: readonly (readonly [number, number])[]): ProcessStream {
  const data = Uint32Array.from(references, ([page, kind]) => (page << 2) | kind)
  return memoryStream(
    name,
    data,
    Float64Array.from({ length: pages }, (_, page) => page),
  )
}

const { read, write } = ReferenceKind
const sweep = (pages: number, kind: number, from = 0): [number, number][] =>
  Array.from({ length: pages }, (_, page) => [from + page, kind])

/** Everything was given back: frames, blocks, metadata, reservation, objects. */
function expectNothingLeft({ machine }: TestMachine): void {
  const { pages, pager } = machine
  expect(pages.freeCount).toBe(pages.frames)
  expect(pager.devices.usedPages).toBe(0)
  expect(pager.metadata.nodesInUse).toBe(0)
  expect(pager.reservation.reserved).toBe(0)
  expect(pages.objectCount).toBe(0)
  expect(machine.regions.count).toBe(0)
}

describe('fork', () => {
  test('shares memory until somebody writes: reads of the child fault softly, its writes copy', () => {
    const under = machineOf({
      streams: [streamOf('parent', 8, sweep(8, write)), streamOf('child', 8, [...sweep(8, read), ...sweep(4, write)])],
      verbs: [
        [
          { at: 8, verb: 'fork', child: 1 },
          { at: 8, verb: 'wait', child: 1 },
        ],
        [],
      ],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.forks]).toBe(1)
    expect(totals[Counter.zeroFills]).toBe(8)
    expect(totals[Counter.copyOnWriteFaults]).toBe(4)
    expect(totals[Counter.references]).toBe(20)
    expectNothingLeft(under)
  })

  test('the parent copies when it writes first; what only the child still sees is written in place', () => {
    const under = machineOf({
      streams: [
        streamOf('parent', 8, [...sweep(8, write), ...sweep(8, write)]),
        streamOf('child', 8, [...sweep(8, write)]),
      ],
      // the parent writes all and ends before the child has its turn
      verbs: [[{ at: 8, verb: 'fork', child: 1 }], []],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.copyOnWriteFaults]).toBe(8)
    expect(totals[Counter.softFaults]).toBe(8)
    expectNothingLeft(under)
  })

  test('a process that is spawned begins there, with memory of its own and files to read, and is waited for', () => {
    const run = (verbs: Verb[]) => {
      const under = machineOf({
        streams: [
          streamOf('parent', 8, [...sweep(8, write), ...sweep(8, write)]),
          streamOf('child', 16, [...sweep(8, write), ...sweep(8, read, 8), ...sweep(8, read)]),
        ],
        verbs: [verbs, []],
        frames: 64,
        policy: 'fifo',
        isPlain: true,
        change: (experiment) => (experiment.untouched = 'file'),
      })
      expect(runToEnd(under.machine)).toBe('finished')
      expectNothingLeft(under)
      return under.machine.totals()
    }
    const totals = run([
      { at: 8, verb: 'spawn', child: 1 },
      { at: 8, verb: 'wait', child: 1 },
    ])
    expect(totals[Counter.copyOnWriteFaults]).toBe(0)
    expect(totals[Counter.forks]).toBe(0)
    expect(totals[Counter.zeroFills]).toBe(16)
    expect(totals[Counter.vnodePagesIn]).toBe(8)
    expect(totals[Counter.references]).toBe(40)
    // a parent that exits before never begins it
    const never = run([
      { at: 8, verb: 'exit' },
      { at: 9, verb: 'spawn', child: 1 },
    ])
    expect(never[Counter.references]).toBe(8)
    expect(never[Counter.vnodePagesIn]).toBe(0)
  })

  test('a chain of forks is collapsed when its middle ends: no page is lost and none kept for nobody', () => {
    const pages = 40
    const under = machineOf({
      streams: [
        streamOf('a', pages, [...sweep(pages, write), ...sweep(pages, read)]),
        streamOf('b', pages, [...sweep(pages, write)]),
        streamOf('c', pages, [...sweep(20, write), ...sweep(pages, read)]),
      ],
      verbs: [
        [
          { at: pages, verb: 'fork', child: 1 },
          { at: pages, verb: 'wait', child: 1 },
        ],
        [{ at: 20, verb: 'fork', child: 2 }],
        [],
      ],
      frames: 32,
      policy: 'clock',
      swapPages: [400],
      isPlain: true,
      change: (experiment) => {
        experiment.machine.quantum = 7
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.swapins]).toBeGreaterThan(0)
    expect(totals[Counter.collapses]! + totals[Counter.bypasses]!).toBeGreaterThan(0)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    expectNothingLeft(under)
  })

  test('one that cannot be promised its swap fails with ENOMEM, and what it took by force is given back', () => {
    const pages = 64
    const under = machineOf({
      streams: [
        streamOf('parent', pages, [...sweep(pages, write), ...sweep(pages, read)]),
        streamOf('child', pages, sweep(pages, write)),
      ],
      verbs: [[{ at: pages, verb: 'fork', child: 1 }], []],
      frames: 128,
      swapPages: [100],
      policy: 'fifo',
      isPlain: true,
      change: (experiment) => {
        experiment.swap.overcommit = 1
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.machine.totals()[Counter.forks]).toBe(0)
    expect(under.messages.map((message) => message.id)).toContain('call-failed')
    // the parent's own regions stay charged for the copy that they will never make: released with them
    expectNothingLeft(under)
  })
})

describe('ranges', () => {
  test('what is unmapped is gone, and a reference to it is a signal that a process may survive', () => {
    const under = machineOf({
      streams: [streamOf('p', 30, [...sweep(30, write), ...sweep(30, read)])],
      verbs: [[{ at: 30, verb: 'unmap', page: 10, pages: 10 }]],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
      change: (experiment) => {
        experiment.onSignal = 'continue'
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter((message) => message.id === 'process-signal')).toHaveLength(10)
    expect(under.machine.totals()[Counter.references]).toBe(60)
    expectNothingLeft(under)
  })

  test('the hole of an unmapping gives its pages, blocks and promise back at once; the end of an object shortens it', () => {
    const under = machineOf({
      streams: [streamOf('p', 30, [...sweep(30, write), [0, read]])],
      verbs: [[{ at: 30, verb: 'unmap', page: 20, pages: 10 }]],
      frames: 16,
      swapPages: [100],
      policy: 'fifo',
      isPlain: true,
    })
    const { machine } = under
    machine.run(30)
    const before = machine.pager.devices.usedPages + machine.pages.frames - machine.pages.freeCount
    expect(machine.pager.reservation.reserved).toBe(30)
    machine.run(1)
    expect(machine.pager.reservation.reserved).toBe(20)
    expect(
      before - (machine.pager.devices.usedPages + machine.pages.frames - machine.pages.freeCount),
    ).toBeGreaterThanOrEqual(9)
    expect(runToEnd(machine)).toBe('finished')
    expectNothingLeft(under)
  })

  test('new memory over old is zero again', () => {
    const under = machineOf({
      streams: [streamOf('p', 20, [...sweep(20, write), ...sweep(20, read)])],
      verbs: [[{ at: 20, verb: 'map', page: 5, pages: 10, object: '', offset: 0 }]],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.machine.totals()[Counter.zeroFills]).toBe(30)
    expectNothingLeft(under)
  })

  test('a page without the right to write is a signal for a write only', () => {
    const under = machineOf({
      streams: [streamOf('p', 10, [...sweep(10, write), ...sweep(10, read), ...sweep(10, write), ...sweep(10, write)])],
      verbs: [
        [
          { at: 10, verb: 'protect', page: 0, pages: 5, access: 'read' },
          { at: 30, verb: 'protect', page: 0, pages: 5, access: 'write' },
        ],
      ],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
      change: (experiment) => {
        experiment.onSignal = 'continue'
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter((message) => message.id === 'process-signal')).toHaveLength(5)
    expectNothingLeft(under)
  })

  test('locked pages stay while all others are paged', () => {
    const under = machineOf({
      streams: [streamOf('p', 60, [...sweep(60, write), ...sweep(60, read), ...sweep(4, read)])],
      verbs: [
        [
          { at: 0, verb: 'lock', page: 0, pages: 4 },
          { at: 124, verb: 'unlock', page: 0, pages: 4 },
        ],
      ],
      frames: 20,
      swapPages: [100],
      policy: 'fifo',
      isPlain: true,
    })
    const { machine } = under
    machine.run(120)
    for (let page = 0; page < 4; page++) expect(machine.mappings.entry[page]).toBeGreaterThanOrEqual(0)
    expect(runToEnd(machine)).toBe('finished')
    expectNothingLeft(under)
  })

  test('MADV_FREE: what was freed is zero when it comes again, and costs no write', () => {
    const stream = streamOf('p', 40, [...sweep(10, write), ...sweep(30, write, 10), ...sweep(10, read)])
    const run = (verbs: Verb[]) => {
      const under = machineOf({
        streams: [stream],
        verbs: [verbs],
        frames: 16,
        swapPages: [100],
        policy: 'fifo',
        isPlain: true,
      })
      expect(runToEnd(under.machine)).toBe('finished')
      expectNothingLeft(under)
      return under.machine.totals()
    }
    const plain = run([])
    const freed = run([{ at: 10, verb: 'madvise', page: 0, pages: 10, advice: 'free' }])
    expect(plain[Counter.pagesOut]! - freed[Counter.pagesOut]!).toBe(10)
    expect(freed[Counter.zeroFills]).toBe(50)
  })
})

describe('shared memory', () => {
  test('two processes see one object; unlinked, it lives until the last mapping goes', () => {
    const under = machineOf({
      streams: [
        streamOf('a', 10, [...sweep(10, write), ...sweep(10, read)]),
        streamOf('b', 10, [...sweep(10, read), ...sweep(10, write)]),
      ],
      verbs: [
        [
          { at: 0, verb: 'shm-open', object: 'box', pages: 10 },
          { at: 0, verb: 'map', page: 0, pages: 10, object: 'box', offset: 0 },
          { at: 10, verb: 'fork', child: 1 },
          { at: 10, verb: 'shm-unlink', object: 'box' },
          { at: 10, verb: 'wait', child: 1 },
        ],
        [],
      ],
      frames: 8,
      swapPages: [100],
      policy: 'fifo',
      isPlain: true,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.zeroFills]).toBe(10)
    expect(totals[Counter.copyOnWriteFaults]).toBe(0)
    expectNothingLeft(under)
  })

  test('an object that is cut is a signal beyond its end, and zero there once it has grown again', () => {
    const under = machineOf({
      streams: [streamOf('a', 10, [...sweep(10, write), ...sweep(10, read), ...sweep(10, read)])],
      verbs: [
        [
          { at: 0, verb: 'shm-open', object: 'box', pages: 10 },
          { at: 0, verb: 'map', page: 0, pages: 10, object: 'box', offset: 0 },
          { at: 10, verb: 'shm-truncate', object: 'box', pages: 6 },
          { at: 20, verb: 'shm-truncate', object: 'box', pages: 20 },
        ],
      ],
      frames: 64,
      policy: 'fifo',
      isPlain: true,
      change: (experiment) => {
        experiment.onSignal = 'continue'
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter((message) => message.id === 'process-signal')).toHaveLength(4)
    expect(under.machine.totals()[Counter.zeroFills]).toBe(14)
    expectNothingLeft(under)
  })
})

describe('memory disks', () => {
  const used: Verb[] = [{ at: 60, verb: 'exit' }]
  const disk = (pages: number): Verb[] => [
    { at: 0, verb: 'wait', child: 0 },
    { at: 0, verb: 'memory-disk', object: 'md0', pages, isReserved: true },
    { at: 0, verb: 'map', page: 0, pages: 40, object: 'md0', offset: 0 },
    { at: 120, verb: 'shm-unlink', object: 'md0' },
  ]
  const machineWith = (pages: number, swapPages: number, references: [number, number][]) =>
    machineOf({
      streams: [streamOf('before', 60, sweep(60, write)), streamOf('disk', 40, references)],
      verbs: [used, disk(pages)],
      frames: 16,
      swapPages: [swapPages],
      policy: 'fifo',
      isPlain: true,
    })

  test('a reserved one has its blocks from the beginning: pages not yet written to hold what others left there', () => {
    const under = machineWith(40, 102, [
      ...sweep(40, read),
      ...sweep(20, write),
      ...sweep(40, read),
      ...sweep(20, read),
    ])
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    // only the first process met pages that nobody had
    expect(totals[Counter.zeroFills]).toBe(60)
    expect(totals[Counter.swapins]).toBeGreaterThanOrEqual(120)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    expectNothingLeft(under)
  })

  test('one that swap is too small for is refused with EDOM, and nothing stays behind', () => {
    const under = machineOf({
      streams: [streamOf('disks', 40, sweep(40, read))],
      verbs: [
        [
          { at: 0, verb: 'memory-disk', object: 'md0', pages: 30, isReserved: true },
          { at: 0, verb: 'memory-disk', object: 'md1', pages: 80, isReserved: true },
          { at: 0, verb: 'map', page: 0, pages: 30, object: 'md0', offset: 0 },
          // beyond the last reference
          { at: 50, verb: 'shm-unlink', object: 'md0' },
        ],
      ],
      frames: 200,
      swapPages: [102],
      policy: 'fifo',
      isPlain: true,
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter(({ id }) => id === 'call-failed').map(({ text }) => text)).toEqual([
      expect.stringContaining('memory-disk failed with errno 33'),
    ])
    expect(under.machine.totals()[Counter.swapins]).toBe(30)
    expectNothingLeft(under)
  })
})

describe('limits and memory that runs out', () => {
  test('the largest process is killed, unless it is protected', () => {
    const run = (verbs: Verb[]) => {
      const under = machineOf({
        streams: [streamOf('big', 60, sweep(60, write)), streamOf('small', 30, sweep(30, write))],
        verbs: [verbs, []],
        frames: 40,
        swapPages: [20],
        policy: 'fifo',
        isPlain: true,
        change: (experiment) => {
          experiment.machine.quantum = 5
        },
      })
      runToEnd(under.machine)
      return under.messages.filter((message) => message.id === 'process-killed').map((message) => message.text)
    }
    expect(run([])[0]).toContain('1000')
    expect(run([{ at: 0, verb: 'protect-process' }])[0]).toContain('1001')
  })

  test("a process's limit on swap refuses what goes beyond it, which a privilege grants all the same", () => {
    const run = (mayExceedLimit: boolean) => {
      const under = machineOf({
        streams: [streamOf('p', 10, sweep(10, write))],
        verbs: [
          [
            { at: 5, verb: 'limit-swap', bytes: 50 },
            { at: 5, verb: 'map', page: 100, pages: 100, object: '', offset: 0 },
          ],
        ],
        frames: 64,
        policy: 'fifo',
        isPlain: true,
        change: (experiment) => {
          experiment.swap.overcommit = 2
          experiment.users = [{ mayExceedQuota: false, mayExceedLimit }]
        },
      })
      runToEnd(under.machine)
      return under.messages.map((message) => message.id)
    }
    expect(run(false)).toContain('call-failed')
    expect(run(true)).not.toContain('call-failed')
  })
})

describe('waits', () => {
  test('with 2 read buffers, no more than 2 of 4 processes read at a time; the others wait, and all end', () => {
    const under = machineOf({
      streams: [1, 2, 3, 4].map((number) => streamOf(`p${number}`, 40, [...sweep(40, write), ...sweep(40, read)])),
      frames: 40,
      policy: 'fifo',
      swapPages: [400],
      timing: 'ssd',
      isPlain: true,
      change: (experiment) => {
        experiment.swap.bufferCount = 4
        experiment.swap.asyncMax = 2
        experiment.machine.quantum = 10
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.machine.pager.bufferWaits).toBeGreaterThan(0)
    expectNothingLeft(under)
  })

  test('a read that takes longer than 20 s is told every 20 s', () => {
    const under = machineOf({
      streams: [streamOf('p', 20, [...sweep(20, write), [0, read]])],
      frames: 10,
      policy: 'fifo',
      swapPages: [100],
      timing: 'ssd',
      isPlain: true,
      change: (experiment) => {
        experiment.swap.devices[0]!.timing = { model: 'nfs', parameters: { roundTripUs: 25_000_000 } }
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.filter((message) => message.id === 'swap-indefinite-wait')).toHaveLength(1)
  })

  test('a fault that waits 30 s for memory has the largest process killed', () => {
    const under = machineOf({
      streams: [streamOf('big', 60, sweep(60, write)), streamOf('small', 10, sweep(10, write))],
      frames: 20,
      policy: 'fifo',
      swapPages: [400],
      timing: 'ssd',
      isPlain: true,
      change: (experiment) => {
        experiment.machine.quantum = 5
        experiment.swap.devices[0]!.timing = { model: 'nfs', parameters: { roundTripUs: 60_000_000 } }
      },
    })
    expect(runToEnd(under.machine)).toBe('finished')
    expect(under.messages.find((message) => message.id === 'process-killed')?.text).toContain('30 s')
    expect(under.messages.filter((message) => message.id === 'oom-ranking').length).toBeGreaterThan(0)
  })
})

describe('processes at random', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'forks, maps, frees and ends under memory pressure lose no page and leave nothing behind (seed %i)',
    (seed) => {
      const { streams, verbs } = randomProcesses(seed)
      for (const policy of ['freebsd', 'clock'] as const) {
        const under = machineOf({
          streams,
          verbs,
          frames: policy === 'freebsd' ? 900 : 60,
          swapPages: [3000, 3000],
          policy,
          timing: seed % 2 === 0 ? 'ssd' : 'instant',
          change: (experiment) => {
            experiment.onSignal = 'continue'
            experiment.machine.quantum = 37
            experiment.paging.readCluster = 16
            if (policy === 'freebsd') experiment.machine.wired = 600
            if (seed % 3 === 0) {
              experiment.faults = [{ device: 1, direction: 'write', errno: 5, fromRequest: 5, count: 4 }]
              experiment.interventions = [
                { at: 5000, action: 'swapoff', device: 0 },
                { at: 9000, action: 'swapon', device: 0 },
              ]
            }
          },
        })
        expect([policy, runToEnd(under.machine), under.machine.problem]).toEqual([policy, 'finished', null])
        const totals = under.machine.totals()
        expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
        expect(totals[Counter.forks]).toBeGreaterThan(0)
        expect(under.messages.map((message) => message.id)).not.toContain('process-killed')
        const { pages, pager } = under.machine
        expect(pages.freeCount).toBe(pages.frames - under.experiment.machine.wired)
        expect(pager.devices.usedPages).toBe(0)
        expect(pager.metadata.nodesInUse).toBe(0)
        expect(pager.reservation.reserved).toBe(0)
        expect(under.machine.regions.count).toBe(0)
      }
    },
  )
})

/** Six processes in a tree of forks over 120 pages each. */
function randomProcesses(seed: number): { streams: ProcessStream[]; verbs: Verb[][] } {
  let state = seed * 2654435761
  const random = (end: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 4294967296) * end)
  }
  const count = 6
  const length = 3000
  const streams: ProcessStream[] = []
  const verbs: Verb[][] = []
  for (let process = 0; process < count; process++) {
    const references: [number, number][] = []
    let hot = 0
    for (let i = 0; i < length; i++) {
      if (random(100) === 0) hot = random(120)
      references.push([(hot + random(30)) % 120, random(2)])
    }
    streams.push(streamOf(`p${process}`, 120, references))
    const list: Verb[] = []
    // process n forks 2n + 1 and 2n + 2
    for (const child of [2 * process + 1, 2 * process + 2])
      if (child < count) list.push({ at: 200 + random(1500), verb: 'fork', child })
    for (let i = 0; i < 12; i++) {
      const at = random(length)
      const page = random(110)
      const pages = 1 + random(30)
      const choice = random(8)
      if (choice === 0) list.push({ at, verb: 'unmap', page, pages })
      if (choice === 1) list.push({ at, verb: 'map', page, pages, object: '', offset: 0 })
      if (choice === 2) list.push({ at, verb: 'madvise', page, pages, advice: 'free' })
      if (choice === 3) list.push({ at, verb: 'madvise', page, pages, advice: 'dontneed' })
      if (choice === 4) list.push({ at, verb: 'protect', page, pages, access: random(2) === 0 ? 'read' : 'write' })
      if (choice === 5)
        list.push({ at, verb: 'madvise', page, pages, advice: random(2) === 0 ? 'random' : 'sequential' })
      if (choice === 6) list.push({ at, verb: 'lock', page, pages: 3 }, { at, verb: 'unlock', page, pages: 3 })
      if (choice === 7 && random(3) === 0) list.push({ at, verb: 'exec' })
    }
    list.sort((a, b) => a.at - b.at)
    verbs.push(list)
  }
  return { streams, verbs }
}
