/**
 * A recorded run as one file that another workbench takes over: its configuration, everything that was recorded but keyframes, and
 * the workloads that it read, so that it can be replayed there to the same digest. Raw images that were there before the run
 * do not travel: where a run wants one, its replay asks for it by its digest.
 *
 * Records (db/recordFile.ts), in this order: `run`; per workload `workload`, per process of it `process` and its `references`;
 * `samples`; `events`. Whoever takes a file over believes nothing: heads are checked against the schemas below, every column is decoded,
 * every chunk's digest and the trace's are computed anew.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { ChunkReader } from '../../db/chunkReader.ts'
import { StoreError } from '../../db/errors.ts'
import { digestOf, type EncodedChunk } from '../../db/eventEncoder.ts'
import { indexPages } from '../../db/pageIndex.ts'
import { readRecords, writeRecords, type FileRecord } from '../../db/recordFile.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import type { RunDetail } from '../../db/types.ts'
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import {
  decodeReferences,
  encodeReferences,
  REFERENCES_PER_CHUNK,
  useOfKind,
} from '../../engine/workload/streamFile.ts'
import type { ProcessStream, Workload } from '../../engine/workload/workload.ts'
import { ContractError, totalsSchema } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { resolveWorkload } from './workloads.ts'

const PACK_VERSION = 1

const text = z.string().max(100_000)
const count = z.int().min(0)
const ended = ['finished', 'stopped', 'failed', 'kernel-panic', 'livelock', 'interrupted'] as const

const runHead = z.object({
  type: z.literal('run'),
  packVersion: z.literal(PACK_VERSION),
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
  variant: z.object({ name: text, description: text, file: text, digest: text }).optional(),
  sampleColumns: z.array(text).max(10_000),
})
const workloadHead = z.object({
  type: z.literal('workload'),
  name: text.min(1),
  source: text,
  eventsPerReference: z.number().positive(),
  processes: z.int().min(1).max(10_000),
})
const processHead = z.object({ type: z.literal('process'), name: text, pageCount: count, referenceCount: count })
const referencesHead = z.object({ type: z.literal('references'), count: z.int().min(1).max(REFERENCES_PER_CHUNK) })
const samplesHead = z.object({
  type: z.literal('samples'),
  level: z.int().min(0).max(30),
  firstBucket: count,
  endBucket: count,
  rows: z.int().min(1).max(100_000),
})
const eventsHead = z.object({
  type: z.literal('events'),
  count: z.int().min(1).max(EVENTS_PER_CHUNK),
  columns: z.array(z.object({ rawBytes: count.max(1 << 24), bytes: count })).length(eventColumns.length),
})

/**
 * Writes a run to a new file. `base` is the folder that files of its experiment start from. Throws ContractError for a run that
 * runs, a workload that is gone, a file that is there already.
 */
export async function packRun(store: TraceStore, id: number, file: string, base: string): Promise<void> {
  const run = store.runs.detail(id)
  if (run.status === 'running' || run.status === 'paused')
    throw new ContractError({ code: 'running', message: `run ${id} is ${run.status}; wait for its end` })
  const { file: experiment } = parseExperiment(run.file)
  if (!experiment)
    throw new ContractError({
      code: 'damaged',
      message: `the configuration of run ${id} cannot be read by this version`,
    })
  const { workloads, carried } = await workloadsOf(experiment, store, base)
  try {
    writeRecords(file, records(store, run, carried, workloads))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new ContractError({ code: 'exists', message: `there is a file ${file} already` })
  }
}

/** The workloads of an experiment that are not made by a generator, and the experiment as it names them. */
async function workloadsOf(experiment: ExperimentFile, store: TraceStore, base: string) {
  const workloads = new Map<string, Workload>()
  const processes: ExperimentFile['processes'] = []
  for (const [number, process] of experiment.processes.entries()) {
    if ('generator' in process.workload) {
      processes.push(process)
      continue
    }
    const { workload } = await resolveWorkload(process.workload, `processes[${number}].workload`, store, base)
    workloads.set(workload.name, workload)
    processes.push({ ...process, workload: { name: workload.name } })
  }
  return { workloads: [...workloads.values()], carried: { ...experiment, processes } }
}

