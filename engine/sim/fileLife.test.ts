import { describe, expect, test } from 'vitest'
import { filePagerNames, type FilePagerName } from '../vnode/filePager.ts'
import { FIRST_PAGE_NUMBER } from '../workload/generators/generator.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import type { Verb, VerbAction } from '../workload/verbs.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

const PAGE = 4096
const PAGES = 10
const log = { file: 'log' } as const
const open: VerbAction = { verb: 'file-open', ...log }
const close: VerbAction = { verb: 'file-close', ...log }
const unlink: VerbAction = { verb: 'file-unlink', ...log }
const reclaim: VerbAction = { verb: 'file-reclaim', ...log }
const sync: VerbAction = { verb: 'file-sync', ...log }
const read = (bytes = PAGES * PAGE): VerbAction => ({ verb: 'file-read', ...log, offset: 0, bytes })
const write = (offset: number, bytes: number): VerbAction => ({
  verb: 'file-write',
  ...log,
  offset,
  bytes,
  isSync: false,
})
const unmount = (isForced: boolean): VerbAction => ({ verb: 'file-unmount', isForced })
const map: VerbAction = { verb: 'file-map', ...log, page: FIRST_PAGE_NUMBER, pages: PAGES, offset: 0 }
const unmap: VerbAction = { verb: 'unmap', page: FIRST_PAGE_NUMBER, pages: PAGES }

/** A process that goes over its ten pages ten times, storing into them, with calls on a file of ten pages before given references. */
function run(pager: FilePagerName, verbs: readonly (VerbAction | [number, VerbAction])[]) {
  const { processes } = generateWorkload('loop', { pages: PAGES, references: 10 * PAGES, writeFraction: 0.5, seed: 3 })
  const under = testMachine({
    streams: [processes[0]!],
    frames: 400,
    swapPages: [1024],
    timing: 'ssd',
    verbs: [verbs.map((each): Verb => (Array.isArray(each) ? { ...each[1], at: each[0] } : { ...each, at: 0 }))],
    change: (experiment) => {
      experiment.onSignal = 'continue'
      experiment.files = {
        pager,
        image: null,
        mapping: 'private',
        named: [{ name: 'log', bytes: PAGES * PAGE, mostBytes: 2 * PAGES * PAGE }],
        blockSize: 16384,
        syncerSeconds: 30,
        nbuf: 0,
        hirunningspace: 1048576,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  })
  const status = runToEnd(under.machine)
  const totals = under.machine.totals()
  const { problem, files } = under.machine
  under.close()
  return {
    end: [status, problem],
    totals,
    files: files!,
    /** Errnos of calls that failed. */
    errnos: under.messages
      .filter(({ id }) => id === 'call-failed')
      .map(({ text }) => Number(/errno (\d+)/.exec(text)?.[1])),
    signals: under.messages.filter(({ id }) => id === 'process-signal').length,
  }
}

describe.each(filePagerNames)('the life of a file under %s', (pager) => {
  test('what was written before its vnode was taken is read through the next one', () => {
    const { end, errnos, totals } = run(pager, [
      write(5000, 20000),
      reclaim,
      read(),
      open,
      read(),
      write(0, 100),
      reclaim,
      open,
      read(),
    ])
    expect([end, errnos]).toEqual([['finished', null], [2]])
    expect(totals[Counter.bytesRead]).toBeGreaterThanOrEqual(2 * PAGES * PAGE)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
  })

  test('stores through a mapping are on the device when its vnode is taken from under it', () => {
    const { end, errnos, totals, signals } = run(pager, [map, [60, reclaim], [60, open], [60, read()]])
    expect([end, errnos]).toEqual([['finished', null], []])
    expect(totals[Counter.vnodePagesOut]).toBeGreaterThanOrEqual(PAGES)
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    // FreeBSD and DragonFly give zeros to who still maps the file; under NetBSD each reference fails
    expect(signals).toBe(pager === 'netbsd' ? 40 : 0)
    if (pager !== 'netbsd') expect(totals[Counter.zeroFills]).toBeGreaterThanOrEqual(PAGES)
  })

  test('it is closed as often as it was opened, and no more', () => {
    expect(run(pager, [open, close, close, close, open, read(), close]).errnos).toEqual([9])
  })

  test('a name that has gone is not found; the file goes with the last who uses it', () => {
    const { end, errnos, files } = run(pager, [map, unlink, open, [30, close], [50, unmap]])
    expect([end, errnos]).toEqual([['finished', null], [2]])
    expect([files.named.size, files.volume.sizeBytes(0)]).toEqual([0, 0])
  })

  test('one that nobody maps goes when it is closed', () => {
    const { files, errnos } = run(pager, [write(0, 50000), unlink, close, close])
    expect([files.volume.sizeBytes(0), errnos]).toEqual([0, [9]])
  })

  test('a file system in use is only unmounted by force, and then has everything', () => {
    const { end, errnos, totals } = run(pager, [
      [10, map],
      [40, unmount(false)],
      [50, unmount(true)],
      [50, open],
      [50, unmount(true)],
      [60, { verb: 'file-mount' }],
      [60, { verb: 'file-mount' }],
      [60, open],
      [60, read()],
    ])
    expect([end, errnos]).toEqual([
      ['finished', null],
      [16, 2, 22, 16],
    ])
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    expect(totals[Counter.vnodePagesOut]).toBeGreaterThan(PAGES / 2)
  })

  test('one that is not in use is unmounted as it is asked', () => {
    expect(run(pager, [write(100, 9000), sync, close, unmount(false), read()]).errnos).toEqual([2])
  })
})
