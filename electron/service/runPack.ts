/**
 * A recorded run as one file that another workbench takes over (runUnpack.ts): its configuration, everything that was recorded, and
 * the workloads that it read, so that it can be replayed there to the same digest. Raw images that were there before the run
 * do not travel: where a run wants one, its replay asks for it by its digest. packRecords.ts says what is in the file.
 */
import { StoreError } from '../../db/errors.ts'
import { writeRecords } from '../../db/recordFile.ts'
import type { TraceStore } from '../../db/traceStore.ts'
import type { RunDetail } from '../../db/types.ts'
import { eventColumns } from '../../engine/sim/events.ts'
import { encodeReferences, REFERENCES_PER_CHUNK } from '../../engine/workload/streamFile.ts'
import type { ProcessStream, Workload } from '../../engine/workload/workload.ts'
import { ContractError } from '../contract/contract.ts'
import { parseExperiment, type ExperimentFile } from '../contract/experiment.ts'
import { PACK_VERSION } from './packRecords.ts'
import { resolveWorkload } from './workloads.ts'

/**
 * Writes a run to a new file. `base` is the folder that files of its experiment start from. Throws ContractError for a run that
 * runs, a workload that is gone; the system's error for a file that cannot be made, as one that is there.
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
  writeRecords(file, records(store, run, carried, workloads))
}

/** With how it was recorded, as JSON data; null: it was not. */
type CarriedWorkload = Workload & { recording: unknown }

/** The workloads of an experiment that are not made by a generator, and the experiment as it names them. */
async function workloadsOf(experiment: ExperimentFile, store: TraceStore, base: string) {
  const workloads = new Map<string, CarriedWorkload>()
  const processes: ExperimentFile['processes'] = []
  for (const [number, process] of experiment.processes.entries()) {
    if ('generator' in process.workload) {
      processes.push(process)
      continue
    }
    const { id, workload } = await resolveWorkload(process.workload, `processes[${number}].workload`, store, base)
    workloads.set(workload.name, { ...workload, recording: id === null ? null : store.workloads.recording(id) })
    processes.push({ ...process, workload: { name: workload.name } })
  }
  return { workloads: [...workloads.values()], carried: { ...experiment, processes } }
}

function* records(store: TraceStore, run: RunDetail, file: ExperimentFile, workloads: CarriedWorkload[]) {
  const { id } = run
  yield {
    head: {
      ...run,
      type: 'run',
      packVersion: PACK_VERSION,
      file,
      traceFormat: store.runs.traceFormat(id),
      objects: store.objects.list(id),
      kernelView: store.runs.kernelView(id),
      sampleColumns: store.samples.storedColumns(id),
    },
  }
  for (const { name, source, eventsPerReference, processes, recording } of workloads) {
    yield { head: { type: 'workload', name, source, eventsPerReference, processes: processes.length, recording } }
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
  for (const { reference } of store.keyframes.list(id)) {
    const keyframe = store.keyframes.atReference(id, reference)
    if (keyframe) yield { head: { type: 'keyframe', reference, timeNs: keyframe.timeNs }, bytes: keyframe.data }
  }
}

function* processRecords(stream: ProcessStream) {
  const { name, pageCount, referenceCount, pageNumbers, verbs = [] } = stream
  const numbers = new Uint8Array(pageNumbers.slice(0, pageCount).buffer)
  yield { head: { type: 'process', name, pageCount, referenceCount, verbs }, bytes: numbers }
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
