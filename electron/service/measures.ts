/** What a sweep measures of a run: its totals, from the first reference or from the end of a warm-up on. */
import type { TraceStore } from '../../db/traceStore.ts'
import {
  Counter,
  counterDefinitions,
  COUNTERS,
  Gauge,
  SAMPLE_WIDTH,
  type CounterName,
} from '../../engine/sim/metrics.ts'

interface Measure {
  name: string
  unit: string
  meaning: string
}

const counters = [
  'references',
  'faults',
  'softFaults',
  'zeroFills',
  'copyOnWriteFaults',
  'swapins',
  'pagesIn',
  'swapouts',
  'pagesOut',
  'vnodeins',
  'vnodePagesIn',
  'vnodeouts',
  'vnodePagesOut',
  'evictions',
  'reactivations',
  'daemonWakeups',
  'memoryWaits',
  'deviceReads',
  'deviceWrites',
  'bytesRead',
  'bytesWritten',
] as const satisfies readonly CounterName[]

export const measureDefinitions: readonly Measure[] = [
  { name: 'virtualSeconds', unit: 's', meaning: 'Virtual time.' },
  { name: 'stallSeconds', unit: 's', meaning: 'Virtual time processes were blocked on faults, summed over processes.' },
  { name: 'peakSwapPages', unit: 'pages', meaning: 'Most swap blocks in use at the end of a sample.' },
  ...counters.map((name) => {
    const { unit, meaning } = counterDefinitions.find((each) => each.name === name) ?? { unit: '', meaning: '' }
    return { name, unit, meaning }
  }),
]

/**
 * The measures of a recorded run by name. The first `warmup` references do not count, up to the end of the sample in which the last
 * of them was made. Throws StoreError `not-found`.
 */
export function measuresOf(store: TraceStore, runId: number, warmup: number): Record<string, number> {
  const { bucketNs, endTimeNs } = store.runs.detail(runId)
  const summed = [...counters, 'stallNs'] as const
  const { columns } = store.samples.query(runId, {
    fromNs: 0,
    toNs: endTimeNs + bucketNs,
    buckets: 1,
    columns: [...summed, 'swapUsed'],
  })
  const column = (name: string) => columns.find((each) => each.name === name)
  const sums = new Map<string, number>(
    summed.map((name) => [name, column(name)?.sum.reduce((sum, value) => sum + value, 0) ?? 0]),
  )
  let fromNs = 0
  let peakSwapPages = most(column('swapUsed')?.max ?? [])
  if (warmup > 0) {
    const left = afterWarmup(store, runId, warmup)
    fromNs = Math.min(endTimeNs, left.buckets * bucketNs)
    for (const name of summed) sums.set(name, (sums.get(name) ?? 0) - (left.sums.get(name) ?? 0))
    peakSwapPages = left.peakSwapPages
  }
  return {
    virtualSeconds: (endTimeNs - fromNs) / 1e9,
    stallSeconds: (sums.get('stallNs') ?? 0) / 1e9,
    peakSwapPages,
    ...Object.fromEntries(counters.map((name) => [name, sums.get(name) ?? 0])),
  }
}

const most = (values: Iterable<number>): number => {
  let peak = 0
  for (const value of values) if (value > peak) peak = value
  return peak
}

/** What the warm-up takes: its buckets and counts. And the peak of swap in what follows. */
function afterWarmup(store: TraceStore, runId: number, warmup: number) {
  const sums = new Map<string, number>()
  const swapUsed = 1 + COUNTERS + Gauge.swapUsed
  let references = 0
  let buckets = 0
  let peakSwapPages = 0
  for (const { rows, count } of store.samples.rows(runId))
    for (let row = 0; row < count; row++) {
      const at = row * SAMPLE_WIDTH
      if (references < warmup) {
        references += rows[at + 1 + Counter.references] ?? 0
        buckets = (rows[at] ?? 0) + 1
        for (const name of [...counters, 'stallNs'] as const)
          sums.set(name, (sums.get(name) ?? 0) + (rows[at + 1 + Counter[name]] ?? 0))
      }
      // what stands in swap when the warm-up ends counts too
      if (references >= warmup) peakSwapPages = Math.max(peakSwapPages, rows[at + swapUsed] ?? 0)
    }
  return { sums, buckets, peakSwapPages }
}
