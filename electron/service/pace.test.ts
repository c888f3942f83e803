import { describe, expect, it } from 'vitest'
import { Pace } from './pace.ts'

describe('the pace of a running machine', () => {
  it('is not limited at speed 0', () => {
    const pace = new Pace()
    pace.made(10, 1e9, 2)
    expect(pace.isLimited).toBe(false)
    expect(pace.references).toBe(Infinity)
    expect(pace.aheadMs(1e12, 1)).toBe(0)
  })

  it('lets virtual time advance in quanta of a call, however long a reference takes', () => {
    for (const nsPerReference of [100, 5000, 1e6]) {
      const pace = new Pace()
      pace.setSpeed(1, 0, 0)
      let virtualNs = 0
      let largestNs = 0
      for (let call = 0; call < 40; call++) {
        const { references } = pace
        const tookNs = references * nsPerReference
        pace.made(references, tookNs, 2)
        largestNs = Math.max(largestNs, tookNs)
        virtualNs += tookNs
      }
      expect(largestNs).toBeLessThanOrEqual(2e6)
      expect(largestNs).toBeGreaterThan(1e6)
      expect(pace.aheadMs(virtualNs, 0)).toBeCloseTo(virtualNs / 1e6)
    }
  })

  it('makes few references at once as soon as they take long', () => {
    const pace = new Pace()
    pace.setSpeed(1, 0, 0)
    for (let call = 0; call < 30; call++) pace.made(pace.references, pace.references * 100, 2)
    expect(pace.references).toBe(20_000)
    pace.made(1, 8e6, 2)
    expect(pace.references).toBe(1)
  })

  it('does not make up for more than it was behind by in a rush', () => {
    const pace = new Pace()
    pace.setSpeed(2, 0, 0)
    expect(pace.aheadMs(200e6, 200)).toBe(-100)
    expect(pace.aheadMs(200e6, 1100)).toBe(-1000)
    expect(pace.aheadMs(200e6, 1100)).toBe(0)
  })
})
