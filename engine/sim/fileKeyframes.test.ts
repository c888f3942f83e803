import { describe, expect, test } from 'vitest'
import { filePagerNames, type FilePagerName } from '../vnode/filePager.ts'
import { FIRST_PAGE_NUMBER } from '../workload/generators/generator.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import type { Verb, VerbAction } from '../workload/verbs.ts'
import type { Snapshot } from './columns.ts'
import type { Machine } from './machine.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

const PAGE = 4096
const PAGES = 40
const log = { file: 'log' } as const
const at = (place: number, ...verbs: VerbAction[]): Verb[] => verbs.map((verb) => ({ ...verb, at: place }))
const read = (offset: number, bytes: number): VerbAction => ({ verb: 'file-read', ...log, offset, bytes })
const write = (offset: number, bytes: number): VerbAction => ({
  verb: 'file-write',
  ...log,
  offset,
  bytes,
  isSync: false,
})
const map: VerbAction = { verb: 'file-map', ...log, page: FIRST_PAGE_NUMBER, pages: PAGES, offset: 0 }

/** What two processes do with two files: every call, each of which changes what later ones find. */
const verbs: readonly Verb[][] = [
  [
    ...at(100, read(0, 20 * PAGE), write(3000, 30000)),
    ...at(600, { verb: 'file-truncate', ...log, bytes: 9 * PAGE + 100 }),
    ...at(1100, { verb: 'file-truncate', ...log, bytes: 70 * PAGE }, read(4 * PAGE, 10 * PAGE), map),
    ...at(1600, { verb: 'file-reclaim', ...log }, { verb: 'file-open', ...log }),
    ...at(2100, map, read(14 * PAGE, 20 * PAGE)),
    ...at(2600, { verb: 'file-send', ...log, offset: 100, bytes: 0, bytesPerSecond: 1e8 }),
    ...at(3100, { verb: 'file-unlink', file: 'other' }, { verb: 'file-open', ...log }),
    ...at(3600, { verb: 'file-close', ...log }, write(60 * PAGE, 20 * PAGE)),
    ...at(4100, { verb: 'file-unlink', ...log }),
    ...at(4600, { verb: 'unmap', page: FIRST_PAGE_NUMBER, pages: PAGES }, { verb: 'file-unmount', isForced: true }),
  ],
  [
    ...at(900, { verb: 'file-read', file: 'other', offset: 0, bytes: 10 * PAGE, isDirect: true }),
    ...at(2300, { verb: 'file-write', file: 'other', offset: 512, bytes: 9 * PAGE, isSync: true, isDirect: true }),
    ...at(3300, { verb: 'file-close', file: 'other' }, { verb: 'file-close', file: 'other' }),
  ],
]

function machineOf(pager: FilePagerName, contents: 'verify' | 'none') {
  const stream = generateWorkload('loop', { pages: PAGES, references: 5000, writeFraction: 0.3, seed: 3 }).processes[0]!
  return testMachine({
    streams: [stream, stream],
    frames: 160,
    swapPages: [1024],
    timing: 'ssd',
    contents,
    verbs,
    change: (experiment) => {
      experiment.machine.quantum = 50
      experiment.onSignal = 'continue'
      experiment.files = {
        pager,
        image: null,
        mapping: 'private',
        named: [
          { name: 'log', bytes: 40 * PAGE, mostBytes: 90 * PAGE },
          { name: 'other', bytes: 10 * PAGE, mostBytes: 10 * PAGE },
        ],
        blockSize: 16384,
        syncerSeconds: 0.01,
        nbuf: 0,
        hirunningspace: 1048576,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  })
}

/** Counters of bytes that machines without contents do not have. */
const ofBytes: number[] = [Counter.bytesRead, Counter.bytesWritten, Counter.bytesVerified]

function stateOf(machine: Machine): Snapshot {
  const saved = machine.save()
  for (const column of ['counters', 'sample.before'])
    for (const counter of ofBytes) saved.get(column)!.data[counter] = 0
  return saved
}

describe.each(filePagerNames)("a machine whose files were called, under %s's pager", (pager) => {
  test('goes on in another machine from any of its keyframes as it did', () => {
    const live = machineOf(pager, 'verify')
    const keyframes: { references: number; state: Snapshot }[] = []
    for (let next = 100; live.machine.run(50) === 'running';) {
      if (live.machine.references < next || !live.machine.canSave) continue
      keyframes.push({ references: live.machine.references, state: stateOf(live.machine) })
      next = live.machine.references + 400
    }
    expect(live.machine.problem).toBe(null)
    // also between the later calls
    expect(keyframes.filter(({ references }) => references > 5000).length).toBeGreaterThan(3)
    const totals = live.machine.totals()
    for (const counter of ofBytes) totals[counter] = 0
    const end = [totals, live.machine.virtualNs, live.machine.eventCount, live.machine.files!.pager.ownCounters()]

    const again = machineOf(pager, 'none')
    keyframes.forEach(({ state }, number) => {
      again.machine.restore(state)
      expect(stateOf(again.machine)).toEqual(state)
      const following = keyframes[number + 1]
      if (following !== undefined && number % 3 !== 0) {
        again.machine.run(following.references - again.machine.references)
        expect(stateOf(again.machine)).toEqual(following.state)
        return
      }
      expect([runToEnd(again.machine), again.machine.problem]).toEqual(['finished', null])
      const { machine } = again
      expect([machine.totals(), machine.virtualNs, machine.eventCount, machine.files!.pager.ownCounters()]).toEqual(end)
    })
    live.close()
    again.close()
  })
})
