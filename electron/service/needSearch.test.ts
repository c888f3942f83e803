import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NeedLayout } from '../contract/memoryNeed.ts'
import {
  bestLayout,
  findLayout,
  unlimitedRun,
  type MachineRun,
  type MachineSize,
  type RunMachine,
} from './needSearch.ts'

const FOOTPRINT = 1000
const unlimited = { frames: 3000, virtualNs: 1e6 }
const options = { devices: 1, footprint: FOOTPRINT, unlimited, within: 5 }

/** Machines that take `slowdown(size)` times the time of unlimited RAM. */
function machines(slowdown: (size: MachineSize) => number, more: Partial<MachineRun> = {}) {
  const sizes: MachineSize[] = []
  const run: RunMachine = (size, limitNs) => {
    sizes.push(size)
    const virtualNs = unlimited.virtualNs * slowdown(size)
    return Promise.resolve(
      virtualNs > limitNs ? null : { isComplete: true, virtualNs, peakSwapPages: 0, hasEvicted: false, ...more },
    )
  }
  return { run, sizes }
}

describe('the smallest RAM', () => {
  it('is the one next to which a smaller one is too slow, whatever that is', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: unlimited.frames }), async (frames) => {
        const { run, sizes } = machines((size) => (size.frames >= frames ? 1.05 : 1.06))
        const layout = await findLayout(run, options)
        expect(layout).toMatchObject({
          frames,
          safeFrames: frames,
          exceptions: [],
          slowdown: 1.05,
          peakSwapPages: 0,
          swapPages: 0,
          fragmentationMargin: 0,
        })
        // no machine is made twice
        expect(new Set(sizes.map((size) => size.frames)).size).toBe(sizes.length)
      }),
      { numRuns: 50 },
    ))

  it('with neighbours that say otherwise tells them, and from where on all were within', async () => {
    // 900 and more will do, but not 918 to 950; and 855 will do
    const isFast = ({ frames }: MachineSize) => (frames >= 900 && !(frames >= 918 && frames <= 950)) || frames === 855
    const layout = await findLayout(machines((size) => (isFast(size) ? 1 : 2)).run, options)
    // the bisection may have met the slow ones first
    expect(layout.exceptions.length).toBeGreaterThan(0)
    for (const { frames, isWithin } of layout.exceptions) expect(isWithin).toBe(frames < layout.frames)
    expect(isFast({ frames: layout.safeFrames, devices: 1, swapPages: 0 })).toBe(true)
    expect(layout.probes.filter(({ frames, isWithin }) => frames >= layout.safeFrames && !isWithin)).toEqual([])
  })

  it('needs the peak of swap, and what fragmentation wants beyond it', async () => {
    const slowdown = ({ frames, swapPages }: MachineSize) => (frames >= 700 && swapPages >= 260 ? 1.02 : 3)
    const layout = await findLayout(machines(slowdown, { peakSwapPages: 200 }).run, options)
    expect(layout).toMatchObject({ frames: 700, peakSwapPages: 200, swapPages: 260 })
    expect(layout.fragmentationMargin).toBeCloseTo(0.3, 12)
  })

  it('a machine on which a process was killed is no answer, however fast it was', async () => {
    const run: RunMachine = ({ frames }) =>
      Promise.resolve({ isComplete: frames >= 600, virtualNs: 1e6, peakSwapPages: 0, hasEvicted: true })
    expect(await findLayout(run, options)).toMatchObject({ frames: 600 })
  })
})

describe('unlimited RAM', () => {
  it('is so much that nothing is evicted', async () => {
    const run: RunMachine = ({ frames }) =>
      Promise.resolve({ isComplete: true, virtualNs: 5, peakSwapPages: 0, hasEvicted: frames < 6000 })
    const found = await unlimitedRun(run, FOOTPRINT, 0)
    expect(found.frames).toBeGreaterThanOrEqual(6000)
    expect(found.virtualNs).toBe(5)
  })

  it('does not help a workload that cannot end', async () => {
    await expect(unlimitedRun(() => Promise.resolve(null), FOOTPRINT, 0)).rejects.toThrow('does not get to its end')
  })
})

it('the best number of devices needs least RAM, then time, then devices', () => {
  const layout = (devices: number, frames: number, virtualSeconds: number): NeedLayout => ({
    devices,
    frames,
    virtualSeconds,
    slowdown: 1,
    exceptions: [],
    safeFrames: frames,
    peakSwapPages: 0,
    swapPages: 0,
    fragmentationMargin: 0,
    probes: [],
  })
  expect(bestLayout([layout(1, 100, 2), layout(2, 90, 3), layout(4, 90, 2)])).toBe(4)
  expect(bestLayout([layout(4, 90, 2), layout(2, 90, 2)])).toBe(2)
})
