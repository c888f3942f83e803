import { expect, it } from 'vitest'
import { Latencies } from './latencies.ts'

it('percentiles are those of the sorted values, whenever they are asked for', () => {
  const latencies = new Latencies()
  expect(latencies.summary()).toEqual({ meanNs: 0, p50Ns: 0, p90Ns: 0, p99Ns: 0, maxNs: 0 })
  for (let i = 2000; i >= 1; i--) latencies.add(i)
  expect(latencies.summary()).toEqual({ meanNs: 1000.5, p50Ns: 1000, p90Ns: 1800, p99Ns: 1980, maxNs: 2000 })
  latencies.add(10_000)
  expect([latencies.count, latencies.percentile(1), latencies.percentile(0)]).toEqual([2001, 10_000, 1])
})

it('a histogram counts every latency once, by its power of two', () => {
  const latencies = new Latencies()
  for (const ns of [0, 1, 2, 3, 4, 1023, 1024]) latencies.add(ns)
  expect(latencies.histogram()).toEqual([2, 2, 1, 0, 0, 0, 0, 0, 0, 1, 1])
})
