import { describe, expect, it } from 'vitest'
import { Random, thresholdOf } from './random.ts'

function take(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.next())
}

describe('random numbers', () => {
  it('are those that the authors of xoshiro128** give for the state 1, 2, 3, 4', () => {
    const random = new Random(0)
    random.setState(1, 2, 3, 4)
    expect(take(random, 6)).toEqual([11520, 0, 5927040, 70819200, 2031721883, 1637235492])
  })

  it('are the same for the same seed and stream, and others for any other', () => {
    const sequences = [
      [1, 0],
      [1, 1],
      [2, 0],
      [0, 1],
      [4294967296, 0],
      [0, 4294967296],
      [4294967297, 0],
    ].map(([seed = 0, stream = 0]) => take(new Random(seed, stream), 4).join())
    expect(new Set(sequences).size).toBe(sequences.length)
    expect(take(new Random(7, 9), 5)).toEqual(take(new Random(7, 9), 5))
  })

  it('stay what they are: stored experiments rest on them', () => {
    expect(take(new Random(1, 0), 3)).toMatchInlineSnapshot(`
      [
        2993756407,
        3726618898,
        3442944330,
      ]
    `)
  })

  it('do not stand still on a state of zeros', () => {
    const random = new Random(0)
    random.setState(0, 0, 0, 0)
    expect(new Set(take(random, 20)).size).toBeGreaterThan(10)
  })

  it('are spread evenly below a bound', () => {
    const random = new Random(3)
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 100000; i++) counts[random.below(10)]!++
    for (const count of counts) expect(Math.abs(count - 10000)).toBeLessThan(400)
    for (let i = 0; i < 100; i++) expect(random.below(1)).toBe(0)
  })

  it('give fractions from 0 to below 1 with the mean in the middle', () => {
    const random = new Random(4)
    const fractions = Array.from({ length: 100000 }, () => random.fraction())
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true)
    expect(fractions.reduce((sum, fraction) => sum + fraction, 0) / 100000).toBeCloseTo(0.5, 2)
  })

  it('reach a threshold of 1 always and of 0 never', () => {
    expect(thresholdOf(1)).toBe(4294967296)
    expect(thresholdOf(0)).toBe(0)
  })
})
