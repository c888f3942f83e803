/** From what an experiment says about its processes to streams that a machine can read. */
import { statSync } from 'node:fs'
import path from 'node:path'
import type { TraceStore } from '../../db/traceStore.ts'
import { GeneratorError, generateWorkload } from '../../engine/workload/generators/index.ts'
import { importTrace } from '../../engine/workload/importers/index.ts'
import { ImportError } from '../../engine/workload/importError.ts'
import { MemoryStorage, REFERENCES_PER_CHUNK, useOfKind } from '../../engine/workload/streamFile.ts'
import type { ReferenceStorage } from '../../engine/workload/streamFile.ts'
import type { Verb } from '../../engine/workload/verbs.ts'
import type { ProcessStream, Workload } from '../../engine/workload/workload.ts'
import { ContractError } from '../contract/contract.ts'
import type { ExperimentFile } from '../contract/experiment.ts'
import { errorShape } from '../hosts/dispatch.ts'
import { decompressedBy } from './decompressors.ts'

type WorkloadChoice = ExperimentFile['processes'][number]['workload']

export interface ResolvedWorkloads {
  processes: { name: string; stream: ProcessStream; verbs: Verb[]; user: number }[]
  /** The workload of each process, for the run's record, and which of its processes it is. */
  workloads: { id: number | null; name: string; process: number }[]
  footprint: number
  references: number
  /** Mean over the workloads, weighted by their references. */
  eventsPerReference: number
}

/**
 * The processes of an experiment. A workload of several processes becomes as many, which begin each other as the workload says. `folder` is where relative
 * files start from. Throws ContractError with the experiment's field.
 */
export async function resolveWorkloads(file: ExperimentFile, store: TraceStore, folder: string): Promise<ResolvedWorkloads> {
  const resolved: ResolvedWorkloads = { processes: [], workloads: [], footprint: 0, references: 0, eventsPerReference: 1 }
  let events = 0
  /** The machine's first process of each of the file's. */
  const first: number[] = []
  for (const [number, process] of file.processes.entries()) {
    const field = `processes[${number}].workload`
    const { id, workload } = await resolveWorkload(process.workload, field, store, folder)
    const base = resolved.processes.length
    first.push(base)
    for (const [place, stream] of workload.processes.entries()) {
      const name = process.name === '' ? stream.name || workload.name : process.name
      resolved.processes.push({ name, stream, verbs: (stream.verbs ?? []).map((verb) => ('child' in verb ? { ...verb, child: base + verb.child } : verb)), user: process.user })
      resolved.workloads.push({ id, name: workload.name, process: place })
      resolved.footprint += stream.pageCount
      resolved.references += stream.referenceCount
      events += stream.referenceCount * workload.eventsPerReference
    }
  }
  for (const [number, process] of file.processes.entries()) {
    const verbs = process.verbs.map((verb, place) => {
      if (!('child' in verb)) return verb
      const child = first[verb.child]
      const field = `processes[${number}].verbs[${place}].child`
      if (child === undefined)
        throw new ContractError({ code: 'verb', message: `${field}: there is no process ${verb.child}`, field })
      return { ...verb, child }
    })
    const machineProcess = resolved.processes[first[number]!]!
    // an experiment's own verbs are held to their order by the machine
    machineProcess.verbs = machineProcess.verbs.length === 0 ? verbs : [...machineProcess.verbs, ...verbs].sort((a, b) => a.at - b.at)
  }
  if (resolved.references > 0) resolved.eventsPerReference = events / resolved.references
  return resolved
}

/** The workload that a process of an experiment names; `field` is where. Throws ContractError. */
export async function resolveWorkload(
  choice: WorkloadChoice,
  field: string,
  store: TraceStore,
  base: string,
): Promise<{ id: number | null; workload: Workload }> {
  if ('name' in choice) {
    const info = store.workloads.find(choice.name)
    if (!info) throw noSuchWorkload(choice.name, field, store)
    return { id: info.id, workload: store.workloads.open(info.id) }
  }
  if ('generator' in choice) {
    try {
      return { id: null, workload: generateWorkload(choice.generator, choice.parameters) }
    } catch (error) {
      if (!(error instanceof GeneratorError)) throw error
      const at = error.code === 'unknown-generator' ? `${field}.generator` : `${field}.parameters.${error.field}`
      throw new ContractError({ code: error.code, message: `${at}: ${error.message}`, field: at })
    }
  }
  const trace = path.resolve(base, choice.file)
  const { format, limit, eventsPerReference } = choice
  return { id: null, workload: await importFile(trace, { format, limit, eventsPerReference, field: `${field}.file` }) }
}

