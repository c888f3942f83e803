/** Virtual time against RAM, as the search for the smallest RAM found it: a line for each number of devices. Pure. */
import type { NeedResult } from '../../../electron/contract/memoryNeed.ts'
import { ticksTo, type SweepChart } from '../sweep/sweepChart.ts'

/** Round numbers between the two, about four of them. */
const roundBetween = (low: number, high: number): number[] => {
  const step = ticksTo(high - low)[1] ?? 1
  const first = Math.floor(low / step) + 1
  return Array.from({ length: Math.max(0, Math.ceil(high / step) - first) }, (_, i) => (first + i) * step)
}

const pointText = (place: string, slowdown: number) => ({ place, text: `${place}: ${slowdown.toFixed(3)} times` })

/** Null where no machine was within. */
export function needChart({ layouts }: NeedResult): SweepChart | null {
  const fits = layouts.map(({ devices, probes }) => ({ devices, points: probes.flatMap(({ frames, slowdown }) => (slowdown === null ? [] : [{ frames, slowdown }])) }))
  const all = fits.flatMap(({ points }) => points)
  if (all.length === 0) return null
  const low = Math.min(...all.map(({ frames }) => frames))
  const high = Math.max(...all.map(({ frames }) => frames))
  const at = (frames: number): number => (high > low ? (frames - low) / (high - low) : 0.5)
  const yTicks = ticksTo(Math.max(1, ...all.map(({ slowdown }) => slowdown)))
  return {
    xLabel: 'RAM, frames',
    xTicks: [...new Set([low, ...roundBetween(low, high), high])].map((frames) => ({ x: at(frames), label: frames.toLocaleString('en-US') })),
    yMax: yTicks.at(-1) ?? 1,
    yTicks,
    lines: fits.map(({ devices, points }) => ({
      label: devices === 1 ? '1 device' : `${devices} devices`,
      points: points.map(({ frames, slowdown }) => ({
        x: at(frames),
        value: slowdown,
        half: null,
        run: null,
        ...pointText(`${frames.toLocaleString('en-US')} frames, ${devices === 1 ? '1 device' : `${devices} devices`}`, slowdown),
      })),
    })),
  }
}
