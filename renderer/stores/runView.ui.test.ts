import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestBridge, testTotals } from '../testing/testBridge.ts'
import { useRuns } from './runs.ts'
import { useRunView } from './runView.ts'
import { startStores } from './start.ts'

let bridge: TestBridge
const live = (references: number, virtualNs: number) =>
  bridge.tell('run.progress', {
    run: 2, status: 'running', references, referencesTotal: 2_000_000, virtualNs, wallSeconds: 1, rate: 4e7,
    totals: testTotals({ run: 2, references, traceDigest: '', status: 'running' }), devices: [],
  })
/** Answers are shown with frames. */
const nextFrames = () => vi.advanceTimersByTimeAsync(50)
const samplesAsked = () => bridge.asked.filter((request) => request.method === 'runs.samples').length

beforeEach(async () => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
  bridge = new TestBridge()
  bridge.runs = bridge.runs.map((run) => (run.id === 2 ? { ...run, status: 'running', totals: testTotals({ run: 2, status: 'running', virtualSeconds: 0 }) } : run))
  await startStores(() => Promise.resolve(bridge))
  await flushPromises()
})
afterEach(() => vi.useRealTimers())

describe('the run that is looked at', () => {
  it('shows exact totals for the whole run, and sums of samples for a selection', async () => {
    const view = useRunView()
    view.wanted = { columns: ['faults'], buckets: 100 }
    await view.open(1)
    await nextFrames()
    expect(view.counted.totals?.faults).toBe(37520)
    view.select(3e9, 6e9)
    await flushPromises()
    expect(view.counted.totals?.faults).not.toBe(37520)
    expect(view.counted.totals?.faults).toBeGreaterThan(1000)
    view.goBack()
    expect(view.counted.totals?.faults).toBe(37520)
  })
  it('follows a running run, asking for samples a few times a second at the most', async () => {
    const view = useRunView()
    view.wanted = { columns: ['faults'], buckets: 100 }
    await view.open(2)
    live(1000, 1e9)
    await vi.advanceTimersByTimeAsync(1000)
    const before = samplesAsked()
    for (let i = 1; i <= 20; i++) {
      live(1000 + i, 1e9 + i * 1e7)
      await vi.advanceTimersByTimeAsync(50)
    }
    expect(view.virtualNs).toBe(1.2e9)
    expect(view.span.to).toBe(1.2e9)
    expect(samplesAsked() - before).toBeLessThanOrEqual(10)
    expect(samplesAsked() - before).toBeGreaterThanOrEqual(4)
  })
  it('keeps a chosen range while the run grows', async () => {
    const view = useRunView()
    await view.open(2)
    live(1000, 1e9)
    await flushPromises()
    view.show({ from: 2e8, to: 4e8 })
    live(2000, 2e9)
    await flushPromises()
    expect(view.span).toEqual({ from: 2e8, to: 4e8 })
  })
  it('knows the newest status and share of a running run in the list', async () => {
    live(500_000, 1e9)
    await flushPromises()
    const run = useRuns().newest.find((item) => item.id === 2)
    expect(run && useRuns().shareDone(run)).toBe(0.25)
    expect(useRuns().live.map((item) => item.id)).toEqual([2])
  })
  it('asks a run that is not recorded for nothing that it has not, and says when it is not known any more', async () => {
    const listed = bridge.runs
    bridge.runs = [...listed, { ...listed[0]!, id: -1, status: 'finished', totals: testTotals({ run: null }) }]
    await useRuns().load()
    expect(useRuns().newest[0]?.id).toBe(-1)
    const view = useRunView()
    view.wanted = { columns: ['faults'], buckets: 100 }
    await view.open(-1)
    expect([view.isRecorded, view.status, view.problem]).toEqual([false, 'finished', ''])
    expect(samplesAsked()).toBe(0)
    bridge.runs = listed
    await view.open(1)
    await view.open(-1)
    expect(view.problem).toContain('It was not recorded')
  })
  it('says why a run cannot be shown', async () => {
    const view = useRunView()
    await view.open(99)
    expect(view.problem).toBe('there is no run 99')
  })
})
