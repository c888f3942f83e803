/**
 * The whole engine against exact figures: as plain as a replacement simulator (thresholds 0, clusters of 1, no
 * read-ahead, instant devices, all memory anonymous) its faults, swapins and pageouts are those of the policy.
 *
 * With the full traces at hand (environment variable PAGER_TRACES) the figures are the published tables; on every machine the demo trace is
 * compared with the simplest simulator there is, below.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { importTrace } from '../workload/importers/index.ts'
import type { ProcessStream } from '../workload/workload.ts'
import { Counter } from './metrics.ts'
import { runToEnd, testMachine } from './testing.ts'

const policies = ['lru', 'fifo', 'clock'] as const
type Policy = (typeof policies)[number]

function measure(stream: ProcessStream, policy: Policy, frames: number, contents: 'verify' | 'none') {
  const under = testMachine({
    streams: [stream],
    frames,
    policy,
    isPlain: true,
    swapPages: [stream.pageCount + 64, stream.pageCount + 64],
    contents,
  })
  try {
    expect(runToEnd(under.machine)).toBe('finished')
    const totals = under.machine.totals()
    expect(totals[Counter.bytesVerified]).toBe(totals[Counter.bytesRead])
    if (contents === 'verify') expect(totals[Counter.bytesRead]).toBe(totals[Counter.pagesIn]! * 4096)
    return { misses: totals[Counter.faults]!, swapins: totals[Counter.swapins]!, pageouts: totals[Counter.pagesOut]! }
  } finally {
    under.close()
  }
}

/** The policies written down as plainly as can be: a list in eviction order, or a ring. */
function simulate(references: Uint32Array, policy: Policy, frames: number) {
  const result = { misses: 0, swapins: 0, pageouts: 0 }
  const order = new Map<number, true>() // FIFO, LRU: first is the next victim
  const ring: number[] = []
  const bits = new Map<number, boolean>()
  const dirty = new Set<number>()
  const onDisk = new Set<number>()
  let hand = 0
  for (const reference of references) {
    const page = reference >>> 2
    const isResident = policy === 'clock' ? bits.has(page) : order.has(page)
    if (isResident) {
      if (policy === 'lru') {
        order.delete(page)
        order.set(page, true)
      } else if (policy === 'clock') bits.set(page, true)
    } else {
      result.misses += 1
      if (onDisk.has(page)) result.swapins += 1
      let victim = -1
      if (policy !== 'clock') {
        if (order.size === frames) {
          victim = order.keys().next().value!
          order.delete(victim)
        }
        order.set(page, true)
      } else if (ring.length < frames) ring.push(page)
      else {
        while (bits.get(ring[hand]!)) {
          bits.set(ring[hand]!, false)
          hand = (hand + 1) % frames
        }
        victim = ring[hand]!
        bits.delete(victim)
        ring[hand] = page
        hand = (hand + 1) % frames
      }
      if (policy === 'clock') bits.set(page, false)
      if (victim >= 0 && dirty.delete(victim)) {
        result.pageouts += 1
        onDisk.add(victim)
      }
    }
    if ((reference & 3) === 1) dirty.add(page)
  }
  return result
}

describe('the whole engine equals the plainest simulator on the demo trace', () => {
  let stream: ProcessStream
  let references: Uint32Array
  beforeAll(async () => {
    const workload = await importTrace(path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst'))
    stream = workload.processes[0]!
    const reader = stream.open()
    references = new Uint32Array(stream.referenceCount)
    for (let at = 0; at < references.length;) {
      const view = reader.read(at)
      references.set(view, at)
      at += view.length
    }
  })
  for (const policy of policies)
    for (const percent of [10, 50])
      test(`${policy} at ${percent} % of the footprint`, () => {
        const frames = Math.floor((stream.pageCount * percent) / 100)
        expect(measure(stream, policy, frames, 'verify')).toEqual(simulate(references, policy, frames))
      })
})

const traces = process.env['PAGER_TRACES'] ?? ''
describe.skipIf(!existsSync(path.join(traces, 'expected-pageouts.tsv')))(
  'the whole engine equals the golden tables',
  () => {
    const rows = existsSync(path.join(traces, 'expected-pageouts.tsv'))
      ? readFileSync(path.join(traces, 'expected-pageouts.tsv'), 'utf8')
          .trim()
          .split('\n')
          .slice(1)
          .map((line) => line.split('\t'))
      : []
    for (const trace of new Set(rows.map((row) => row[0]!)))
      test(`${trace}: every policy at every size`, { timeout: 300_000 }, async () => {
        const workload = await importTrace(path.join(traces, `${trace}.pgt.zst`))
        const got: string[] = []
        const wanted: string[] = []
        for (const [name, frames, policy, requests, misses, swapins, pageouts] of rows) {
          if (name !== trace || !(policies as readonly string[]).includes(policy!.toLowerCase())) continue
          expect(workload.processes[0]!.referenceCount).toBe(Number(requests))
          // the largest trace goes without bytes: its counts are what matters here, bytes are checked on the others
          const measured = measure(
            workload.processes[0]!,
            policy!.toLowerCase() as Policy,
            Number(frames),
            Number(requests) > 30e6 ? 'none' : 'verify',
          )
          got.push(`${policy!} ${frames!}: ${measured.misses} ${measured.swapins} ${measured.pageouts}`)
          wanted.push(`${policy!} ${frames!}: ${misses!} ${swapins!} ${pageouts!}`)
        }
        expect(got).toEqual(wanted)
        expect(got).toHaveLength(12)
      })
  },
)