function* records(store: TraceStore, run: RunDetail, file: ExperimentFile, workloads: Workload[]) {
  const { id } = run
  yield {
    head: {
      ...run,
      type: 'run',
      packVersion: PACK_VERSION,
      file,
      traceFormat: store.runs.traceFormat(id),
      kernelView: store.runs.kernelView(id),
      sampleColumns: store.samples.storedColumns(id),
    },
  }
  for (const { name, source, eventsPerReference, processes } of workloads) {
    yield { head: { type: 'workload', name, source, eventsPerReference, processes: processes.length } }
    for (const process of processes) yield* processRecords(process)
  }
  for (const { data, ...place } of store.samples.storedChunks(id))
    yield { head: { type: 'samples', ...place }, bytes: data }
  for (const { head, reader } of store.events.storedChunks(id)) {
    const columns = eventColumns.map(({ name }) => reader.stored(name))
    yield {
      head: {
        type: 'events',
        count: head.event_count,
        columns: columns.map(({ rawBytes, data }) => ({ rawBytes, bytes: data.length })),
      },
      bytes: Buffer.concat(columns.map(({ data }) => data)),
    }
  }
}

function* processRecords(stream: ProcessStream) {
  const { name, pageCount, referenceCount, pageNumbers } = stream
  const numbers = new Uint8Array(pageNumbers.slice(0, pageCount).buffer)
  yield { head: { type: 'process', name, pageCount, referenceCount }, bytes: numbers }
  const reader = stream.open()
  const piece = new Uint32Array(REFERENCES_PER_CHUNK)
  for (let ordinal = 0; ordinal < referenceCount;) {
    const want = Math.min(REFERENCES_PER_CHUNK, referenceCount - ordinal)
    let have = 0
    while (have < want) {
      const view = reader.read(ordinal + have)
      if (view.length === 0) throw new StoreError('damaged', `the stream ${name} ends too early`, 'stream_chunks')
      const part = view.subarray(0, want - have)
      piece.set(part, have)
      have += part.length
    }
    yield { head: { type: 'references', count: want }, bytes: encodeReferences(piece, want) }
    ordinal += want
  }
}

/** Takes over the run of a packed file. Answers its id. Throws StoreError or ContractError, and then nothing of it stays. */
export function unpackRun(store: TraceStore, file: string): number {
  const unpacking = new Unpacking(store)
  try {
    for (const record of recordsOf(file)) unpacking.take(record)
    return unpacking.finish()
  } catch (error) {
    unpacking.abandon()
    throw error
  }
}

function* recordsOf(file: string): Generator<FileRecord> {
  try {
    yield* readRecords(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'ENOENT')
      throw new ContractError({ code: 'not-found', message: `there is no file ${file}`, field: 'path' })
    if (code === 'EISDIR') throw new ContractError({ code: 'damaged', message: `${file} is a folder`, field: 'path' })
    throw error
  }
}

class Unpacking {
  readonly #store: TraceStore
  #head: z.infer<typeof runHead> | null = null
  #experiment: ExperimentFile | null = null
  /** Names in the file, and the workloads that they became. */
  readonly #workloads = new Map<string, { id: number; name: string; isNew: boolean }>()
  #workload: IncomingWorkload | null = null
  #run: number | null = null
  #events = 0
  readonly #digest = createHash('sha256')

  constructor(store: TraceStore) {
    this.#store = store
  }

