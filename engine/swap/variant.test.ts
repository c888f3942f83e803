import path from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import firstFit from '../../examples/variants/first-fit.ts'
import { verifyFiles } from '../conformance/index.ts'
import { Columns } from '../sim/columns.ts'
import { EventKind, type EventChunk } from '../sim/events.ts'
import { ExperimentError } from '../sim/experiment.ts'
import type { DaemonName } from '../sim/experiment.ts'
import { Counter } from '../sim/metrics.ts'
import { runToEnd, testMachine, type TestMachine } from '../sim/testing.ts'
import { importTrace } from '../workload/importers/index.ts'
import type { ProcessStream } from '../workload/workload.ts'
import { blockListFactory, readVariant, VariantError, type PagerVariant } from './variant.ts'

const root = path.resolve(import.meta.dirname, '../..')
const log = (name: string) => path.join(root, `test/conformance/swap/${name}.jsonl.gz`)
const empty = { name: 'empty', description: 'Decides nothing.' }
let demo: ProcessStream
beforeAll(async () => {
  demo = (await importTrace(path.join(root, 'examples/traces/cc1-demo.pgt.zst'))).processes[0]!
})

/** The demo at a quarter of its memory under a variant, run to its end. */
function run(variant: PagerVariant | undefined, policy: DaemonName = 'freebsd'): TestMachine {
  const under = testMachine({
    streams: [demo],
    frames: Math.floor(demo.pageCount / 4),
    policy,
    swapPages: [8192, 8192],
    timing: 'ssd',
    variant,
  })
  expect(runToEnd(under.machine)).toBe('finished')
  const totals = under.machine.totals()
  expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
  under.close()
  return under
}

function column(chunks: readonly EventChunk[], kind: number, name: 'pages' | 'block'): number[] {
  const values: number[] = []
  for (const chunk of chunks)
    for (let row = 0; row < chunk.count; row++) if (chunk.kind[row] === kind) values.push(chunk[name][row]!)
  return values
}

describe('what a variant may be', () => {
  test.each([
    [undefined, undefined],
    ['first-fit', undefined],
    [{}, 'name'],
    [{ name: ' ', description: '' }, 'name'],
    [{ name: 'x' }, 'description'],
    [{ ...empty, searchStart: 0 }, 'searchStart'],
    [{ ...empty, chooseVictims: () => -1 }, 'chooseVictims'],
  ])('%j is none', (exported, field) => {
    expect(() => readVariant(exported)).toThrow(expect.objectContaining({ code: 'variant-shape', field }))
  })

  test('what is left out stays the kernel', () => {
    expect(readVariant(empty)).toEqual(empty)
    expect(blockListFactory(readVariant(empty))).toBeUndefined()
    expect(blockListFactory(undefined)).toBeUndefined()
  })

  test.each([
    ['a block beyond the device', () => 1024],
    ['a part of a block', () => 0.5],
    ['nothing', () => undefined],
  ])('an answer that is %s names the decision', (_what, searchStart) => {
    const list = blockListFactory(readVariant({ ...empty, searchStart }))!(new Columns(), 'list', 1024)
    list.free(0, 1024)
    expect(() => list.allocate(1, 1)).toThrow(expect.objectContaining({ code: 'variant-answer', field: 'searchStart' }))
    expect(list.available).toBe(1024)
  })

  test('what a decision throws is told as its fault, with the name of the variant', () => {
    const broken = readVariant({
      ...empty,
      name: 'broken',
      readWindow: () => {
        throw new Error('no idea')
      },
    })
    const read = { pageIndex: 0, pages: 1, behind: 0, ahead: 0, blocksBefore: 0, blocksAfter: 0 }
    expect(() => broken.readWindow!(read)).toThrow(
      new VariantError('variant-answer', 'variant broken: readWindow failed: no idea', 'readWindow'),
    )
  })
})

describe('first-fit', () => {
  test('takes the first run that is long enough, whatever was taken and freed before', () => {
    const blocks = 700
    const step = fc.record({
      count: fc.integer({ min: 1, max: 40 }),
      more: fc.integer({ min: 0, max: 40 }),
      free: fc.nat(),
    })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 120 }), (steps) => {
        const list = blockListFactory(readVariant(firstFit))!(new Columns(), 'list', blocks)
        list.free(0, blocks)
        const isFree = new Array<boolean>(blocks).fill(true)
        const held: [number, number][] = []
        for (const { count, more, free } of steps) {
          const got = list.allocate(count, count + more)
          const first = isFree.findIndex(
            (_, at) => isFree.slice(at, at + count).length === count && isFree.slice(at, at + count).every(Boolean),
          )
          expect(got).toBe(first)
          if (got >= 0) {
            held.push([got, list.allocated])
            isFree.fill(false, got, got + list.allocated)
          }
          if (held.length > 0 && free % 3 !== 0) {
            const [start, length] = held.splice(free % held.length, 1)[0]!
            list.free(start, length)
            isFree.fill(true, start, start + length)
          }
        }
      }),
    )
  })

  test('differs from the kernel at the first allocation after a lower block was freed', () => {
    const { files } = verifyFiles([log('blist-02')], undefined, { variant: readVariant(firstFit) })
    expect(files[0]?.first).toEqual({ line: 22, field: 'blk', expected: 82, got: 15 })
  })

  test('under the swap pager differs at a definite operation', () => {
    const { files, differences } = verifyFiles([log('swap-basic-1')], undefined, { variant: readVariant(firstFit) })
    expect(differences).toBeGreaterThan(1000)
    // a write begins at block 4 of its device instead of block 63
    expect(files[0]?.first).toEqual({ line: 44, field: 'io[0][3]', expected: 63, got: 4 })
  })

  test('keeps to lower blocks than the kernel, gives the same run each time, and another trace', () => {
    const [kernel, first, again] = [run(undefined), run(readVariant(firstFit)), run(readVariant(firstFit))]
    expect(again.digest()).toBe(first.digest())
    expect(first.digest()).not.toBe(kernel.digest())
    const highest = (under: TestMachine) =>
      column(under.chunks, EventKind.swapout, 'block').reduce((a, b) => Math.max(a, b % 8193), 0)
    expect(highest(first)).toBeLessThan(highest(kernel))
  })
})

