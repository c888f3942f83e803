/**
 * The chores thread: what takes long and is not a run. Imports of traces, generated workloads, looking at images, and checks
 * of experiments while somebody writes them.
 */
import { statSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { TraceStore } from '../../../db/traceStore.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import { ExperimentError } from '../../../engine/sim/experiment.ts'
import { completeParameters, generateWorkload, generator } from '../../../engine/workload/generators/index.ts'
import { plainName } from '../../../engine/workload/importers/index.ts'
import { verbIssues } from '../../../engine/workload/verbs.ts'
import { computeThresholds } from '../../../engine/vm/thresholds.ts'
import { ContractError, type WorkloadInfo } from '../../contract/contract.ts'
import { toEngineExperiment, type ExperimentFile, type ExperimentIssue } from '../../contract/experiment.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import { checkOnImage, directoryOnImage } from '../imageFiles.ts'
import { createWorkspaceImage, deleteWorkspaceImage, inspectImage, listImages, openDevices } from '../images.ts'
import { interventionIssues } from '../interventions.ts'
import type { CheckResult, ChoresCalls, ChoresData, ChoresSaid, ImportJob } from '../protocol.ts'
import { say, serveCalls } from '../threadCalls.ts'
import { unpackRun } from '../runUnpack.ts'
import { importFile } from '../workloads.ts'

const PROGRESS_MS = 100
/** A generator's parameters are counted out for a check only up to this many references; a run counts them all. */
const GENERATED_REFERENCES_MAX = 4_000_000

if (!parentPort) throw new Error('this file is a thread of the workbench')
const port = parentPort
// what the service has passed
const data = workerData as ChoresData
const paths = workspacePaths(data.workspace)
const store = TraceStore.open(paths.database)
const tell = (said: ChoresSaid) => say(port, said)
const jobs = new Map<number, AbortController>()

serveCalls<ChoresCalls>(port, {
  importWorkload,
  cancel: (job) => jobs.get(job)?.abort(new ContractError({ code: 'cancelled', message: 'the import was cancelled' })),
  generateWorkload: (name, title, parameters) => {
    const workload = generateWorkload(title, parameters)
    return store.workloads.add({ ...workload, name })
  },
  unpackRun: (file) => unpackRun(store, file),
  images: (added) => listImages(data.workspace, added),
  createImage: (name, sizeBytes) => createWorkspaceImage(data.workspace, name, sizeBytes),
  inspectImage,
  deleteImage: (name) => deleteWorkspaceImage(data.workspace, name),
  imageDirectory: directoryOnImage,
  imageCheck: checkOnImage,
  checkExperiment,
})

async function importWorkload(job: ImportJob): Promise<WorkloadInfo> {
  const { path: trace, format, limit, eventsPerReference } = job
  const name = store.workloads.unusedName(job.name === '' ? plainName(path.basename(trace)) : job.name)
  const total = statSync(trace, { throwIfNoEntry: false })?.size ?? 0
  const abort = new AbortController()
  jobs.set(job.job, abort)
  let saidAt = 0
  const progress = (done: number) => {
    const now = performance.now()
    if (now - saidAt < PROGRESS_MS) return
    saidAt = now
    tell({ type: 'import-progress', job: job.job, done: Math.min(done, total), total })
  }
  const options = { format, limit, eventsPerReference, name, signal: abort.signal, onRead: progress }
  try {
    if (limit > 0) {
      const workload = await importFile(trace, options)
      abort.signal.throwIfAborted()
      return store.workloads.add({ ...workload, name })
    }
    // references go to the store as they come, so that a trace of any length needs no memory
    const writer = store.workloads.begin({ name, source: path.basename(trace), eventsPerReference })
    try {
      const workload = await importFile(trace, { ...options, storageFor: (process) => writer.storage(process) })
      await nextTurn()
      abort.signal.throwIfAborted()
      return writer.finish(workload.processes, { eventsPerReference: workload.eventsPerReference })
    } catch (error) {
      writer.abandon()
      throw error
    }
  } catch (error) {
    throw abort.signal.aborted && abort.signal.reason instanceof Error ? abort.signal.reason : error
  } finally {
    jobs.delete(job.job)
  }
}

/** What is known of the workloads without reading a trace; null where something is not. */
interface Extent {
  footprint: number
  references: number
  events: number
}

const generatedExtents = new Map<string, Extent | null>()

function checkExperiment(file: ExperimentFile): CheckResult {
  const issues: ExperimentIssue[] = []
  let extent: Extent | null = { footprint: 0, references: 0, events: 0 }
  for (const [number, { workload }] of file.processes.entries()) {
    const one = extentOf(workload, `processes[${number}].workload`, issues)
    extent =
      extent && one
        ? {
            footprint: extent.footprint + one.footprint,
            references: extent.references + one.references,
            events: extent.events + one.events,
          }
        : null
  }
  const known: Extent = extent ?? { footprint: 0, references: 0, events: 0 }
  const eventsPerReference = known.references > 0 ? known.events / known.references : 1
  const experiment = toEngineExperiment(file, known.footprint, eventsPerReference)
  // where a workload may have verbs of its own, all are put in order
  for (const [number, { workload, verbs }] of file.processes.entries())
    issues.push(...verbIssues(number, verbs, file.processes.length, 'generator' in workload))
  issues.push(...interventionIssues(file))
  try {
    openDevices(experiment, { workspace: data.workspace, added: store.images.list(), overlayPrefix: null }).close()
  } catch (error) {
    // that somebody writes to an image is no mistake of the experiment and passes: the run says so, if it is still so
    if (errorShape(error).code !== 'image-in-use') issues.push(issueOf(error, 'swap.devices'))
  }
  const hasFrames = file.machine.frames !== null || extent !== null
  let thresholds: Record<string, number> | null = null
  if (hasFrames) {
    try {
      thresholds = { ...computeThresholds(experiment) }
    } catch (error) {
      const issue = issueOf(error, 'machine.frames')
      // where RAM is a share of the footprint, that share is what the person can change
      if (issue.field === 'machine.frames' && file.machine.frames === null) issue.field = 'machine.footprintPercent'
      issues.push(issue)
    }
  }
  return {
    issues,
    frames: hasFrames ? experiment.machine.frames : null,
    footprint: extent ? known.footprint : null,
    references: extent ? known.references : null,
    nsPerReference: file.machine.nsPerReference !== null || extent ? experiment.machine.nsPerReference : null,
    thresholds,
  }
}

function extentOf(
  choice: ExperimentFile['processes'][number]['workload'],
  field: string,
  issues: ExperimentIssue[],
): Extent | null {
  if ('name' in choice) {
    const info = store.workloads.find(choice.name)
    if (!info) {
      issues.push({ field: `${field}.name`, message: `the workspace has no workload "${choice.name}"` })
      return null
    }
    const { footprint, references, eventsPerReference } = info
    return { footprint, references, events: references * eventsPerReference }
  }
  if ('file' in choice) {
    if (!statSync(path.resolve(data.workspace, choice.file), { throwIfNoEntry: false })?.isFile())
      issues.push({ field: `${field}.file`, message: `there is no file ${choice.file}` })
    return null
  }
  const key = JSON.stringify(choice)
  const cached = generatedExtents.get(key)
  if (cached !== undefined) return cached
  try {
    const parameters = completeParameters(generator(choice.generator), choice.parameters)
    const isLong = (parameters.references ?? 0) > GENERATED_REFERENCES_MAX
    const shortened = isLong ? { ...parameters, references: GENERATED_REFERENCES_MAX } : parameters
    const [stream] = generateWorkload(choice.generator, shortened).processes
    const references = isLong ? (parameters.references ?? 0) : (stream?.referenceCount ?? 0)
    const extent = { footprint: stream?.pageCount ?? 0, references, events: references }
    if (generatedExtents.size > 100) generatedExtents.clear()
    generatedExtents.set(key, extent)
    return extent
  } catch (error) {
    const { code, message, field: at } = errorShape(error)
    issues.push({ field: code === 'unknown-generator' ? `${field}.generator` : `${field}.parameters.${at ?? ''}`, message })
    return null
  }
}

function issueOf(error: unknown, fallback: string): ExperimentIssue {
  const { message, field = fallback } = errorShape(error)
  if (!(error instanceof ExperimentError) && !(error instanceof ContractError)) return { field: fallback, message }
  return { field, message: message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message }
}