  take({ head, bytes }: FileRecord): void {
    switch (head['type']) {
      case 'run':
        this.#takeRun(checked(runHead, head))
        return
      case 'workload':
        this.#endWorkload()
        if (!this.#head || this.#run !== null) throw outOfPlace('workload')
        this.#workload = new IncomingWorkload(this.#store, checked(workloadHead, head))
        return
      case 'process':
        if (!this.#workload) throw outOfPlace('process')
        this.#workload.takeProcess(checked(processHead, head), bytes)
        return
      case 'references':
        if (!this.#workload) throw outOfPlace('references')
        this.#workload.takeReferences(checked(referencesHead, head).count, bytes)
        return
      case 'samples': {
        const { level, firstBucket, endBucket, rows } = checked(samplesHead, head)
        this.#store.samples.putChunk(this.#begun(), { level, firstBucket, endBucket, rows, data: bytes })
        return
      }
      case 'events':
        this.#takeEvents(checked(eventsHead, head), bytes)
        return
      default:
        throw new ContractError({
          code: 'damaged',
          message: `the packed run has a record of a kind that is not known: ${String(head['type'])}`,
        })
    }
  }

  finish(): number {
    const id = this.#begun()
    const head = this.#head
    if (!head) throw outOfPlace('end')
    const hasAll = head.recorded && head.status !== 'failed' && head.status !== 'interrupted'
    if (hasAll && (this.#events !== head.totals.events || this.#digest.digest('hex') !== head.totals.traceDigest))
      throw new ContractError({
        code: 'damaged',
        message: 'the events of the packed run have not the digest that it says they have',
      })
    this.#store.transaction(() => {
      this.#store.appendMessages(id, head.messages)
      for (const intervention of head.interventions) this.#store.appendIntervention(id, intervention)
      const { status, problem, endTimeNs, kernelView } = head
      this.#store.finishRun(id, {
        ...{ status, problem, endTimeNs, totals: { ...head.totals, run: id } },
        ...(kernelView === null || kernelView === undefined ? {} : { kernelView }),
      })
      this.#store.runs.setOrigin(id, head.startedAt, head.endedAt, head.sampleColumns)
      this.#store.runs.setNote(id, head.note)
      this.#store.runs.setTags(id, head.tags)
    })
    return id
  }

  abandon(): void {
    this.#workload?.abandon()
    if (this.#run !== null) this.#store.runs.discard(this.#run)
    for (const { id, isNew } of this.#workloads.values()) if (isNew) this.#store.workloads.remove(id)
  }

  #takeRun(head: z.infer<typeof runHead>): void {
    if (this.#head) throw outOfPlace('run')
    const { file, issues } = parseExperiment(head.file)
    const [issue] = issues
    if (!file)
      throw new ContractError({
        code: 'damaged',
        message: `the experiment of the packed run: ${issue?.field ?? ''}: ${issue?.message ?? ''}`,
      })
    this.#head = head
    this.#experiment = file
  }

  #endWorkload(): void {
    if (!this.#workload) return
    const name = this.#workload.head.name
    if (this.#workloads.has(name)) throw outOfPlace(`workload ${name}`)
    const incoming = this.#workload
    this.#workload = null
    this.#workloads.set(name, incoming.finish())
  }

  /** The run that samples and events go to; made when its workloads are there. */
  #begun(): number {
    this.#endWorkload()
    if (this.#run !== null) return this.#run
    const [head, file] = [this.#head, this.#experiment]
    if (!head || !file) throw outOfPlace('beginning')
    const processes = file.processes.map((process) => {
      if (!('name' in process.workload)) return process
      const workload = this.#workloads.get(process.workload.name)
      if (!workload)
        throw new ContractError({
          code: 'damaged',
          message: `the packed run has not its workload "${process.workload.name}"`,
        })
      return { ...process, workload: { name: workload.name } }
    })
    const { variant, fileImage, ...rest } = head
    this.#run = this.#store.createRun({
      ...rest,
      ...(variant ? { variant } : {}),
      ...(fileImage ? { fileImage } : {}),
      file: { ...file, processes },
      workloads: head.workloadNames.map((name) => {
        const workload = this.#workloads.get(name)
        return { id: workload?.id ?? null, name: workload?.name ?? name }
      }),
      replayOf: null,
      sameConfiguration: false,
    })
    this.#store.runs.setTraceFormat(this.#run, head.traceFormat)
    return this.#run
  }

  #takeEvents({ count: rows, columns }: z.infer<typeof eventsHead>, bytes: Uint8Array): void {
    const id = this.#begun()
    const format = this.#head?.traceFormat ?? 0
    const starts = columns.map((_, i) => columns.slice(0, i).reduce((sum, column) => sum + column.bytes, 0))
    const stored = columns.map(({ rawBytes, bytes: length }, i) => ({
      name: eventColumns[i]!.name,
      rawBytes,
      data: bytes.subarray(starts[i], starts[i]! + length),
    }))
    if (stored.reduce((sum, { data }) => sum + data.length, 0) !== bytes.length)
      throw new ContractError({
        code: 'damaged',
        message: `the events from ${this.#events} on have another length than they say`,
      })
    const reader = new ChunkReader(rows, format, (name) => stored.find((column) => column.name === name)!)
    const events = reader.events()
    const canonical = stored.map(({ name }) => reader.canonical(name))
    const digest = digestOf(rows, canonical)
    if (format > 1) this.#digest.update(digest)
    else {
      const word = new Uint32Array([rows])
      this.#digest.update(word)
      for (const column of canonical) {
        word[0] = column.length
        this.#digest.update(word).update(column)
      }
    }
    const kindCounts = eventKinds.map((_, kind) => events.kind.reduce((sum, each) => sum + Number(each === kind), 0))
    const chunk: EncodedChunk = {
      firstEvent: this.#events,
      count: rows,
      beginNs: events.time[0]!,
      endNs: events.time[rows - 1]!,
      kindCounts,
      digest,
      columns: stored,
      index: format > 1 ? indexPages(events) : null,
    }
    if (this.#events % EVENTS_PER_CHUNK !== 0) throw outOfPlace('events')
    this.#store.appendEvents(id, chunk)
    this.#events += rows
  }
}

/** A workload of a packed run, stored as it comes. */
class IncomingWorkload {
  readonly head: z.infer<typeof workloadHead>
  readonly #store: TraceStore
  readonly #writer: ReturnType<TraceStore['workloads']['begin']>
  readonly #processes: (ProcessStream & { chunks: number; references: number })[] = []
  readonly #references = new Uint32Array(REFERENCES_PER_CHUNK)

  constructor(store: TraceStore, head: z.infer<typeof workloadHead>) {
    this.head = head
    this.#store = store
    const name = store.workloads.unusedName(head.name)
    this.#writer = store.workloads.begin({ name, source: head.source, eventsPerReference: head.eventsPerReference })
  }

  takeProcess({ name, pageCount, referenceCount }: z.infer<typeof processHead>, bytes: Uint8Array): void {
    if (bytes.length !== pageCount * 8)
      throw new ContractError({
        code: 'damaged',
        message: `process "${name}" has ${bytes.length} bytes of page numbers, not ${pageCount * 8}`,
      })
    const pageNumbers = new Float64Array(new Uint8Array(bytes).buffer)
    const wrong = pageNumbers.findIndex((number) => !Number.isSafeInteger(number) || number < 0)
    if (wrong >= 0)
      throw new ContractError({ code: 'damaged', message: `page ${wrong} of process "${name}" has no page number` })
    const pageUse = new Uint8Array(pageCount)
    const tables = { name, pageCount, referenceCount, pageNumbers, pageUse }
    const storage = this.#writer.storage(this.#processes.length)
    this.#processes.push({ ...tables, open: () => storage.open(tables), chunks: 0, references: 0 })
  }

  takeReferences(rows: number, bytes: Uint8Array): void {
    const process = this.#processes.at(-1)
    if (!process) throw outOfPlace('references')
    decodeReferences(bytes, this.#references, rows)
    const { name, pageCount, pageUse } = process
    for (let i = 0; i < rows; i++) {
      const reference = this.#references[i]!
      if (reference >>> 2 >= pageCount || (reference & 3) === 3)
        throw new ContractError({
          code: 'damaged',
          message: `reference ${process.references + i} of process "${name}" is to a page that it has not`,
        })
      pageUse[reference >>> 2]! |= useOfKind[reference & 3]!
    }
    if (process.references % REFERENCES_PER_CHUNK !== 0) throw outOfPlace('references')
    this.#writer.storage(this.#processes.length - 1).write(process.chunks++, this.#references.subarray(0, rows))
    process.references += rows
  }

  /** The stored workload: the one that the workspace has already where it is the same. */
  finish(): { id: number; name: string; isNew: boolean } {
    const short = this.#processes.find(({ references, referenceCount }) => references !== referenceCount)
    if (short || this.#processes.length !== this.head.processes)
      throw new ContractError({
        code: 'damaged',
        message: `workload "${this.head.name}" of the packed run is not whole`,
      })
    const info = this.#writer.finish(this.#processes)
    const known = this.#store.workloads
      .list()
      .find(
        (each) =>
          each.id !== info.id &&
          each.eventsPerReference === info.eventsPerReference &&
          each.references === info.references &&
          this.#store.workloads.areAlike(each.id, info.id),
      )
    if (!known) return { id: info.id, name: info.name, isNew: true }
    this.#store.workloads.remove(info.id)
    return { id: known.id, name: known.name, isNew: false }
  }

  abandon(): void {
    this.#writer.abandon()
  }
}

function checked<T>(schema: z.ZodType<T>, head: unknown): T {
  const { data, error } = schema.safeParse(head)
  if (data !== undefined) return data
  const issue = error?.issues[0]
  throw new ContractError({
    code: 'damaged',
    message: `the packed run cannot be read: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
  })
}

const outOfPlace = (what: string) =>
  new ContractError({
    code: 'damaged',
    message: `the packed run cannot be read: its records are not in order (${what})`,
  })
