/**
 * The search for the smallest RAM with which a workload is about as fast as with all the RAM it could use. Pure: it is given
 * what runs a machine.
 *
 * Virtual time is not monotone in RAM: one frame more moves thresholds, clusters and with them every request. Bisection finds a
 * place where `frames` is within and `frames - 1` is not; whether that is the only one is looked at afterwards, at the neighbours, and
 * told.
 */
import type { NeedLayout, NeedProbe } from '../contract/memoryNeed.ts'

export interface MachineSize {
  frames: number
  devices: number
  /** Over all devices, without their labels. */
  swapPages: number
}

export interface MachineRun {
  /** Every reference was made. */
  isComplete: boolean
  virtualNs: number
  /** Most swap blocks in use at once, by the samples. */
  peakSwapPages: number
  /** Whether a page had to leave RAM. */
  hasEvicted: boolean
}

/** Runs a machine; null where it is too small to be one, or its virtual time passes `limitNs`. */
export type RunMachine = (size: MachineSize, limitNs: number) => Promise<MachineRun | null>

/** Shares of the frames found at which neighbours are looked at, on both sides. */
const NEIGHBOURS = [0.005, 0.01, 0.02, 0.05, 0.1]

/** RAM in which nothing is ever evicted, and how long the workload takes there. Throws Error where it does not get to its end. */
export async function unlimitedRun(
  run: RunMachine,
  footprint: number,
  wired: number,
): Promise<{ frames: number; virtualNs: number }> {
  const swapPages = ampleSwap(footprint)
  for (let frames = Math.ceil(footprint * 1.25) + 1024 + wired; ; frames *= 2) {
    const result = await run({ frames, devices: 1, swapPages }, Infinity)
    if (!result?.isComplete) throw new Error('the workload does not get to its end even with more RAM than it touches')
    if (!result.hasEvicted || frames > footprint * 16) return { frames, virtualNs: result.virtualNs }
  }
}

/** More than can be used at once. */
export const ampleSwap = (footprint: number): number => 2 * footprint + 4096

export interface SearchOptions {
  devices: number
  footprint: number
  unlimited: { frames: number; virtualNs: number }
  /** Per cent. */
  within: number
  onBracket?: (low: number, high: number) => void
}

export async function findLayout(run: RunMachine, options: SearchOptions): Promise<NeedLayout> {
  const { devices, footprint, unlimited, within, onBracket } = options
  const limitNs = unlimited.virtualNs * (1 + within / 100)
  const swapPages = ampleSwap(footprint)
  const probes = new Map<number, NeedProbe>()
  const results = new Map<number, MachineRun>()
  const isWithin = async (frames: number): Promise<boolean> => {
    const known = probes.get(frames)
    if (known) return known.isWithin
    const result = await run({ frames, devices, swapPages }, limitNs)
    const fits = result !== null && result.isComplete && result.virtualNs <= limitNs
    probes.set(frames, {
      frames,
      slowdown: fits ? result.virtualNs / Math.max(1, unlimited.virtualNs) : null,
      isWithin: fits,
    })
    if (fits) results.set(frames, result)
    return fits
  }

  // nothing fits into no RAM; with unlimited RAM and another number of devices nothing is swapped either
  const frames = await smallest(0, unlimited.frames, isWithin, onBracket)
  await isWithin(frames)
  const below = await tried(
    NEIGHBOURS.map((share) => frames - Math.ceil(frames * share)).filter((each) => each > 0),
    isWithin,
  )
  const above = await tried(
    [frames + 1, ...NEIGHBOURS.map((share) => frames + Math.ceil(frames * share))].filter(
      (each) => each <= unlimited.frames,
    ),
    isWithin,
  )
  const wrong = [...below.filter((each) => each.fits), ...above.filter((each) => !each.fits)].map((each) => each.frames)
  // from the largest of the tried that is not within, the next one that is
  const lastBad = Math.max(0, ...[...probes.values()].filter((probe) => !probe.isWithin).map((probe) => probe.frames))
  const safeFrames = lastBad < frames ? frames : await smallest(lastBad, unlimited.frames, isWithin)

  const found = results.get(frames)
  if (!found)
    throw new Error(
      `no machine was found on which the workload takes at most ${within} % more time than with unlimited RAM`,
    )
  const { virtualNs, peakSwapPages } = found
  const holds = async (pages: number): Promise<boolean> => {
    const result = await run({ frames, devices, swapPages: pages }, limitNs)
    return result !== null && result.isComplete && result.virtualNs <= limitNs
  }
  // with less than the peak the daemon would hold other pages back: another machine, and no answer to what this one needs
  const needed = peakSwapPages === 0 ? 0 : await smallest(peakSwapPages - 1, swapPages, holds)
  return {
    devices,
    frames,
    virtualSeconds: virtualNs / 1e9,
    slowdown: virtualNs / Math.max(1, unlimited.virtualNs),
    exceptions: wrong.flatMap((each) => probes.get(each) ?? []).sort((a, b) => a.frames - b.frames),
    safeFrames,
    peakSwapPages,
    swapPages: needed,
    fragmentationMargin: peakSwapPages === 0 ? 0 : needed / peakSwapPages - 1,
    probes: [...probes.values()].sort((a, b) => a.frames - b.frames),
  }
}

/** By bisection, a value that is good next to one that is not: `bad` is known not to be, `good` is taken to be. */
async function smallest(
  bad: number,
  good: number,
  isGood: (value: number) => Promise<boolean>,
  onBracket?: (bad: number, good: number) => void,
): Promise<number> {
  while (good - bad > 1) {
    onBracket?.(bad, good)
    const middle = Math.floor((bad + good) / 2)
    if (await isGood(middle)) good = middle
    else bad = middle
  }
  return good
}

async function tried(
  sizes: number[],
  isWithin: (frames: number) => Promise<boolean>,
): Promise<{ frames: number; fits: boolean }[]> {
  const results: { frames: number; fits: boolean }[] = []
  for (const frames of [...new Set(sizes)]) results.push({ frames, fits: await isWithin(frames) })
  return results
}

/** The number of devices that needs least RAM; among equals the fastest, then the fewest. */
export function bestLayout(layouts: readonly NeedLayout[]): number {
  const [best] = [...layouts].sort(
    (a, b) => a.frames - b.frames || a.virtualSeconds - b.virtualSeconds || a.devices - b.devices,
  )
  return best?.devices ?? 0
}
