import { describe, expect, it } from 'vitest'
import { percentilesOf } from './latencies.ts'

describe('percentiles of latencies', () => {
  it('are latencies that a share of the requests did not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
    expect(percentilesOf(hundred, false)).toEqual({ p50: 50, p90: 90, p99: 99, most: 100, count: 100, isPart: false })
    expect(percentilesOf([7], true)).toEqual({ p50: 7, p90: 7, p99: 7, most: 7, count: 1, isPart: true })
  })
  it('are none without requests', () => {
    expect(percentilesOf([], false)).toBeNull()
  })
})