function noSuchWorkload(name: string, field: string, store: TraceStore): ContractError {
  const names = store.workloads.list().map((workload) => workload.name)
  const known = names.length === 0 ? 'it has none yet' : `it has ${names.join(', ')}`
  return new ContractError({
    code: 'no-such-workload',
    message: `${field}.name: the workspace has no workload "${name}"; ${known}`,
    field: `${field}.name`,
  })
}

export interface ImportFileOptions {
  /** Empty: found from the content. */
  format: string
  /** References of each process that are kept; 0: all. */
  limit: number
  eventsPerReference: number
  name?: string
  /** The field that names the file, for messages. */
  field?: string
  storageFor?: (process: number) => ReferenceStorage
  /** Hears of the bytes of the file read so far. */
  onRead?: (bytes: number) => void
  signal?: AbortSignal
}

/** Imports a trace file, into memory unless `storageFor` says where. Throws ContractError that names the file. */
export async function importFile(trace: string, options: ImportFileOptions): Promise<Workload> {
  const { format, limit, eventsPerReference, name, field, storageFor, onRead, signal } = options
  // says what is missing before a decompressor has its own words for it
  const status = statSync(trace, { throwIfNoEntry: false })
  if (!status?.isFile()) {
    const problem = status === undefined ? `there is no file ${trace}` : `${trace} is ${status.isDirectory() ? 'a folder' : 'no regular file'}`
    throw new ContractError({
      code: 'unreadable',
      message: `${field === undefined ? '' : `${field}: `}${problem}`,
      ...(field === undefined ? {} : { field }),
    })
  }
  try {
    const workload = await importTrace(trace, {
      ...(format === '' ? {} : { format }),
      ...(name === undefined ? {} : { name }),
      eventsPerReference,
      referencesWanted: limit,
      ...(limit > 0 ? { storageFor: () => new LimitedStorage(limit) } : storageFor ? { storageFor } : {}),
      ...(onRead ? { onRead } : {}),
      ...(signal ? { signal } : {}),
      decompressedBy,
    })
    // what the person says about the trace counts more than what the importer could count
    const events = eventsPerReference === 1 ? workload.eventsPerReference : eventsPerReference
    const processes = limit > 0 ? workload.processes.map((stream) => limitStream(stream, limit)) : workload.processes
    return { ...workload, eventsPerReference: events, processes }
  } catch (error) {
    if (!(error instanceof ImportError)) throw error
    const { code, message } = errorShape(error)
    const where = message.includes(path.basename(trace)) ? message : `${trace}: ${message}`
    throw new ContractError({
      code,
      message: field === undefined ? where : `${field}: ${where}`,
      ...(field === undefined ? {} : { field }),
    })
  }
}

/** Keeps the chunks with the first `limit` references and lets go of the rest, so that memory is bounded by the limit. */
class LimitedStorage extends MemoryStorage {
  readonly #chunks: number

  constructor(limit: number) {
    super()
    this.#chunks = Math.ceil(limit / REFERENCES_PER_CHUNK)
  }

  override write(chunk: number, references: Uint32Array): void {
    if (chunk < this.#chunks) super.write(chunk, references)
  }
}

/** The first `limit` references of a stream. Pages are dense in order of first reference, so those that stay are the first. */
export function limitStream(stream: ProcessStream, limit: number): ProcessStream {
  if (stream.referenceCount <= limit) return stream
  const reader = stream.open()
  const pageUse = new Uint8Array(stream.pageCount)
  let pageCount = 0
  for (let ordinal = 0; ordinal < limit; ) {
    const references = reader.read(ordinal)
    const count = Math.min(references.length, limit - ordinal)
    for (let i = 0; i < count; i++) {
      const reference = references[i] ?? 0
      const page = reference >>> 2
      pageUse[page] = (pageUse[page] ?? 0) | (useOfKind[reference & 3] ?? 0)
      if (page >= pageCount) pageCount = page + 1
    }
    ordinal += count
  }
  return {
    name: stream.name,
    pageCount,
    referenceCount: limit,
    pageNumbers: stream.pageNumbers.slice(0, pageCount),
    pageUse: pageUse.slice(0, pageCount),
    open: () => {
      const source = stream.open()
      return { read: (ordinal) => source.read(Math.min(ordinal, limit)).subarray(0, Math.max(0, limit - ordinal)) }
    },
  }
}
