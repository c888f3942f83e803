import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SECTOR_SIZE } from '../vm/pages.ts'
import type { FilePagerName } from '../vnode/filePager.ts'
import { FIRST_PAGE_NUMBER } from '../workload/generators/generator.ts'
import { generateWorkload } from '../workload/generators/index.ts'
import type { Verb, VerbAction } from '../workload/verbs.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

const PAGE = 4096
const MOST_PAGES = 90
const MAPPED_PAGES = 20
const log = { file: 'log' } as const

const offset = fc.oneof(
  fc.nat(60).map((page) => page * PAGE),
  fc.nat(60 * PAGE),
)
const bytes = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((pages) => pages * PAGE),
  fc.integer({ min: 1, max: 20 * PAGE }),
)
const isDirect = fc.boolean()

const call = fc.oneof(
  fc.record({ verb: fc.constant('file-write' as const), offset, bytes, isSync: fc.boolean(), isDirect }),
  fc.record({ verb: fc.constant('file-read' as const), offset, bytes, isDirect }),
  fc.record({ verb: fc.constant('file-truncate' as const), bytes: fc.oneof(offset, fc.nat(80 * PAGE)) }),
  fc.record({ verb: fc.constant('file-send' as const), offset, bytes, bytesPerSecond: fc.constant(1e8) }),
  fc.constantFrom({ verb: 'file-sync' as const }, { verb: 'file-reclaim' as const }, { verb: 'file-open' as const }),
  fc.constant({ verb: 'file-map' as const, page: FIRST_PAGE_NUMBER, pages: MAPPED_PAGES }),
)

type Call = typeof call extends fc.Arbitrary<infer Kind> ? Kind : never

function verbOf(each: Call): VerbAction {
  return each.verb === 'file-map' ? { ...each, ...log, offset: 0 } : { ...each, ...log }
}

interface Case {
  calls: Call[][]
  blockSize: number
  frames: number
  nbuf: number
  bytes: number
  isOneQueue: boolean
}

/** Two processes that store into memory, and call a file now and then; the last thing is that it is open. */
function finished(pager: FilePagerName, { calls, blockSize, frames, nbuf, bytes: length, isOneQueue }: Case) {
  const stream = generateWorkload('loop', { pages: MAPPED_PAGES, references: 900, writeFraction: 0.4, seed: 5 })
    .processes[0]!
  const verbs = calls.map((own): Verb[] => [
    ...own.map((each, number): Verb => ({ ...verbOf(each), at: Math.floor((number * 800) / own.length) })),
    { verb: 'file-open', ...log, at: 900 },
  ])
  return testMachine({
    streams: calls.map(() => stream),
    frames,
    policy: isOneQueue ? 'clock' : 'freebsd',
    swapPages: [512],
    timing: 'ssd',
    verbs,
    change: (experiment) => {
      experiment.machine.quantum = 100
      experiment.onSignal = 'continue'
      experiment.files = {
        pager,
        image: null,
        mapping: 'private',
        named: [{ name: 'log', bytes: length, mostBytes: MOST_PAGES * PAGE }],
        blockSize,
        syncerSeconds: 0.005,
        nbuf,
        hirunningspace: 262144,
        maxphys: 131072,
        maxdio: 65536,
      }
    },
  })
}

const mapped: Call = { verb: 'file-map', page: FIRST_PAGE_NUMBER, pages: MAPPED_PAGES }
const firstByte = { offset: 0, bytes: 1, isSync: false, isDirect: false }
/** What was met once. */
const met: Case[] = [
  // sendfile and a cut wait for each other's page and lock
  {
    ...{ blockSize: 65536, frames: 150, nbuf: 0, bytes: 131071, isOneQueue: false },
    calls: [
      [mapped, { verb: 'file-send', offset: 0, bytes: PAGE + 1, bytesPerSecond: 1e8 }, mapped],
      [
        { verb: 'file-truncate', bytes: 1 },
        { verb: 'file-write', ...firstByte, bytes: PAGE },
      ],
    ],
  },
  // a file is taken away while another process stores into it again and again
  {
    ...{ blockSize: 65536, frames: 150, nbuf: 0, bytes: 1, isOneQueue: false },
    calls: [
      [
        { verb: 'file-truncate', bytes: 17 * PAGE },
        { verb: 'file-read', offset: 0, bytes: PAGE, isDirect: true },
        mapped,
        { verb: 'file-write', ...firstByte },
      ],
      [
        ...[mapped, { verb: 'file-reclaim' as const }, { verb: 'file-sync' as const }],
        ...[{ verb: 'file-truncate' as const, bytes: PAGE + 5 }, mapped, { verb: 'file-write' as const, ...firstByte }],
        ...[{ verb: 'file-sync' as const }, { verb: 'file-read' as const, offset: 0, bytes: 1, isDirect: false }],
      ],
    ],
  },
]

describe.each(['freebsd', 'dragonfly', 'netbsd'] as const)("any calls on a file, under %s's pager", (pager) => {
  test('leave on the device what it must hold, and no page where no daemon finds it', () => {
    fc.assert(
      fc.property(
        fc.record({
          calls: fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 2 }),
          blockSize: fc.constantFrom(4096, 16384, 65536),
          frames: fc.constantFrom(150, 400),
          nbuf: fc.constantFrom(0, 6),
          bytes: fc.nat(50 * PAGE),
          isOneQueue: fc.boolean(),
        }),
        (each) => {
          const under = finished(pager, each)
          try {
            const { machine } = under
            expect([runToEnd(machine), machine.problem]).toEqual(['finished', null])
            const totals = machine.totals()
            expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
            const { volume, truth, named } = machine.files!
            const device = readFileSync(under.imagePaths.at(-1)!)
            const expected = Buffer.from(truth.bytesOf(named.get('log')!))
            expect(expected).toHaveLength(volume.sizeBytes(0))
            for (let at = 0; at < expected.length; at += each.blockSize) {
              const { sector } = volume.bmap(0, at / each.blockSize)
              const length = Math.min(each.blockSize, expected.length - at)
              const has =
                sector < 0 ? Buffer.alloc(length) : device.subarray(sector * SECTOR_SIZE, sector * SECTOR_SIZE + length)
              const isEqual = has.equals(expected.subarray(at, at + length))
              expect(isEqual, `block ${at / each.blockSize}, sector ${sector}`).toBe(true)
            }
            const { pages } = machine
            for (let frame = 0; frame < pages.frames; frame++)
              if (pages.wired[frame] === 0) expect(pages.queue[frame]).toBeGreaterThan(0)
          } finally {
            under.close()
          }
        },
      ),
      { numRuns: 40, seed: 11, examples: met.map((each) => [each]) },
    )
  })
})
