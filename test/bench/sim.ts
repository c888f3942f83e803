/**
 * Speed of replacement-only simulation, at 10 % of the footprint, as the geometric mean over the recorded traces (those of the
 * folder PAGER_TRACES names, else the demo trace).
 *
 *   lru, fifo, clock   references per second; baseline: a plain loop over dense typed arrays that counts misses only (ours
 *                      counts swapins and pageouts too)
 *   opt                the same; baseline: next uses found backwards, then a heap of them
 *   mrc                the exact curve at every size; baseline: a Fenwick tree over the last references
 *   peer-NAME          the same; baseline: the rate that libCacheSim's cachesim tells of itself, where its binary is named
 *   NAME-sizes         seconds of one pass for 5, 10, 25 and 50 % of the footprint; baseline: the sum of a pass for each
 *
 * Ours and the baseline take turns and the best round of each counts, since other work on the machine only ever slows one
 * down. Each baseline's misses are compared with ours.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { exactCurve } from '../../engine/sim/replacement/missCurve.ts'
import { replacementPolicy } from '../../engine/sim/replacement/policies/index.ts'
import { StackDistances } from '../../engine/sim/replacement/stackDistance.ts'
import { ContractError } from '../../electron/contract/contract.ts'
import { importTrace } from '../../engine/workload/importers/index.ts'
import { askPeer, writePeerTrace } from './peer.ts'
import type { BenchResult } from './result.ts'

/** Rounds: so many references in all, at least, since a short trace is over before the machine has caught its breath. */
const ROUND_REFERENCES_MIN = 50_000_000
/** References of a trace that are taken, so that all of it stays within a minute or two. */
const REFERENCES_MAX = 10_000_000
const PERCENTS = [5, 10, 25, 50]

interface Trace {
  references: Uint32Array
  pageCount: number
}

export async function bench({ peer }: { peer: string }): Promise<BenchResult[]> {
  const traces: Trace[] = []
  for (const file of traceFiles()) traces.push(await load(file))
  const plain = { lru: plainLru, fifo: plainFifo, clock: plainClock, opt: plainOpt }
  // first, so that a wrong path does not come out after minutes
  const results: BenchResult[] = peer === '' ? [] : peers(peer, traces)
  for (const name of ['lru', 'fifo', 'clock', 'opt'] as const) results.push(single(name, traces, plain[name]))
  results.push(curve(traces))
  for (const name of ['lru', 'fifo', 'clock', 'opt']) results.push(sizes(name, traces))
  return results
}

/** What is written to a file for the peer; a reference takes 24 bytes there. */
const PEER_REFERENCES_MAX = 2_000_000
const PEER_ROUNDS = 5
/** Its miss ratio has so many digits, and its CLOCK need not be ours. */
const RATIO_DIGITS = 4

