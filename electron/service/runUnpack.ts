/**
 * Takes over a packed run (runPack.ts). Nothing is believed: heads are checked against their schemas, every column is decoded,
 * every chunk's digest and the trace's are computed anew. Of keyframes it is known only that they can be read.
 */
import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { ChunkReader } from '../../db/chunkReader.ts'
import { digestOf, type EncodedChunk } from '../../db/eventEncoder.ts'
import { indexPages } from '../../db/chunkMemory.ts'
import { readRecords, type FileRecord } from '../../db/recordFile.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import { eventColumns, eventKinds, EVENTS_PER_CHUNK } from '../../engine/sim/events.ts'
import { decodeReferences, REFERENCES_PER_CHUNK, useOfKind } from '../../engine/workload/streamFile.ts'
import type { ProcessStream } from '../../engine/workload/workload.ts'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import {
  checked,
  eventsHead,
  keyframeHead,
  outOfPlace,
  processHead,
  referencesHead,
  runHead,
  samplesHead,
  workloadHead,
} from './packRecords.ts'
import { unpackSnapshot } from './snapshotBytes.ts'

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
      case 'keyframe':
        this.#takeKeyframe(checked(keyframeHead, head), bytes)
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
      this.#store.objects.append(id, head.objects)
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

  #takeKeyframe({ reference, timeNs }: z.infer<typeof keyframeHead>, bytes: Uint8Array): void {
    const id = this.#begun()
    const head = this.#head
    if (!head || reference > head.totals.references || timeNs > head.endTimeNs) throw outOfPlace('keyframe')
    try {
      unpackSnapshot(bytes)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new ContractError({
        code: 'damaged',
        message: `the packed run's keyframe at reference ${reference} cannot be read: ${why}`,
      })
    }
    this.#store.putKeyframe(id, { reference, timeNs, data: bytes })
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

  takeProcess({ name, pageCount, referenceCount, verbs }: z.infer<typeof processHead>, bytes: Uint8Array): void {
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
    this.#processes.push({ ...tables, verbs, open: () => storage.open(tables), chunks: 0, references: 0 })
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
    const count = this.#processes.length
    const isStray = this.#processes.some(({ verbs = [] }, number) =>
      verbs.some((verb) => 'child' in verb && (verb.child >= count || verb.child === number)),
    )
    if (short || isStray || count !== this.head.processes)
      throw new ContractError({
        code: 'damaged',
        message: `workload "${this.head.name}" of the packed run is not whole`,
      })
    const { recording } = this.head
    const info = this.#writer.finish(this.#processes, recording === null ? {} : { recording })
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
