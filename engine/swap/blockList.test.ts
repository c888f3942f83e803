import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Columns } from '../sim/columns.ts'
import { BlockList, BlockListError, formatFragmentation } from './blockList.ts'

function makeList(blocks: number): BlockList {
  return new BlockList(new Columns(), 'list', blocks)
}

/** Sizes around the boundaries of leaves and levels. */
const anySize = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.constantFrom(63, 64, 65, 128, 4095, 4096, 4097, 8192, 64 * 64 * 64, 64 * 64 * 64 + 1),
)

const anyStep = fc.record({
  what: fc.constantFrom('allocate', 'allocate', 'allocate', 'free', 'free', 'fill', 'resize'),
  position: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  least: fc.integer({ min: 1, max: 64 }),
  more: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
  blocks: anySize,
  flag: fc.boolean(),
})

/** The same list as an array of flags: slow and plain. */
class Model {
  free: Uint8Array

  constructor(blocks: number) {
    this.free = new Uint8Array(blocks)
  }

  get available(): number {
    return this.free.reduce((sum, flag) => sum + flag, 0)
  }

  ranges(): [number, number][] {
    const ranges: [number, number][] = []
    for (let block = 0; block < this.free.length; block++) {
      if (this.free[block] === 0) continue
      const start = block
      while (this.free[block] === 1) block++
      ranges.push([start, block - start])
    }
    return ranges
  }
}