function peers(binary: string, traces: Trace[]): BenchResult[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-peer-'))
  try {
    const short = traces.map(({ references, pageCount }, i) => {
      const file = path.join(folder, `${i}.oracleGeneral`)
      const first = references.subarray(0, PEER_REFERENCES_MAX)
      writePeerTrace(first, pageCount, file)
      return { references: first, pageCount, file }
    })
    return ['lru', 'fifo', 'clock'].map((name) => {
      const rates = short.map((trace) => {
        const frames = framesOf(trace, 10)
        let best = Infinity
        let theirs = 0
        for (let round = 0; round < PEER_ROUNDS; round++) {
          const one = timed(() => simulate(name, trace, [frames]))
          best = Math.min(best, one.seconds)
          const { rate, missRatio } = askPeer(binary, trace.file, name, frames)
          theirs = Math.max(theirs, rate)
          const ourRatio = one.result / trace.references.length
          if (name !== 'clock' && Math.abs(missRatio - ourRatio) > 10 ** -RATIO_DIGITS)
            throw new ContractError({
              code: 'peer',
              message: `${name}: a miss ratio of ${ourRatio}, the peer has ${missRatio}`,
            })
        }
        return { ours: trace.references.length / best, theirs }
      })
      const value = geometricMean(rates.map(({ ours }) => ours))
      const baseline = geometricMean(rates.map(({ theirs }) => theirs))
      return { name: `peer-${name}`, value, unit: 'references/s', baseline, ratio: value / baseline }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function traceFiles(): string[] {
  const folder = process.env['PAGER_TRACES'] ?? ''
  const recorded = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pgt.zst')) : []
  if (recorded.length > 0) return recorded.map((name) => path.join(folder, name))
  return [path.resolve(import.meta.dirname, '../../examples/traces/cc1-demo.pgt.zst')]
}

async function load(file: string): Promise<Trace> {
  const stream = (await importTrace(file)).processes[0]!
  const references = new Uint32Array(Math.min(stream.referenceCount, REFERENCES_MAX))
  const reader = stream.open()
  for (let at = 0; at < references.length;) {
    const view = reader.read(at).subarray(0, references.length - at)
    references.set(view, at)
    at += view.length
  }
  return { references, pageCount: stream.pageCount }
}

const roundsOf = ({ references }: Trace) => Math.ceil(ROUND_REFERENCES_MIN / Math.max(1, references.length))

const framesOf = (trace: Trace, percent: number) => Math.max(1, Math.floor((trace.pageCount * percent) / 100))

function timed<T>(body: () => T): { seconds: number; result: T } {
  const started = process.hrtime.bigint()
  const result = body()
  return { seconds: Number(process.hrtime.bigint() - started) / 1e9, result }
}

function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** Best rates of two bodies that take turns and must count the same. */
function race(
  name: string,
  traces: Trace[],
  ours: (trace: Trace) => number,
  plain: (trace: Trace) => number,
): BenchResult {
  const rates: number[] = []
  const baselines: number[] = []
  for (const trace of traces) {
    let best = Infinity
    let bestPlain = Infinity
    for (let round = 0; round < roundsOf(trace); round++) {
      const one = timed(() => ours(trace))
      const other = timed(() => plain(trace))
      if (one.result !== other.result)
        throw new Error(`${name}: ${one.result} misses, the plain loop has ${other.result}`)
      best = Math.min(best, one.seconds)
      bestPlain = Math.min(bestPlain, other.seconds)
    }
    rates.push(trace.references.length / best)
    baselines.push(trace.references.length / bestPlain)
  }
  const value = geometricMean(rates)
  const baseline = geometricMean(baselines)
  return { name, value, unit: 'references/s', baseline, ratio: value / baseline }
}

function simulate(name: string, trace: Trace, frames: number[]): number {
  const simulator = replacementPolicy(name).create(trace.pageCount, frames)
  simulator.take(trace.references)
  return simulator.results()[0]!.misses
}

function single(name: string, traces: Trace[], plain: (trace: Trace, frames: number) => number): BenchResult {
  return race(
    name,
    traces,
    (trace) => simulate(name, trace, [framesOf(trace, 10)]),
    (trace) => plain(trace, framesOf(trace, 10)),
  )
}

function curve(traces: Trace[]): BenchResult {
  return race(
    'mrc',
    traces,
    (trace) => {
      const distances = new StackDistances(trace.pageCount)
      distances.take(trace.references)
      return exactCurve(distances).at(framesOf(trace, 10)).misses
    },
    (trace) => plainCurve(trace)[framesOf(trace, 10)]!,
  )
}

function sizes(name: string, traces: Trace[]): BenchResult {
  const together: number[] = []
  const apart: number[] = []
  for (const trace of traces) {
    const frames = PERCENTS.map((percent) => framesOf(trace, percent))
    let best = Infinity
    const bestOf = frames.map(() => Infinity)
    for (let round = 0; round < roundsOf(trace); round++) {
      best = Math.min(best, timed(() => simulate(name, trace, frames)).seconds)
      frames.forEach((size, i) => {
        bestOf[i] = Math.min(bestOf[i]!, timed(() => simulate(name, trace, [size])).seconds)
      })
    }
    together.push(best)
    apart.push(bestOf.reduce((sum, seconds) => sum + seconds, 0))
  }
  const value = geometricMean(together)
  const baseline = geometricMean(apart)
  return { name: `${name}-sizes`, value, unit: 's', baseline, ratio: value / baseline }
}

/** A doubly linked list in two columns by page; the list's end has a number of its own, and the newest page is not moved. */
function plainLru({ references, pageCount }: Trace, frames: number): number {
  const end = pageCount
  const older = new Int32Array(pageCount + 1)
  const newer = new Int32Array(pageCount + 1).fill(-1)
  older[end] = end
  newer[end] = end
  let free = frames
  let misses = 0
  let newest = end
  for (let i = 0; i < references.length; i++) {
    const page = references[i]! >>> 2
    if (page === newest) continue
    const after = newer[page]!
    if (after >= 0) {
      const before = older[page]!
      newer[before] = after
      older[after] = before
    } else {
      misses++
      if (free > 0) free--
      else {
        const victim: number = newer[end]
        const next: number = newer[victim]!
        newer[end] = next
        older[next] = end
        newer[victim] = -1
        if (victim === newest) newest = end
      }
    }
    newer[newest] = page
    older[page] = newest
    newer[page] = end
    older[end] = page
    newest = page
  }
  return misses
}

function plainFifo({ references, pageCount }: Trace, frames: number): number {
  const isResident = new Uint8Array(pageCount)
  const ring = new Int32Array(frames).fill(-1)
  let hand = 0
  let misses = 0
  for (let i = 0; i < references.length; i++) {
    const page = references[i]! >>> 2
    if (isResident[page] !== 0) continue
    misses++
    const victim = ring[hand]!
    if (victim >= 0) isResident[victim] = 0
    ring[hand] = page
    isResident[page] = 1
    if (++hand === frames) hand = 0
  }
  return misses
}

/** One byte a page: absent, resident, referenced. */
function plainClock({ references, pageCount }: Trace, frames: number): number {
  const state = new Uint8Array(pageCount)
  const ring = new Int32Array(frames)
  let used = 0
  let hand = 0
  let misses = 0
  for (let i = 0; i < references.length; i++) {
    const page = references[i]! >>> 2
    if (state[page] !== 0) {
      state[page] = 2
      continue
    }
    misses++
    state[page] = 1
    if (used < frames) {
      ring[used++] = page
      continue
    }
    while (state[ring[hand]!] === 2) {
      state[ring[hand]!] = 1
      if (++hand === frames) hand = 0
    }
    state[ring[hand]!] = 0
    ring[hand] = page
    if (++hand === frames) hand = 0
  }
  return misses
}

/** Belady as it is usually written: the next use of each reference, and a heap in which outdated entries are skipped. */
function plainOpt({ references, pageCount }: Trace, frames: number): number {
  const count = references.length
  const nextUse = new Int32Array(count)
  const seen = new Int32Array(pageCount).fill(count)
  for (let i = count - 1; i >= 0; i--) {
    const page = references[i]! >>> 2
    nextUse[i] = seen[page]!
    seen[page] = i
  }
  // resident pages by next use; one that is referenced gets a new entry, since it is not used again before it
  const heapUse = new Int32Array(count + 1)
  const heapPage = new Int32Array(count + 1)
  const useOf = new Int32Array(pageCount).fill(-1)
  let length = 0
  let resident = 0
  let misses = 0
  for (let i = 0; i < count; i++) {
    const page = references[i]! >>> 2
    const use = nextUse[i]!
    if (useOf[page] === -1) {
      misses++
      if (resident === frames) {
        for (;;) {
          const victim = heapPage[0]!
          const isCurrent = useOf[victim] === heapUse[0]
          length--
          const lastUse = heapUse[length]!
          const lastPage = heapPage[length]!
          let at = 0
          for (let child = 1; child < length; child = 2 * at + 1) {
            if (child + 1 < length && heapUse[child + 1]! > heapUse[child]!) child++
            if (heapUse[child]! <= lastUse) break
            heapUse[at] = heapUse[child]!
            heapPage[at] = heapPage[child]!
            at = child
          }
          heapUse[at] = lastUse
          heapPage[at] = lastPage
          if (!isCurrent) continue
          useOf[victim] = -1
          break
        }
      } else resident++
    }
    useOf[page] = use
    let at = length++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heapUse[parent]! >= use) break
      heapUse[at] = heapUse[parent]!
      heapPage[at] = heapPage[parent]!
      at = parent
    }
    heapUse[at] = use
    heapPage[at] = page
  }
  return misses
}

/** Misses by size, from a Fenwick tree with a mark at each page's last reference; closed up when it is full. */
function plainCurve({ references, pageCount }: Trace): Float64Array {
  let span = 4096
  while (span < 4 * pageCount) span *= 2
  const tree = new Int32Array(span + 1)
  const slotOf = new Int32Array(pageCount)
  const pageAt = new Int32Array(span + 1)
  const histogram = new Float64Array(pageCount + 1)
  let slot = 0
  let marks = 0
  const add = (at: number, change: number) => {
    for (; at <= span; at += at & -at) tree[at]! += change
  }
  for (let i = 0; i < references.length; i++) {
    const page = references[i]! >>> 2
    const last = slotOf[page]!
    if (last === 0) histogram[0]! += 1
    else {
      let before = 0
      for (let at = last - 1; at > 0; at -= at & -at) before += tree[at]!
      histogram[marks - before]! += 1
      add(last, -1)
      marks--
      slotOf[page] = 0
    }
    if (slot === span) {
      tree.fill(0)
      let kept = 0
      for (let at = 1; at <= span; at++) {
        const other = pageAt[at]!
        if (slotOf[other] !== at) continue
        slotOf[other] = ++kept
        pageAt[kept] = other
        add(kept, 1)
      }
      slot = kept
    }
    slotOf[page] = ++slot
    pageAt[slot] = page
    add(slot, 1)
    marks++
  }
  const misses = new Float64Array(pageCount + 1)
  misses[pageCount] = histogram[0]!
  for (let frames = pageCount - 1; frames >= 0; frames--) misses[frames] = misses[frames + 1]! + histogram[frames + 1]!
  return misses
}