describe('a variant', () => {
  test('that decides nothing equals the golden logs and leaves the trace as it is', () => {
    const options = { variant: readVariant(empty) }
    expect(verifyFiles([log('blist-00'), log('swap-basic-1')], undefined, options).differences).toBe(0)
    expect(run(options.variant).digest()).toBe(run(undefined).digest())
  })

  test.each(['blist-02', 'swap-basic-1'])(
    'that fails at a decision ends the verification of %s with the line',
    (name) => {
      const variant = readVariant({ ...empty, searchStart: () => -1 })
      const error = expect.objectContaining({
        code: 'variant-answer',
        message: expect.stringMatching(/: line \d+: variant empty: searchStart/),
      })
      expect(() => verifyFiles([log(name)], undefined, { variant })).toThrow(error)
    },
  )

  test("that repeats the kernel's decisions leaves the trace as it is", () => {
    const repeating: PagerVariant = {
      ...empty,
      searchStart: (space) => space.cursor,
      joinCluster: ({ wouldJoin }) => wouldJoin,
      readWindow: ({ behind, ahead }) => ({ behind, ahead }),
    }
    expect(run(readVariant(repeating)).digest()).toBe(run(undefined).digest())
    const under = verifyFiles([log('blist-00'), log('swap-basic-1')], undefined, { variant: readVariant(repeating) })
    expect(under.differences).toBe(0)
    const choosing = { ...repeating, chooseVictim: (_: unknown, proposed: number) => proposed }
    expect(run(readVariant(choosing), 'clock').digest()).toBe(run(undefined, 'clock').digest())
  })

  test('that lets no neighbour join writes pages one by one', () => {
    const alone = run(readVariant({ ...empty, joinCluster: () => false }))
    expect(new Set(column(alone.chunks, EventKind.swapout, 'pages'))).toEqual(new Set([1]))
  })

  test('may let in what the kernel would not', () => {
    const eager = run(readVariant({ ...empty, joinCluster: () => true }))
    expect(eager.digest()).not.toBe(run(undefined).digest())
  })

  test('that reads nothing around a page reads pages one by one, and the first log with a window differs', () => {
    const variant = readVariant({ ...empty, readWindow: () => ({ behind: 0, ahead: 0 }) })
    expect(new Set(column(run(variant).chunks, EventKind.swapin, 'pages'))).toEqual(new Set([1]))
    expect(verifyFiles([log('swap-basic-1')], undefined, { variant }).differences).toBeGreaterThan(0)
  })

  test('that asks for more than there is gets what the kernel clips it to', () => {
    const greedy = run(readVariant({ ...empty, readWindow: () => ({ behind: 1000, ahead: 1000 }) }))
    const pages = (under: TestMachine) => column(under.chunks, EventKind.swapin, 'pages')
    const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
    expect(mean(pages(greedy))).toBeGreaterThan(mean(pages(run(undefined))))
    expect(Math.max(...pages(greedy))).toBeLessThanOrEqual(63)
  })

  test.each(['lru', 'fifo', 'clock'] as const)(
    'chooses victims under %s: clean pages first means fewer pages out',
    (policy) => {
      const cleanFirst = readVariant({
        ...empty,
        chooseVictim: (memory: Parameters<NonNullable<PagerVariant['chooseVictim']>>[0], proposed: number) => {
          for (let frame = memory.first(), looked = 0; frame >= 0 && looked < 32; frame = memory.after(frame), looked++)
            if (!memory.isDirty(frame)) return frame
          return proposed
        },
      })
      const pagesOut = (under: TestMachine) => under.machine.totals()[Counter.pagesOut]!
      expect(pagesOut(run(cleanFirst, policy))).toBeLessThan(pagesOut(run(undefined, policy)))
    },
  )

  test('that chooses a frame that may not be taken ends the run', () => {
    expect(() =>
      run(readVariant({ ...empty, chooseVictim: (memory: { frames: number }) => memory.frames }), 'lru'),
    ).toThrow(expect.objectContaining({ code: 'variant-answer', field: 'chooseVictim' }))
  })

  test('with chooseVictim is refused by the daemon that would not ask it', () => {
    expect(() => run(readVariant({ ...empty, chooseVictim: () => -1 }))).toThrow(ExperimentError)
  })
})
