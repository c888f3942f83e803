/** What a comparison of runs says: the answer to `runs.compare`, and what `pager compare RUN RUN... --json` prints. */
import { z } from 'zod'

const runEventSchema = z.object({
  /** Its number in the run, from 0. */
  number: z.number(),
  timeNs: z.number(),
  kind: z.string(),
  process: z.number(),
  object: z.number(),
  page: z.number(),
  pages: z.number(),
  device: z.number(),
  block: z.number(),
  durationNs: z.number(),
  detail: z.number(),
  /** What happened, in words. */
  text: z.string(),
})
export type RunEvent = z.infer<typeof runEventSchema>

const divergenceSchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('same'), events: z.number() }),
  z.object({
    outcome: z.literal('differs'),
    /** Number of the first event that is not the same, and the earlier of its two times. */
    event: z.number(),
    timeNs: z.number(),
    /** Its columns that differ; empty where one trace had ended. */
    fields: z.array(z.string()),
    first: runEventSchema.nullable(),
    second: runEventSchema.nullable(),
  }),
  z.object({ outcome: z.literal('not-comparable'), reason: z.string() }),
])
export type Divergence = z.infer<typeof divergenceSchema>

const fieldValueSchema = z.union([z.number(), z.string(), z.boolean(), z.null()])
export type FieldValue = z.infer<typeof fieldValueSchema>

const countRowSchema = z.object({
  name: z.string(),
  unit: z.string(),
  meaning: z.string(),
  /** One for each run, in the order asked for. */
  values: z.array(z.number()),
  /** To the first run's. */
  differences: z.array(z.number()),
  /** Value through the first run's; null where that is 0. */
  ratios: z.array(z.number().nullable()),
})
export type CountRow = z.infer<typeof countRowSchema>

export const comparisonSchema = z.object({
  runs: z.array(
    z.object({
      run: z.int(),
      name: z.string(),
      status: z.string(),
      traceDigest: z.string(),
      replayOf: z.int().nullable(),
      /** The kernel whose vnode pager its files have; null: none. */
      pager: z.string().nullable(),
      /** The counters that this pager keeps itself, under its kernel's names. */
      ownCounters: z.record(z.string(), z.number()),
    }),
  ),
  /** Fields that are not the same in all runs; null is what the file says where a formula decides. `absent`: the runs, by place, that lack it. */
  configuration: z.array(z.object({ field: z.string(), values: z.array(fieldValueSchema), absent: z.array(z.int()) })),
  totals: z.array(countRowSchema),
  /** Where files have a vnode pager: counts that mean the same under every kernel, taken at the devices and at the waits of processes. */
  neutral: z.array(countRowSchema),
  /** Each run but the first against the first. */
  divergences: z.array(z.object({ run: z.int(), against: z.int(), divergence: divergenceSchema })),
})
export type Comparison = z.infer<typeof comparisonSchema>
