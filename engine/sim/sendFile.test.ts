import { describe, expect, test } from 'vitest'
import { ObjectType } from '../vm/pages.ts'
import { filePagerNames, type FilePagerName } from '../vnode/filePager.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import type { Verb, VerbAction } from '../workload/verbs.ts'
import type { InjectedFault } from './experiment.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

const PAGE = 4096
const FILE = { file: 'log' } as const
const RATE = 10e6
const send = (offset: number, bytes: number, bytesPerSecond = RATE): VerbAction => ({
  verb: 'file-send',
  ...FILE,
  offset,
  bytes,
  bytesPerSecond,
})
const first = (...verbs: VerbAction[]): Verb[] => verbs.map((verb) => ({ ...verb, at: 0 }))

/** Two processes that go over eight pages of memory, with calls on a file before their first reference, or before others. */
function sending(
  pager: FilePagerName,
  verbs: Verb[],
  other: Verb[] = [],
  bytes = 100 * PAGE,
  frames = 400,
  faults: InjectedFault[] = [],
) {
  const { processes } = generateWorkload('loop', { pages: 8, references: 4000, writeFraction: 0.5, seed: 3 })
  return testMachine({
    streams: [processes[0]!, processes[0]!],
    frames,
    swapPages: [1024],
    timing: 'ssd',
    verbs: [verbs, other],
    change: (experiment) => {
      experiment.machine.quantum = 10
      experiment.faults = faults
      experiment.files = {
        pager,
        image: null,
        mapping: 'private',
        named: [{ name: FILE.file, bytes, mostBytes: 2 * bytes }],
        blockSize: 16384,
        syncerSeconds: 30,
        nbuf: 8,
        hirunningspace: 1048576,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  })
}

type Sending = ReturnType<typeof sending>

/** Runs it to its end; the most pages that were wired, the end, errnos of calls, and what was left wired at the end. */
function outcome(under: Sending) {
  const { machine } = under
  const { pages } = machine
  const ofFiles = (frame: number) =>
    pages.object[frame]! >= 0 &&
    [ObjectType.file, ObjectType.kernel].some((type) => type === pages.objectType[pages.object[frame]!])
  const wired = () => pages.wired.reduce((sum, count, frame) => sum + (count > 0 && ofFiles(frame) ? 1 : 0), 0)
  let mostWired = 0
  for (let beforeNs = 2e5; machine.run(Infinity, { beforeNs }) === 'running'; beforeNs += 2e5)
    mostWired = Math.max(mostWired, wired())
  const status = runToEnd(machine)
  const totals = machine.totals()
  const result = {
    end: [status, machine.problem],
    errnos: under.messages
      .filter(({ id }) => id === 'call-failed')
      .map(({ text }) => Number(/errno (\d+)/.exec(text)?.[1])),
    mostWired,
    wiredAtEnd: wired(),
    totals,
    seconds: machine.now / 1e9,
    kernelObjects: pages.objectType.filter((type) => type === ObjectType.kernel).length,
  }
  under.close()
  return result
}

describe.each(['freebsd', 'dragonfly'] as const)('sendfile under %s', (pager) => {
  test('each page is read once, sent as fast as the network takes it, and let go', () => {
    const bytes = 100 * PAGE - 300
    const { end, errnos, totals, seconds, mostWired, wiredAtEnd } = outcome(
      sending(pager, first(send(0, 0), send(5000, 10)), [], bytes),
    )
    expect([end, errnos]).toEqual([['finished', null], []])
    expect([totals[Counter.bytesRead], totals[Counter.bytesVerified]]).toEqual([bytes, bytes])
    expect(seconds).toBeGreaterThanOrEqual(bytes / RATE)
    // the socket's pages, and those of a cluster that is read
    expect(mostWired).toBeGreaterThanOrEqual(8)
    expect(mostWired).toBeLessThan(60)
    expect(wiredAtEnd).toBe(0)
  })

  test('pages on their way stay, however little memory there is', () => {
    const stores: Verb[] = [{ at: 0, verb: 'file-write', ...FILE, offset: 0, bytes: 150 * PAGE, isSync: false }]
    const { end, errnos, totals } = outcome(sending(pager, first(send(0, 0, 3e6)), stores, 100 * PAGE, 90))
    expect([end, errnos]).toEqual([['finished', null], []])
    expect(totals[Counter.evictions]).toBeGreaterThan(0)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
  })

  test('bytes beyond the end are not sent; what is cut off while it is on its way is sent as it was', () => {
    const cuts: Verb[] = [
      { at: 300, verb: 'file-truncate', ...FILE, bytes: 2 * PAGE + 17 },
      { at: 300, verb: 'file-truncate', ...FILE, bytes: 60 * PAGE },
    ]
    const under = sending(pager, first(send(7, 1000 * PAGE), send(0, 0), send(99 * PAGE, 0)), cuts)
    expect(outcome(under)).toMatchObject({ end: ['finished', null], errnos: [], wiredAtEnd: 0 })
  })

  test('a page that cannot be read ends the call', () => {
    const under = sending(pager, first(send(0, 0), send(0, 0)), [], 100 * PAGE, 400, [
      { device: 'files', direction: 'read', errno: 5, fromRequest: 0, count: 1 },
    ])
    expect(outcome(under)).toMatchObject({ end: ['finished', null], errnos: [5] })
  })

  test('a file that is taken away ends the call; what is on its way arrives', () => {
    const { wiredAtEnd, end, errnos, kernelObjects } = outcome(
      sending(pager, first(send(0, 0, 1e6)), [{ at: 300, verb: 'file-unmount', isForced: true }]),
    )
    // DragonFly takes it for the end of the file
    expect([end, errnos]).toEqual([['finished', null], pager === 'freebsd' ? [2] : []])
    expect([wiredAtEnd, kernelObjects]).toEqual([0, 0])
  })

  test('a call holds a file that is removed, and keeps it from being unmounted', () => {
    const under = sending(pager, first(send(0, 0, 1e6)), [
      { at: 300, verb: 'file-unlink', ...FILE },
      { at: 300, verb: 'file-close', ...FILE },
      { at: 310, verb: 'file-unmount', isForced: false },
    ])
    const { files } = under.machine
    expect(outcome(under)).toMatchObject({ end: ['finished', null], errnos: [16], wiredAtEnd: 0 })
    expect(files!.volume.sizeBytes(0)).toBe(0)
  })
})

test('NetBSD has no such call', () => {
  expect(filePagerNames).toContain('netbsd')
  expect(outcome(sending('netbsd', first(send(0, 0))))).toMatchObject({ end: ['finished', null], errnos: [78] })
})
