import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { importTrace } from '../../workload/importers/index.ts'
import type { ProcessStream } from '../../workload/workload.ts'
import { replacementPolicies, replacementPolicy } from './policies/index.ts'
import { ReplacementError, type SizeResult } from './simulator.ts'
import { programLike, simulateNaively } from './testing.ts'

function simulate(policy: string, references: Uint32Array, pageCount: number, frames: number[], piece = Infinity): SizeResult[] {
  const simulator = replacementPolicy(policy).create(pageCount, frames)
  for (let at = 0; at < references.length; at += piece) simulator.take(references.subarray(at, at + piece))
  return simulator.results()
}

const stream = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 2 })), { maxLength: 300 }))
  .map(([pageCount, list]) => ({
    pageCount,
    pages: list.map(([page]) => page % pageCount),
    kinds: list.map(([, kind]) => kind),
  }))
const referencesOf = (pages: number[], kinds: number[]) => Uint32Array.from(pages, (page, i) => (page << 2) | kinds[i]!)

describe.each(replacementPolicies.map(({ name }) => name))('%s', (policy) => {
  test('counts what the plainest model counts, for any stream and size', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 26 }), ({ pageCount, pages, kinds }, frames) => {
        const [result] = simulate(policy, referencesOf(pages, kinds), pageCount, [frames])
        expect(result).toEqual(simulateNaively(policy, pages, kinds, frames))
      }),
      { numRuns: 300 },
    )
  })

  test('counts what the plainest model counts on long streams of a program', () => {
    for (const seed of [1, 2, 3]) {
      const { pages, kinds, references } = programLike(60, 20_000, seed)
      for (const frames of [1, 2, 7, 20, 45, 59, 60])
        expect(simulate(policy, references, 60, [frames])).toEqual([simulateNaively(policy, pages, kinds, frames)])
    }
  })

  test('counts the same for many sizes in one pass, in any order, as for each alone', () => {
    const { references } = programLike(100, 30_000, 9)
    const sizes = [50, 3, 99, 10, 10, ...Array.from({ length: 40 }, (_, i) => 1 + 2 * i)]
    expect(simulate(policy, references, 100, sizes)).toEqual(sizes.flatMap((size) => simulate(policy, references, 100, [size])))
  })

  test('does not depend on how the stream is cut', () => {
    const { references } = programLike(80, 10_000, 4)
    const whole = simulate(policy, references, 80, [5, 30, 70])
    for (const piece of [1, 3, 997]) expect(simulate(policy, references, 80, [5, 30, 70], piece)).toEqual(whole)
  })

  test('misses each page once where all of them fit', () => {
    const { references } = programLike(40, 5000, 5)
    const footprint = new Set(references.map((reference) => reference >>> 2)).size
    for (const frames of [40, 41, 1_000_000])
      expect(simulate(policy, references, 40, [frames])).toEqual([{ frames, misses: footprint, swapins: 0, pageouts: 0 }])
  })

  test('no policy misses less often than the optimum', () => {
    const { references } = programLike(90, 20_000, 6)
    const sizes = [4, 20, 60]
    const least = simulate('opt', references, 90, sizes)
    simulate(policy, references, 90, sizes).forEach(({ misses }, i) => expect(misses).toBeGreaterThanOrEqual(least[i]!.misses))
  })
})

test('names that are not known and sizes that cannot be are refused', () => {
  expect(() => replacementPolicy('mru')).toThrow(/no policy "mru"; there are lru, fifo/)
  expect(replacementPolicy('S3-FIFO').name).toBe('s3fifo')
  for (const frames of [[], [0], [-1], [2.5]]) expect(() => replacementPolicy('lru').create(10, frames)).toThrow(ReplacementError)
})

async function load(file: string): Promise<{ stream: ProcessStream; references: Uint32Array }> {
  const [stream] = (await importTrace(file)).processes
  const references = new Uint32Array(stream!.referenceCount)
  const reader = stream!.open()
  for (let at = 0; at < references.length; ) {
    const view = reader.read(at)
    references.set(view, at)
    at += view.length
  }
  return { stream: stream!, references }
}

describe('a cut of the demo trace', () => {
  let references: Uint32Array
  beforeAll(async () => {
    const demo = path.resolve(import.meta.dirname, '../../../examples/traces/cc1-demo.pgt.zst')
    references = (await load(demo)).references.slice(0, 20_000)
  })
  test.each(replacementPolicies.map(({ name }) => name))('%s counts what the plainest model counts', (policy) => {
    const pages = Array.from(references, (reference) => reference >>> 2)
    const kinds = Array.from(references, (reference) => reference & 3)
    const pageCount = Math.max(...pages) + 1
    for (const frames of [20, 60])
      expect(simulate(policy, references, pageCount, [frames])).toEqual([simulateNaively(policy, pages, kinds, frames)])
  })
})

const folder = process.env['PAGER_TRACES'] ?? ''
const tableRows = (name: string) =>
  readFileSync(path.join(folder, name), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
const hasGolden = existsSync(path.join(folder, 'expected-misses.tsv'))
// both tables are read once and at one time: the folder is not ours, and may be written anew while minutes of simulation pass
const golden = hasGolden
  ? { misses: tableRows('expected-misses.tsv'), pageouts: tableRows('expected-pageouts.tsv') }
  : { misses: [], pageouts: [] }
const goldenTraces = [...new Set(golden.misses.map(([trace]) => trace!))]

describe.skipIf(!hasGolden)('the golden tables', () => {
  test.each(goldenTraces)('%s: every policy at every size', { timeout: 300_000 }, async (trace) => {
    const { stream, references } = await load(path.join(folder, `${trace}.pgt.zst`))
    const missRows = golden.misses.filter(([name]) => name === trace)
    const pageoutRows = golden.pageouts.filter(([name]) => name === trace)
    const rows = [...missRows, ...pageoutRows]
    const got: string[] = []
    const wanted = rows.map((row) => row.slice(1).join(' '))
    const sizes = [...new Set(rows.map(([, frames]) => Number(frames)))]
    const results = new Map<string, SizeResult>()
    for (const policy of new Set(rows.map((row) => row[2]!)))
      for (const result of simulate(policy, references, stream.pageCount, sizes)) results.set(`${policy} ${result.frames}`, result)
    for (const [, frames, policy, requests] of missRows)
      got.push(`${frames!} ${policy!} ${requests!} ${results.get(`${policy!} ${frames!}`)!.misses}`)
    for (const [, frames, policy, requests] of pageoutRows) {
      const { misses, swapins, pageouts } = results.get(`${policy!} ${frames!}`)!
      got.push(`${frames!} ${policy!} ${requests!} ${misses} ${swapins} ${pageouts}`)
    }
    expect(got).toEqual(wanted)
    expect(got.length).toBeGreaterThanOrEqual(40)
  })
})
