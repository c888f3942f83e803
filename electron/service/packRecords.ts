/**
 * The records of a packed run (runPack.ts makes them, runUnpack.ts takes them over), as the schemas that their heads are held to.
 *
 * In this order: `run`; per workload `workload`, per process of it `process` and its `references`; `samples`; `events`;
 * `keyframe`. Each is a head in JSON and bytes (db/recordFile.ts).
 */
import { z } from 'zod'
import { eventColumns, EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import { REFERENCES_PER_CHUNK } from '../../engine/workload/streamFile.ts'
import { ContractError, recordingInfoSchema, totalsSchema } from '../contract/contract.ts'

/** 1 had neither keyframes nor how a workload was recorded, 2 neither processes that begin others nor names of objects. */
export const PACK_VERSION = 3

const text = z.string().max(100_000)
const count = z.int().min(0)
const ended = ['finished', 'stopped', 'failed', 'kernel-panic', 'livelock', 'interrupted'] as const

export const runHead = z.object({
  type: z.literal('run'),
  packVersion: z.int().min(1).max(PACK_VERSION),
  traceFormat: z.int().min(1).max(2),
  name: text,
  experimentName: text,
  file: z.unknown(),
  seed: count,
  engineVersion: text,
  recorded: z.boolean(),
  status: z.enum(ended),
  problem: text.nullable(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  note: text,
  tags: z.array(text).max(100),
  workloadNames: z.array(text).max(10_000),
  frames: count,
  nsPerReference: z.number(),
  footprint: count,
  referencesTotal: count,
  bucketNs: z.int().min(1),
  endTimeNs: z.number().min(0),
  thresholds: z.record(text, z.number()),
  totals: totalsSchema,
  devices: z.array(z.object({ name: text, image: text, pages: count, timing: text, baseDigest: text })).max(100),
  fileImage: z.object({ image: text, baseDigest: text }).optional(),
  interventions: z.array(z.looseObject({ at: z.number(), action: text })),
  messages: z.array(z.object({ time: z.number(), level: z.enum(['info', 'warning', 'error']), routine: text, text })),
  kernelView: z.unknown(),
  objects: z
    .array(
      z.object({
        object: count,
        firstEvent: count,
        kind: text,
        process: z.int(),
        startPage: z.number(),
        pages: count,
        name: text,
        labels: z.array(z.object({ page: count, pages: count, label: text })),
      }),
    )
    .default([]),
  variant: z.object({ name: text, description: text, file: text, digest: text }).optional(),
  sampleColumns: z.array(text).max(10_000),
})
export const workloadHead = z.object({
  type: z.literal('workload'),
  name: text.min(1),
  source: text,
  eventsPerReference: z.number().positive(),
  processes: z.int().min(1).max(10_000),
  /** How it was recorded; null: it was not. */
  recording: recordingInfoSchema.nullable().default(null),
})
export const processHead = z.object({
  type: z.literal('process'),
  name: text,
  pageCount: count,
  referenceCount: count,
  verbs: z
    .array(
      z.union([
        z.object({ at: count, verb: z.enum(['fork', 'spawn', 'wait']), child: count }),
        z.object({
          at: count,
          verb: z.literal('map'),
          page: count,
          pages: z.int().min(1),
          object: z.literal(''),
          offset: z.literal(0),
        }),
      ]),
    )
    .max(1_000_000)
    .default([]),
})
export const referencesHead = z.object({
  type: z.literal('references'),
  count: z.int().min(1).max(REFERENCES_PER_CHUNK),
})
export const samplesHead = z.object({
  type: z.literal('samples'),
  level: z.int().min(0).max(30),
  firstBucket: count,
  endBucket: count,
  rows: z.int().min(1).max(100_000),
})
export const keyframeHead = z.object({ type: z.literal('keyframe'), reference: count, timeNs: count })
export const eventsHead = z.object({
  type: z.literal('events'),
  count: z.int().min(1).max(EVENTS_PER_CHUNK),
  columns: z.array(z.object({ rawBytes: count.max(1 << 24), bytes: count })).length(eventColumns.length),
})

/** A head that is what its schema says. Throws ContractError `damaged`. */
export function checked<T>(schema: z.ZodType<T>, head: unknown): T {
  const { data, error } = schema.safeParse(head)
  if (data !== undefined) return data
  const issue = error?.issues[0]
  throw new ContractError({
    code: 'damaged',
    message: `the packed run cannot be read: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
  })
}

export const outOfPlace = (what: string) =>
  new ContractError({
    code: 'damaged',
    message: `the packed run cannot be read: its records are not in order (${what})`,
  })
