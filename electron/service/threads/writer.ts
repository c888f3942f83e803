/**
 * The store-writer thread: owns the workspace, makes every small change to it, and takes what running machines record.
 *
 * Life cycle of a run here:
 *  1. `beginRun` makes its row and connects the engine thread's port.
 *  2. Chunks of events come over the port; each is encoded (here, or in the encoder thread beside), its buffer goes back, and if
 *     the run is recorded the chunk is stored. Samples, messages and the rest are appended as they come.
 *  3. `end`, once all chunks have been taken, completes the run durably and answers its digest. An engine that died is ended by
 *     `endAbandoned`.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { EventEncoder } from '../../../db/eventEncoder.ts'
import { zeroTotals } from '../../../db/types.ts'
import { openWorkspace, type Workspace } from '../../../db/workspace.ts'
import type { KernelView } from '../../../engine/sim/kernelNames.ts'
import { ContractError, type Totals } from '../../contract/contract.ts'
import { errorShape } from '../../hosts/dispatch.ts'
import { Checkpointer } from '../checkpointer.ts'
import { ChunkQueue, EncoderThread } from '../chunkEncoders.ts'
import { eventChunkIn } from '../eventBuffer.ts'
import { diskFullProblem } from '../problems.ts'
import { SharedWord, type EndStatus, type RunToWriter, type WriterCalls, type WriterData, type WriterToRun } from '../protocol.ts'
import { packSnapshot } from '../snapshotBytes.ts'
import { serveCalls } from '../threadCalls.ts'

/** All keyframes of a run together. */
const KEYFRAME_BYTES_MAX = 256 << 20

interface Recording {
  id: number
  recorded: boolean
  encoder: EventEncoder
  chunks: ChunkQueue
  port: MessagePort
  shared: Int32Array
  keyframeBytes: number
  /** The last totals that came, for a run whose thread dies. */
  totals: Totals
  endTimeNs: number
  /** Why nothing of this run is stored any more; null while all is well. */
  refused: string | null
}

if (!parentPort) throw new Error('this file is a thread of the workbench')
// what the service has passed
const data = workerData as WriterData
const recordings = new Map<number, Recording>()
const encoderThread = new EncoderThread()
let workspace: Workspace | null = null
const checkpointer = new Checkpointer()

serveCalls<WriterCalls>(parentPort, {
  open: () => {
    workspace = openWorkspace(data.workspace)
    workspace.store.checkpointSeldom()
    return { created: workspace.created, interrupted: [...workspace.interrupted] }
  },
  beginRun: (run, port, shared) => {
    const recorded = typeof run !== 'number'
    const id = recorded ? store().createRun(run) : run
    const encoder = new EventEncoder(recorded)
    const recording: Recording = {
      id,
      recorded,
      encoder,
      chunks: new ChunkQueue(encoderThread, recorded, {
        onEncoded: (encoded) => {
          encoder.accept(encoded)
          attempt(recording, () => {
            store().appendEvents(id, encoded)
            checkpointer.wrote(encoded.columns.reduce((sum, column) => sum + column.data.length, 0), store().path)
          })
        },
        onBuffer: (buffer) => giveBack(recording, buffer),
        onFailed: (error) => refuse(recording, error),
      }),
      port,
      shared: new Int32Array(shared),
      keyframeBytes: 0,
      totals: zeroTotals(recorded ? id : null),
      endTimeNs: 0,
      refused: null,
    }
    recordings.set(id, recording)
    port.on('message', (message: RunToWriter) => take(recording, message))
    return id
  },
  endAbandoned: (id, problem, totals, endTimeNs) => {
    const recording = recordings.get(id)
    if (!recording) return
    Object.assign(recording, { totals, endTimeNs: Math.max(endTimeNs, recording.endTimeNs) })
    return abandon(recording, problem)
  },
  renameWorkload: (id, name) => store().workloads.rename(id, name),
  removeWorkload: (id) => store().workloads.remove(id),
  saveExperiment: (id, file) => store().experiments.save(id, file.name, file),
  removeExperiment: (id) => store().experiments.remove(id),
  renameRun: (id, name) => void store().runs.rename(id, name),
  annotateWorkload: ({ id, note, tags }) => {
    if (note !== undefined) store().workloads.setNote(id, note)
    if (tags !== undefined) store().workloads.setTags(id, tags)
    return store().workloads.get(id)
  },
  limit: (limits) => {
    store().retention.set(limits)
    return store().retention.apply()
  },
  compact: () => {
    if (recordings.size > 0) throw new ContractError({ code: 'running', message: 'a run is being recorded; wait for its end' })
    store().compact()
  },
  keepTallies: (run, tallies) => store().tallies.put(run, tallies),
  annotateRun: ({ id, note, tags }) => {
    if (note !== undefined) store().runs.setNote(id, note)
    if (tags !== undefined) store().runs.setTags(id, tags)
  },
  removeRun: (id) => store().runs.remove(id),
  addReport: (report) => store().reports.add(report),
  removeReport: (id) => store().reports.remove(id),
  saveSweep: (name, file) => store().sweeps.save(name, file),
  removeSweep: (id) => store().sweeps.remove(id),
  addImage: (name, path) => void store().images.add(name, path),
  removeImage: (name) => {
    const known = store().images.find(name) !== null
    if (known) store().images.remove(name)
    return known
  },
  close: async () => {
    for (const recording of [...recordings.values()]) await abandon(recording, 'The workbench was closed while it ran.')
    await encoderThread.end()
    await checkpointer.end()
    workspace?.close()
    workspace = null
  },
})

