/** The recorder thread: records one program into the store, and is ended with it. */
import path from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { parentPort, workerData } from 'node:worker_threads'
import { TraceStore } from '../../../db/traceStore.ts'
import { workspacePaths } from '../../../db/workspace.ts'
import { WorkloadBuilder } from '../../../engine/workload/streamBuilder.ts'
import { ContractError, type RecordingInfo, type WorkloadInfo } from '../../contract/contract.ts'
import type { RecorderCalls, RecorderData, RecorderSaid, RecordJob } from '../protocol.ts'
import { Recorder, type RecordingProgress } from '../recording/recorder.ts'
import { say, serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')
const port = parentPort
// what the service has passed
const data = workerData as RecorderData
const paths = workspacePaths(data.workspace)
const tell = (said: RecorderSaid) => say(port, said)
let recorder: Recorder | null = null
let ending: 'keep' | 'drop' | null = null

serveCalls<RecorderCalls>(port, {
  record,
  end: (keep) => {
    ending = keep ? 'keep' : 'drop'
    recorder?.stop()
  },
})

async function record(job: RecordJob): Promise<WorkloadInfo> {
  const store = TraceStore.open(paths.database)
  const { program, filterSize } = job
  const directory = path.resolve(data.workspace, job.directory)
  const command = [program, ...job.arguments]
  const source = `recorded under valgrind, user mode only${filterSize > 1 ? `, filter ${filterSize}` : ''}: ${command.map(shown).join(' ')}`
  const startedAt = new Date().toISOString()
  const name = store.workloads.unusedName(job.name === '' ? path.basename(program) : job.name)
  const writer = store.workloads.begin({ name, source, eventsPerReference: 1 })
  try {
    const builder = new WorkloadBuilder({ name, source, storageFor: (process) => writer.storage(process) })
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
    recorder = Recorder.start(
      {
        ...job,
        directory,
        scratch: paths.incoming,
        onProgress: (progress) => tell({ type: 'progress', progress: { ...progress, rate: rateOf(progress) } }),
        onOutput: (stream, bytes) => tell({ type: 'output', stream, text: decoders[stream].write(Buffer.from(bytes)) }),
      },
      builder,
    )
    const result = await recorder.record()
    if (ending === 'drop') throw new ContractError({ code: 'cancelled', message: 'the recording was dropped' })
    const { processes, eventsPerReference } = builder.finish()
    const { end, exitStatus, signal, seconds, notes } = result
    const recording: RecordingInfo = {
      command,
      directory,
      startedAt,
      seconds,
      end,
      exitStatus,
      signal,
      filterSize,
      events: builder.rawEvents,
      processes: result.processes,
      notes,
    }
    const withVerbs = processes.map((stream, number) => ({ ...stream, verbs: result.verbs[number] ?? [] }))
    return writer.finish(withVerbs, { eventsPerReference, recording })
  } catch (error) {
    writer.abandon()
    throw error
  } finally {
    store.close()
  }
}

const RATE_OVER_SECONDS = 1
let recent: RecordingProgress[] = []

/** Events per second over about the last second. */
function rateOf(progress: RecordingProgress): number {
  recent = [...recent.filter((each) => progress.seconds - each.seconds <= RATE_OVER_SECONDS), progress]
  const first = recent[0] ?? progress
  const seconds = progress.seconds - first.seconds
  return seconds > 0 ? (progress.events - first.events) / seconds : 0
}

/** An argument as a shell would take it. */
const shown = (argument: string) =>
  /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
