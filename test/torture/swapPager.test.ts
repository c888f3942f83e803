import { describe, expect, test } from 'vitest'
import { operationSeeds, runEpisode, torture } from './swapPager.ts'

describe('torture of the swap pager', () => {
  test.each([1, 2, 3, 4, 5])('10,000 random operations from seed %i violate nothing', (seed) => {
    const result = torture(seed, 10_000)
    // the text names the episode and the shortest list of operations that fails: it is the bug report
    expect(result.violations, `seed ${seed}`).toEqual([])
    expect(result.operations).toBe(10_000)
  })

  test('what it does is worth checking: pages go both ways, requests fail, devices come and go, blocks run out', () => {
    const { happened, performed } = torture(8, 40_000)
    expect(happened['pagesIn']).toBeGreaterThan(2000)
    expect(happened['pagesOut']).toBeGreaterThan(5000)
    for (const event of ['swapoffs', 'readErrors', 'pagesStuck', 'writeErrors', 'writesRefused', 'putsWithoutSpace'])
      expect(happened[event], event).toBeGreaterThan(10)
    expect(happened['blocksLeaked']).toBeGreaterThan(0)
    // the 26th makes a device disappear, which few machines live to see
    expect(Object.keys(performed).length).toBeGreaterThanOrEqual(25)
  })

  test('an episode repeats: the same seeds give the same operations', () => {
    const logs = [0, 1].map(() => {
      const lines: string[] = []
      runEpisode(77, operationSeeds(77, 1000), (line) => lines.push(line))
      return lines.join('\n')
    })
    expect(logs[0]).toBe(logs[1])
    expect(logs[0]!.length).toBeGreaterThan(5000)
  })
})