function store() {
  if (!workspace) throw new Error('the workspace is not open')
  return workspace.store
}

function take(recording: Recording, message: RunToWriter): void {
  switch (message.type) {
    case 'chunk':
      recording.chunks.add(message.buffer, message.count)
      return
    case 'tail':
      // shown only where it follows on what is stored
      if (!recording.chunks.isIdle) return
      attempt(recording, () =>
        store().events.replaceTail(recording.id, recording.encoder.peek(eventChunkIn(message.buffer, message.count))),
      )
      return
    case 'samples':
      attempt(recording, () => store().appendSamples(recording.id, message.batch))
      return
    case 'messages':
      attempt(recording, () => store().appendMessages(recording.id, message.messages))
      return
    case 'objects':
      attempt(recording, () => store().objects.append(recording.id, message.objects))
      return
    case 'interventions':
      attempt(recording, () => {
        for (const intervention of message.interventions) store().appendIntervention(recording.id, { ...intervention })
      })
      return
    case 'progress':
      recording.totals = message.totals
      recording.endTimeNs = message.endTimeNs
      attempt(recording, () => store().saveProgress(recording.id, message.totals, message.endTimeNs))
      return
    case 'status':
      attempt(recording, () => store().runs.setStatus(recording.id, message.status))
      return
    case 'keyframe': {
      const packed = packSnapshot(message.snapshot)
      recording.keyframeBytes += packed.length
      if (recording.keyframeBytes > KEYFRAME_BYTES_MAX) return
      const { reference, timeNs } = message
      attempt(recording, () => store().putKeyframe(recording.id, { reference, timeNs, data: packed }))
      return
    }
    case 'end': {
      const { status, problem, totals, endTimeNs, at, kernelView } = message
      recording.chunks.whenIdle(() => finish(recording, status, problem, totals, endTimeNs, at, kernelView))
    }
  }
}

function giveBack({ port, shared }: Recording, buffer: SharedArrayBuffer): void {
  const answer: WriterToRun = { type: 'buffer', buffer }
  port.postMessage(answer)
  Atomics.add(shared, SharedWord.returned, 1)
  Atomics.notify(shared, SharedWord.returned)
}

/** Stores something of a run. When that fails, nothing more of it is stored and its engine is told to end it. */
function attempt(recording: Recording, body: () => void): void {
  if (!recording.recorded || recording.refused !== null) return
  try {
    body()
  } catch (error) {
    refuse(recording, error)
  }
}

function refuse(recording: Recording, error: unknown): void {
  recording.refused ??= problemOf(error)
  const answer: WriterToRun = { type: 'refused', problem: recording.refused }
  recording.port.postMessage(answer)
  Atomics.store(recording.shared, SharedWord.abandon, 1)
  Atomics.add(recording.shared, SharedWord.returned, 1)
  Atomics.notify(recording.shared, SharedWord.returned)
}

/** Ends a run whose engine will not: with the chunks that are on their way. */
function abandon(recording: Recording, problem: string): Promise<void> {
  return new Promise((resolve) => {
    recording.chunks.whenIdle(() => {
      if (recordings.has(recording.id))
        finish(recording, 'failed', problem, recording.totals, recording.endTimeNs, Date.now())
      resolve()
    })
  })
}

function problemOf(error: unknown): string {
  const { code, message } = errorShape(error)
  return code === 'disk-full' ? diskFullProblem(message) : message
}

/** What cannot be removed now is when the next run ends. */
function removeBeyondLimits(): void {
  try {
    store().retention.apply()
  } catch {
    // the run that has just ended is well all the same
  }
}

function finish(
  recording: Recording,
  status: EndStatus,
  problem: string | null,
  totals: Totals,
  endTimeNs: number,
  at: number,
  kernelView?: KernelView,
): void {
  const { id, encoder, port } = recording
  recordings.delete(id)
  let ended: EndStatus = recording.refused === null ? status : 'failed'
  let why = recording.refused ?? problem
  const { events } = encoder
  const traceDigest = encoder.finish()
  const seconds = totals.seconds + Math.max(0, Date.now() - at) / 1000
  if (recording.recorded) {
    try {
      store().finishRun(id, { status: ended, problem: why, totals: { ...totals, events, traceDigest, seconds, status: ended }, endTimeNs, kernelView })
      removeBeyondLimits()
    } catch (error) {
      // a full disk even for the last line: the row stays, and the next owner marks it interrupted
      ended = 'failed'
      why ??= problemOf(error)
    }
  }
  const answer: WriterToRun = { type: 'ended', status: ended, problem: why, traceDigest, events, seconds }
  port.postMessage(answer)
}
