/** "How much RAM does this need?": what the search for the smallest machine answers. */
import { z } from 'zod'

const probeSchema = z.object({
  frames: z.int(),
  /** Virtual time through that of unlimited RAM; null where the run was cut off above the limit, or did not get to its end. */
  slowdown: z.number().nullable(),
  isWithin: z.boolean(),
})
export type NeedProbe = z.infer<typeof probeSchema>

const layoutSchema = z.object({
  /** Swap devices, alike. */
  devices: z.int(),
  /** The smallest RAM found, in frames. */
  frames: z.int(),
  virtualSeconds: z.number(),
  slowdown: z.number(),
  /** Neighbours that were tried and say otherwise than a threshold would: smaller ones that are within, larger ones that are not. */
  exceptions: z.array(probeSchema),
  /** From here on every RAM that was tried is within; `frames` where there are no exceptions above it. */
  safeFrames: z.int(),
  /** At `frames`, with more swap than it can use. */
  peakSwapPages: z.number(),
  /** The smallest swap, over all devices and without their labels, with which that RAM is still within. */
  swapPages: z.number(),
  /** What `swapPages` has beyond the peak, as a share of it; 0 where nothing is swapped. */
  fragmentationMargin: z.number(),
  /** Every RAM that was tried, ascending. */
  probes: z.array(probeSchema),
})
export type NeedLayout = z.infer<typeof layoutSchema>

export const needResultSchema = z.object({
  name: z.string(),
  /** Per cent of virtual time. */
  within: z.number(),
  /** Pages that the workloads touch. */
  footprint: z.number(),
  references: z.number(),
  unlimited: z.object({ frames: z.int(), virtualSeconds: z.number() }),
  layouts: z.array(layoutSchema),
  /** The number of devices that needs least RAM; among equals the fastest, then the fewest. */
  best: z.int(),
})
export type NeedResult = z.infer<typeof needResultSchema>

export const needProgressSchema = z.object({
  search: z.int(),
  name: z.string(),
  state: z.enum(['running', 'finished', 'failed', 'cancelled']),
  /** Machines run so far. */
  runs: z.int(),
  /** Between which frames the answer lies, by the number of devices. */
  brackets: z.array(z.object({ devices: z.int(), low: z.int(), high: z.int() })),
  error: z.string().nullable(),
  result: needResultSchema.nullable(),
})
export type NeedProgress = z.infer<typeof needProgressSchema>