describe('the block list', () => {
  it('hands out only free blocks, misses no run that is there, and keeps its counts, whatever is done to it', () => {
    fc.assert(
      fc.property(anySize, fc.array(anyStep, { maxLength: 60 }), (blocks, steps) => {
        const list = makeList(blocks)
        const model = new Model(blocks)
        const runs: [number, number][] = []
        list.free(0, blocks)
        model.free.fill(1)
        for (const { what, position, least, more, blocks: newBlocks, flag } of steps) {
          const size = model.free.length
          if (what === 'allocate') {
            const first = list.allocate(least, least + more)
            if (first < 0) {
              expect(list.allocated).toBe(0)
              expect(model.ranges().every(([, length]) => length < least)).toBe(true)
              continue
            }
            expect(list.allocated).toBeGreaterThanOrEqual(least)
            expect(list.allocated).toBeLessThanOrEqual(least + more)
            const taken = model.free.subarray(first, first + list.allocated)
            expect(taken.length).toBe(list.allocated)
            expect(taken.every((freeFlag) => freeFlag === 1)).toBe(true)
            taken.fill(0)
            runs.push([first, list.allocated])
            expect(list.cursor).toBe(first + list.allocated === size ? 0 : first + list.allocated)
          } else if (what === 'free') {
            const [run] = runs.splice(Math.floor(position * runs.length), 1)
            if (run === undefined) continue
            list.free(run[0], run[1])
            model.free.fill(1, run[0], run[0] + run[1])
          } else if (what === 'fill') {
            const first = Math.floor(position * size)
            const count = Math.min(least * (flag ? 50 : 1), size - first)
            const range = model.free.subarray(first, first + count)
            expect(list.fill(first, count)).toBe(range.reduce((sum, freeFlag) => sum + freeFlag, 0))
            range.fill(0)
          } else {
            list.resize(newBlocks, flag)
            const old = model.free
            model.free = new Uint8Array(newBlocks)
            if (flag) model.free.fill(1)
            model.free.set(old.subarray(0, newBlocks))
            const kept = runs.filter(([first, length]) => first + length <= newBlocks)
            runs.splice(0, runs.length, ...kept)
            expect(list.blocks).toBe(newBlocks)
            expect(list.cursor).toBe(0)
          }
          expect(list.available).toBe(model.available)
        }
        expect([...list.freeRanges()]).toEqual(model.ranges())
      }),
      { numRuns: 150 },
    )
  })

  it('is entirely allocated when new, and searches on from where it last allocated', () => {
    const list = makeList(1000)
    expect(list.allocate(1, 1)).toBe(-1)
    list.free(0, 1000)
    expect(list.allocate(10, 20)).toBe(0)
    expect(list.allocated).toBe(20)
    list.free(0, 20)
    expect(list.allocate(1, 1)).toBe(20)
    expect(list.cursor).toBe(21)
  })

  it('gives runs that span leaves and inner nodes, up to the maximum asked for', () => {
    const list = makeList(64 * 64 * 3)
    list.free(4000, 300)
    expect(list.allocate(64, 1000)).toBe(4000)
    expect(list.allocated).toBe(300)
    expect(list.available).toBe(0)
  })

  it('refuses what would free a block twice or lies outside, and stays as it was', () => {
    const columns = new Columns()
    const list = new BlockList(columns, 'list', 300)
    list.free(100, 100)
    const before = columns.save()
    const codeOf = (action: () => void): string => {
      try {
        action()
      } catch (error) {
        return error instanceof BlockListError ? error.code : 'another error'
      }
      return 'none'
    }
    expect(codeOf(() => list.free(199, 2))).toBe('blocklist-double-free')
    expect(codeOf(() => list.free(0, 300))).toBe('blocklist-double-free')
    expect(codeOf(() => list.free(299, 2))).toBe('blocklist-range')
    expect(codeOf(() => list.free(-1, 1))).toBe('blocklist-range')
    expect(codeOf(() => list.free(0, 0))).toBe('blocklist-range')
    expect(codeOf(() => list.fill(0, 301))).toBe('blocklist-range')
    expect(codeOf(() => list.allocate(65, 65))).toBe('blocklist-request')
    expect(codeOf(() => list.allocate(0, 1))).toBe('blocklist-request')
    expect(codeOf(() => list.allocate(2, 1))).toBe('blocklist-request')
    expect(codeOf(() => list.resize(0, false))).toBe('blocklist-size')
    expect(codeOf(() => new BlockList(columns, 'other', 2 ** 31 + 1))).toBe('blocklist-size')
    expect(() => list.free(150, 10)).toThrow(
      'block list list: freeing 10 blocks from 150, but block 150 is free already',
    )
    expect(columns.save()).toEqual(before)
  })

  it('comes back from a snapshot with its cursor and hints, and goes on as it did the first time', () => {
    const columns = new Columns()
    const list = new BlockList(columns, 'list', 5000)
    list.free(0, 5000)
    for (let block = 0; block < 5000; block += 9) list.fill(block, 1)
    list.allocate(7, 7)
    const snapshot = columns.save()
    const goOn = (): number[] =>
      Array.from({ length: 900 }, (_, index) => list.allocate(1 + ((index * 7) % 9), 1 + ((index * 7) % 9)))
    const first = goOn()
    list.resize(100, false)
    columns.restore(snapshot)
    expect(list.blocks).toBe(5000)
    expect(goOn()).toEqual(first)
  })

  it('can be taken up again after a snapshot brought back a list that had been destroyed', () => {
    const columns = new Columns()
    const list = new BlockList(columns, 'list', 200)
    list.free(0, 200)
    const snapshot = columns.save()
    list.destroy()
    expect(list.blocks).toBe(0)
    expect(columns.names()).toEqual([])
    columns.restore(snapshot)
    const again = new BlockList(columns, 'list', 'restored')
    expect(again.available).toBe(200)
    expect(again.allocate(64, 100)).toBe(0)
    columns.restore(new Map())
    expect(again.blocks).toBe(0)
  })

  it('lets a variant decide where a search begins', () => {
    class FromTheMiddle extends BlockList {
      protected override searchStart(): number {
        return this.blocks >>> 1
      }
    }
    const list = new FromTheMiddle(new Columns(), 'list', 1000)
    list.free(0, 1000)
    expect(list.allocate(5, 5)).toBe(500)
    expect(list.allocate(5, 5)).toBe(505)
    list.fill(500, 500)
    expect(list.allocate(5, 5)).toBe(0)
  })

  it('works at the far end of the largest list', { timeout: 60_000 }, () => {
    const list = makeList(2 ** 31)
    const last = 2 ** 31 - 1
    list.free(last - 99, 100)
    expect(list.nextFree(0)).toBe(last - 99)
    expect(list.allocate(64, 70)).toBe(last - 99)
    expect([...list.freeRanges()]).toEqual([[last - 29, 30]])
    expect(list.allocate(30, 64)).toBe(last - 29)
    expect(list.cursor).toBe(0)
    list.free(last, 1)
    expect(list.fill(last - 10, 11)).toBe(1)
    expect(list.available).toBe(0)
  })
})

describe('the fragmentation report', () => {
  it('tells sizes in rows that grow like the Fibonacci numbers, the last one up to the largest there is', () => {
    const list = makeList(1000)
    list.free(0, 1)
    list.free(10, 6)
    list.free(20, 7)
    list.free(100, 15)
    list.free(200, 20)
    expect(formatFragmentation(list.statistics()).split('\n')).toEqual([
      'number of maximal free ranges: 5',
      'largest free range: 20',
      'average maximal free range size: 9',
      'number of maximal free ranges of different sizes:',
      '               count  |  size range',
      '               -----  |  ----------',
      '                   1  |  1',
      '                   2  |  5 to 7',
      '                   2  |  13 to 20',
      '',
    ])
  })

  it('is all zeros for a list without free blocks', () => {
    const text = formatFragmentation(makeList(64).statistics())
    expect(text).toContain('number of maximal free ranges: 0\n')
    expect(text.endsWith('                   0  |  0\n')).toBe(true)
  })
})
